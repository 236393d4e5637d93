/** Exit codes of every command. */
export const EXIT = { ok: 0, notAllLoaded: 1, usage: 2 } as const;

/** An error for the person at the terminal: printed without a stack, with what to do next. */
export class UserError extends Error {
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(message: string, options: { hint?: string; exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "UserError";
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? EXIT.usage;
  }
}
