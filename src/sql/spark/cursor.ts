import { SparkSqlError } from "./errors.ts";
import type { Span } from "./errors.ts";
import { tokenize } from "./lexer.ts";
import type { Token } from "./lexer.ts";

/** A place in the tokens of one SQL text, and the few ways to move on from it. */
export class Cursor {
  readonly sql: string;
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(sql: string) {
    this.sql = sql;
    this.#tokens = tokenize(sql);
  }

  peek(ahead = 0): Token {
    const token = this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)];
    if (token === undefined) throw new Error("the tokens of a text always end with an end");
    return token;
  }

  next(): Token {
    const token = this.peek();
    if (token.kind !== "end") this.#at += 1;
    return token;
  }

  /** The token before the place: where the node that was just read ends. */
  get lastEnd(): number {
    return this.#tokens[this.#at - 1]?.end ?? 0;
  }

  isWord(...words: readonly string[]): boolean {
    return words.every((word, index) => this.peek(index).upper === word);
  }

  isSymbol(symbol: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === "symbol" && token.value === symbol;
  }

  takeWord(...words: readonly string[]): boolean {
    if (!this.isWord(...words)) return false;
    this.#at += words.length;
    return true;
  }

  takeSymbol(symbol: string): boolean {
    if (!this.isSymbol(symbol)) return false;
    this.#at += 1;
    return true;
  }

  expectWord(word: string): void {
    if (!this.takeWord(word)) this.unexpected(word);
  }

  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) this.unexpected(`"${symbol}"`);
  }

  unexpected(wanted: string, hint?: string): never {
    const token = this.peek();
    const found = token.kind === "end" ? "the end of the SQL" : `"${this.sql.slice(token.start, token.end)}"`;
    throw new SparkSqlError(`expected ${wanted}, found ${found}`, token, hint);
  }

  fail(message: string, span: Span, hint?: string): never {
    throw new SparkSqlError(message, span, hint);
  }
}
