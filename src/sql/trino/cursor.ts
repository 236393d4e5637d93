import type { Name } from "./ast.ts";
import { TrinoError } from "./errors.ts";
import type { Position } from "./errors.ts";
import { tokenize } from "./lexer.ts";
import type { Language, Token } from "./lexer.ts";

/** Words that are no name without quotes. https://trino.io/docs/current/language/reserved.html */
const RESERVED = new Set(
  `ALTER AND AS BETWEEN BY CASE CAST CONSTRAINT CREATE CROSS CUBE CURRENT_CATALOG CURRENT_DATE CURRENT_PATH CURRENT_ROLE
  CURRENT_SCHEMA CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DEALLOCATE DELETE DESCRIBE DISTINCT DROP ELSE END ESCAPE
  EXCEPT EXECUTE EXISTS EXTRACT FALSE FOR FROM FULL GROUP GROUPING HAVING IN INNER INSERT INTERSECT INTO IS JOIN LEFT
  LIKE LISTAGG LOCALTIME LOCALTIMESTAMP NATURAL NORMALIZE NOT NULL ON OR ORDER OUTER PREPARE RECURSIVE RIGHT ROLLUP
  SELECT SKIP TABLE THEN TRIM TRUE UESCAPE UNION UNNEST USING VALUES WHEN WHERE WITH`.split(/\s+/u),
);

/** Reads a statement token by token. */
export class Cursor {
  readonly sql: string;
  readonly #tokens: readonly Token[];
  readonly #language: Language;
  #next = 0;

  constructor(sql: string, language: Language = "trino") {
    this.#language = language;
    this.sql = sql;
    this.#tokens = tokenize(sql, language);
  }

  peek(ahead = 0): Token {
    const at = Math.min(this.#next + ahead, this.#tokens.length - 1);
    return this.#tokens[at] as Token;
  }

  take(): Token {
    const token = this.peek();
    if (token.kind !== "end") this.#next++;
    return token;
  }

  get position(): Position {
    return this.peek().position;
  }

  /** Are the next tokens these words? */
  atWords(...words: readonly string[]): boolean {
    return words.every((word, ahead) => {
      const token = this.peek(ahead);
      return token.kind === "word" && token.upper === word;
    });
  }

  /** Takes these words, when they are next. */
  word(...words: readonly string[]): boolean {
    const found = this.atWords(...words);
    if (found) this.#next += words.length;
    return found;
  }

  /** Takes the first of these words that is next. */
  oneOf<const Word extends string>(...words: readonly Word[]): Word | undefined {
    return words.find((word) => this.word(word));
  }

  expectWord(...words: readonly string[]): void {
    if (!this.word(...words)) throw this.unexpected(words.map((word) => `'${word}'`).join(" "));
  }

  atSymbol(symbol: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === "symbol" && token.text === symbol;
  }

  symbol(symbol: string): boolean {
    const found = this.atSymbol(symbol);
    if (found) this.#next++;
    return found;
  }

  expectSymbol(symbol: string): void {
    if (!this.symbol(symbol)) throw this.unexpected(`'${symbol}'`);
  }

  atName(ahead = 0): boolean {
    const token = this.peek(ahead);
    return (
      token.kind === "quoted" ||
      (token.kind === "backquoted" && this.#language === "hive") ||
      (token.kind === "word" && !RESERVED.has(token.upper))
    );
  }

  name(): Name {
    if (!this.atName()) throw this.unexpected("<identifier>");
    const token = this.take();
    return { text: token.kind === "word" ? token.text.toLowerCase() : token.text, position: token.position };
  }

  qualifiedName(): Name[] {
    const parts = [this.name()];
    while (this.atSymbol(".") && this.atName(1)) {
      this.take();
      parts.push(this.name());
    }
    return parts;
  }

  string(): string {
    if (this.peek().kind !== "string") throw this.unexpected("<string>");
    return this.take().text;
  }

  /** `item, item, …` */
  list<T>(item: () => T): T[] {
    const items = [item()];
    while (this.symbol(",")) items.push(item());
    return items;
  }

  /** `(` content `)` */
  parenthesized<T>(content: () => T): T {
    this.expectSymbol("(");
    const result = content();
    this.expectSymbol(")");
    return result;
  }

  /** One `;` may end a statement; after it there is nothing. */
  expectEnd(): void {
    this.symbol(";");
    if (this.peek().kind !== "end") throw this.unexpected("<EOF>");
  }

  unexpected(expected: string): TrinoError {
    const token = this.peek();
    if (token.kind === "backquoted") {
      const message = "backquoted identifiers are not supported; use double quotes to quote identifiers";
      return new TrinoError("SYNTAX_ERROR", message, token.position);
    }
    return new TrinoError(
      "SYNTAX_ERROR",
      `mismatched input '${this.sql.slice(token.start, token.end) || "<EOF>"}'. Expecting: ${expected}`,
      token.position,
    );
  }
}
