import { SparkSqlError } from "./errors.ts";
import type { Span } from "./errors.ts";

/**
 * Regular expressions: Spark's are Java's, DuckDB's are RE2's. Most people's patterns mean the same in both once a few
 * classes are spelled out; whatever would not is refused. Sources: java.util.regex.Pattern of Java 17, and
 * https://github.com/google/re2/wiki/Syntax
 */

/**
 * `test`: only whether it matches. `find`: what it matches matters too (extract, replace). `split`: DuckDB looks at what
 * is left after each match, so an anchor at the start would match again.
 */
export type RegexUse = "test" | "find" | "split";

/** Java's `.` stops at all of these, RE2's only at \n. */
const LINE_ENDS = "\\n\\r\\x{85}\\x{2028}\\x{2029}";

/** \s of RE2 lacks the vertical tab. */
const CLASSES: Readonly<Record<string, string>> = { d: "0-9", w: "A-Za-z0-9_", s: " \\t\\n\\x0B\\f\\r" };

const CONTROL: Readonly<Record<string, string>> = { t: "\\t", n: "\\n", r: "\\r", f: "\\f", a: "\\a", e: "\\x1B" };

/** The pattern for RE2. Throws for what RE2 lacks or reads in another way. */
export function translateRegex(pattern: string, span: Span, use: RegexUse): string {
  return new RegexTranslator(pattern, span, use).translate();
}

/** How many capturing groups there are. */
export function countGroups(pattern: string): number {
  return (
    pattern
      .replaceAll(/\\./gs, "")
      .replaceAll(/\[[^\]]*\]/g, "")
      .match(/\((?!\?)/g)?.length ?? 0
  );
}

interface Piece {
  readonly regex: string;
  /** Whether it can match the empty text. */
  readonly nullable: boolean;
}

class RegexTranslator {
  readonly #characters: readonly string[];
  readonly #span: Span;
  readonly #use: RegexUse;
  #at = 0;
  #ignoreCase = false;
  #dotAll = false;

  constructor(pattern: string, span: Span, use: RegexUse) {
    this.#characters = [...pattern];
    this.#span = span;
    this.#use = use;
  }

  translate(): string {
    this.#flags();
    const whole = this.#alternatives();
    if (this.#peek() !== undefined) this.#refuse(`")" closes nothing`);
    if (this.#use !== "test" && whole.nullable) {
      this.#refuse("the pattern can match the empty text", "let it match at least one character");
    }
    return whole.regex;
  }

  #flags(): void {
    const match = /^\(\?([a-zA-Z]+)\)/.exec(this.#characters.join(""));
    if (match === null) return;
    for (const flag of match[1] ?? "") {
      if (flag === "i") this.#ignoreCase = true;
      else if (flag === "s") this.#dotAll = true;
      else this.#refuse(`the flag (?${flag}) is not supported`, "(?i) and (?s) at the start are");
    }
    this.#at += [...match[0]].length;
  }

  #alternatives(): Piece {
    const branches = [this.#sequence()];
    while (this.#take("|")) branches.push(this.#sequence());
    return {
      regex: branches.map((branch) => branch.regex).join("|"),
      nullable: branches.some((branch) => branch.nullable),
    };
  }

  #sequence(): Piece {
    let regex = "";
    let nullable = true;
    for (;;) {
      const next = this.#peek();
      if (next === undefined || next === "|" || next === ")") return { regex, nullable };
      const piece = this.#quantified();
      regex += piece.regex;
      nullable &&= piece.nullable;
    }
  }

  #quantified(): Piece {
    const atom = this.#atom();
    const quantifier = this.#quantifier();
    if (quantifier === undefined) return atom;
    if (atom.nullable) this.#refuse("a repeated part can match the empty text", "repeat only what matches a character");
    const nullable = quantifier.least === 0;
    const after = this.#peek();
    if (after === "+") this.#refuse("possessive quantifiers are not supported");
    if (after === "?") {
      this.#at += 1;
      return { regex: `${atom.regex}${quantifier.text}?`, nullable };
    }
    if (after === "*" || (after === "{" && /^\{\d/.test(this.#rest()))) this.#refuse("one quantifier follows another");
    return { regex: `${atom.regex}${quantifier.text}`, nullable };
  }

  #quantifier(): { text: string; least: number } | undefined {
    const next = this.#peek();
    if (next === "*" || next === "+" || next === "?") {
      this.#at += 1;
      return { text: next, least: next === "+" ? 1 : 0 };
    }
    const match = /^\{(\d+)(?:,(\d*))?\}/.exec(this.#rest());
    if (match === null) return undefined;
    const [text, least = "0", most = least] = match;
    if (Number(least) > 1000 || Number(most) > 1000) this.#refuse(`${text} repeats more than 1000 times`);
    this.#at += text.length;
    return { text, least: Number(least) };
  }

  #atom(): Piece {
    const character = this.#next();
    switch (character) {
      case "(":
        return this.#group();
      case "[":
        return { regex: this.#class(), nullable: false };
      case ".":
        return { regex: this.#dotAll ? "(?s:.)" : `[^${LINE_ENDS}]`, nullable: false };
      case "^":
        return this.#start();
      case "$":
        if (this.#use !== "test") {
          this.#refuse("$ also matches before a final line break", "write \\\\z for the very end of the text");
        }
        return { regex: `(?:\\r\\n|[${LINE_ENDS}])?\\z`, nullable: true };
      case "\\":
        return this.#escape();
      case "*":
      case "+":
      case "?":
        return this.#refuse(`"${character}" repeats nothing`);
      case "{":
        return this.#refuse('"{" stands alone', "write \\\\{ for the character");
      default:
        return { regex: this.#letter(character), nullable: false };
    }
  }

  #group(): Piece {
    let open = "(";
    if (this.#take("?")) {
      if (!this.#take(":")) {
        const kind = this.#rest().slice(0, 2);
        const what = /^(?:=|!|<=|<!)/.test(kind) ? "look-ahead and look-behind are" : `(?${kind[0] ?? ""}…) is`;
        this.#refuse(`${what} not supported`, "groups are (…) and (?:…)");
      }
      open = "(?:";
    }
    const inner = this.#alternatives();
    if (!this.#take(")")) this.#refuse('"(" is not closed');
    return { regex: `${open}${inner.regex})`, nullable: inner.nullable };
  }

  #escape(): Piece {
    const letter = this.#next("a character after \\");
    if (letter in CLASSES) return { regex: `[${CLASSES[letter]}]`, nullable: false };
    const lower = letter.toLowerCase();
    if (letter !== lower && lower in CLASSES) return { regex: `[^${CLASSES[lower]}]`, nullable: false };
    if (letter === "A") return this.#start();
    if (letter === "z") return { regex: "\\z", nullable: true };
    return { regex: this.#letter(this.#escapedCharacter(letter)), nullable: false };
  }

  #start(): Piece {
    if (this.#use === "split") this.#refuse("the start of the text separates nothing");
    return { regex: "\\A", nullable: true };
  }

  /** The character that `\letter` stands for, in a class or outside. */
  #escapedCharacter(letter: string): string {
    const control = CONTROL[letter];
    if (control !== undefined)
      return { t: "\t", n: "\n", r: "\r", f: "\f", a: "\u0007", e: "\u001b" }[letter] ?? letter;
    if (letter === "x" || letter === "u") {
      const digits = (letter === "x" ? /^[0-9A-Fa-f]{2}/ : /^[0-9A-Fa-f]{4}/).exec(this.#rest())?.[0];
      if (digits === undefined) this.#refuse(`\\${letter} needs ${letter === "x" ? 2 : 4} hexadecimal digits`);
      this.#at += digits.length;
      return String.fromCodePoint(Number.parseInt(digits, 16));
    }
    if (/[A-Za-z0-9]/.test(letter)) {
      const hint = letter === "b" ? "spell out what may stand beside the word, such as (?:^|[^A-Za-z])" : undefined;
      this.#refuse(`\\${letter} is not supported`, hint);
    }
    return letter;
  }

  #class(): string {
    const negated = this.#take("^");
    let inner = "";
    if (this.#peek() === "]") this.#refuse('"]" right after "["', "write \\\\] for the character");
    for (;;) {
      const character = this.#next('"]"');
      if (character === "]") break;
      if (character === "[") this.#refuse("a class within a class is not supported", "write \\\\[ for the character");
      if (character === "&" && this.#peek() === "&") this.#refuse("&& in a class is not supported");
      if (character === "^") this.#refuse('"^" inside a class', "write \\\\^ for the character");
      if (character === "\\") {
        const letter = this.#next("a character after \\");
        if (letter in CLASSES) {
          inner += CLASSES[letter];
          if (this.#peek() === "-" && !this.#rest().startsWith("-]")) this.#refuse("a class is no end of a range");
          continue;
        }
        if (letter.toLowerCase() in CLASSES) this.#refuse(`\\${letter} in a class is not supported`);
        inner += this.#range(this.#escapedCharacter(letter));
      } else {
        inner += this.#range(character);
      }
    }
    return `[${negated ? "^" : ""}${inner}]`;
  }

  /** One character of a class, or a range that starts with it. */
  #range(first: string): string {
    if (this.#peek() !== "-" || this.#rest().startsWith("-]")) return this.#classLetter(first);
    this.#at += 1;
    const character = this.#next("the end of a range");
    const last = character === "\\" ? this.#escapedCharacter(this.#next("a character after \\")) : character;
    if (last === "[") this.#refuse("a class within a class is not supported");
    if ((last.codePointAt(0) ?? 0) < (first.codePointAt(0) ?? 0))
      this.#refuse(`the range ${first}-${last} is backwards`);
    const range = `${codePoint(first)}-${codePoint(last)}`;
    if (!this.#ignoreCase) return range;
    const isCased = /^[A-Z]$/.test(first) && /^[A-Z]$/.test(last);
    const isSmall = /^[a-z]$/.test(first) && /^[a-z]$/.test(last);
    if (isCased) return `${range}${codePoint(first.toLowerCase())}-${codePoint(last.toLowerCase())}`;
    if (isSmall) return `${range}${codePoint(first.toUpperCase())}-${codePoint(last.toUpperCase())}`;
    if (/[A-Za-z]/.test(first + last) || (first < "A" && last > "z"))
      this.#refuse(`the range ${first}-${last} under (?i) is not supported`);
    return range;
  }

  /** (?i) is about ASCII letters only in Java; in RE2 it would also take the Kelvin sign for a k. */
  #letter(character: string): string {
    if (this.#ignoreCase && /^[A-Za-z]$/.test(character))
      return `[${character.toLowerCase()}${character.toUpperCase()}]`;
    return codePoint(character);
  }

  #classLetter(character: string): string {
    if (this.#ignoreCase && /^[A-Za-z]$/.test(character)) return `${character.toLowerCase()}${character.toUpperCase()}`;
    return codePoint(character);
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #rest(): string {
    return this.#characters.slice(this.#at).join("");
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at += 1;
    return true;
  }

  #next(wanted = "more"): string {
    const character = this.#peek();
    if (character === undefined) this.#refuse(`the pattern ends where ${wanted} should follow`);
    this.#at += 1;
    return character;
  }

  #refuse(message: string, hint?: string): never {
    throw new SparkSqlError(`in the regular expression "${this.#characters.join("")}": ${message}`, this.#span, hint);
  }
}

/** A character as RE2 writes it, in a class or outside. */
function codePoint(character: string): string {
  return /^[A-Za-z0-9 _]$/.test(character) ? character : `\\x{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
