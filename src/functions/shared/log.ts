/**
 * One step, one line. Lambda's JSON log format puts the object under `message`, beside its own timestamp, level and
 * request id: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html
 */
export interface Log {
  info(step: string, details?: LogDetails): void;
  warn(step: string, details?: LogDetails): void;
  error(step: string, error: unknown, details?: LogDetails): void;
}

export interface LogDetails {
  readonly dataset?: string;
  readonly run?: string;
  readonly key?: string;
  readonly version?: string;
  readonly [detail: string]: unknown;
}

export const consoleLog: Log = {
  info: (step, details) => console.log({ step, ...details }),
  warn: (step, details) => console.warn({ step, ...details }),
  error: (step, error, details) => console.error({ step, ...details, ...describe(error) }),
};

export const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {} };

function describe(error: unknown): { error: string; message: string; stack?: string } {
  if (error instanceof Error) return { error: error.name, message: error.message, stack: error.stack };
  return { error: "unknown", message: String(error) };
}
