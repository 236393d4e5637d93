/** Something of a template that is not run as AWS would run it. */
export interface Finding {
  /** Where, as a path into the template: `Resources.IngestQueue.Properties.FifoQueue`. */
  readonly where: string;
  readonly message: string;
}

/** What the local runtime makes of a stack. */
export interface Report {
  readonly stack: string;
  readonly supported: readonly { readonly logicalId: string; readonly type: string }[];
  /** Accepted without local effect, each with its reason. */
  readonly ignored: readonly Finding[];
  /** Not supported: with any of these the stack is not provisioned. */
  readonly refused: readonly Finding[];
}

/** A template, or part of one, that cannot be run. The message names what and where. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
  readonly findings: readonly Finding[];

  constructor(message: string, findings: readonly Finding[] = []) {
    super(message);
    this.findings = findings;
  }
}

/** An error at one place of a template. */
export function errorAt(where: string, message: string): TemplateError {
  return new TemplateError(`${where}: ${message}`, [{ where, message }]);
}

/** One error of all that is refused in a stack. */
export function refusal({ stack, refused }: Report): TemplateError {
  const lines = refused.map(({ where, message }) => `  ${where}: ${message}`);
  return new TemplateError(`The local runtime cannot run stack ${stack}:\n${lines.join("\n")}`, refused);
}
