import { styleText } from "node:util";
import Table from "cli-table3";

/**
 * What commands print: results to stdout, everything else to stderr, so that a pipe gets results only.
 * On a terminal the last line is alive (progress).
 */
export class Output {
  #living = "";
  readonly #terminal = process.stderr.isTTY;

  /** A result. */
  result(text: string): void {
    this.#clear();
    process.stdout.write(`${text}\n`);
    this.#redraw();
  }

  json(value: unknown): void {
    this.result(JSON.stringify(value, null, 2));
  }

  /** A line about what happened. */
  note(text: string): void {
    this.#clear();
    process.stderr.write(`${text}\n`);
    this.#redraw();
  }

  /** The living line, unstyled; an empty text removes it. In a pipe nothing is printed: `note` says what to keep. */
  progress(text: string): void {
    if (!this.#terminal) return;
    this.#clear();
    // Cut before it is styled: a cut style would go on to the end of the terminal.
    this.#living = text && dim(`… ${text}`.slice(0, Math.max(20, (process.stderr.columns ?? 80) - 1)));
    this.#redraw();
  }

  #clear(): void {
    if (this.#living) process.stderr.write("\r\u001b[2K");
  }

  #redraw(): void {
    if (this.#living) process.stderr.write(this.#living);
  }
}

export const good = (text: string) => styleText("green", text, { stream: process.stderr });
export const bad = (text: string) => styleText("red", text, { stream: process.stderr });
export const dim = (text: string) => styleText("dim", text, { stream: process.stderr });
export const strong = (text: string) => styleText("bold", text, { stream: process.stderr });

/** A table for people; numbers (by `numeric`) to the right. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly (string | null)[])[],
  numeric: readonly boolean[] = [],
): string {
  const table = new Table({
    head: [...head],
    style: {
      head: process.stdout.isTTY ? ["bold"] : [],
      border: process.stdout.isTTY ? ["gray"] : [],
      // A line below the head and none between the rows: a result is read as one block.
      compact: true,
    },
    colAligns: head.map((_, index) => (numeric[index] ? "right" : "left")),
  });
  table.push(...rows.map((row) => row.map((cell) => cell ?? "")));
  return table.toString();
}

const number = new Intl.NumberFormat("en-US");

export function count(value: number, singular: string, plural = `${singular}s`): string {
  return `${number.format(value)} ${value === 1 ? singular : plural}`;
}

export function bytes(size: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = size;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(2)} s` : `${Math.round(ms / 1000)} s`;
}
