/** What the Lambda host needs to know of a function to run it. */
export interface FunctionConfiguration {
  readonly functionName: string;
  readonly functionArn: string;
  /** Changes with every change of code or configuration: environments of an older one are not used again. */
  readonly revisionId: string;
  /** The bundle's directory: it is run in place. */
  readonly directory: string;
  readonly handler: string;
  readonly runtime: Runtime;
  readonly roleArn: string;
  readonly timeoutSeconds: number;
  readonly memoryMiB: number;
  readonly variables: Readonly<Record<string, string>>;
  readonly logging: LoggingConfiguration;
  /** As AWS: undefined takes from the account's pool, 0 means that nothing is run. */
  readonly reservedConcurrency: number | undefined;
}

export interface LoggingConfiguration {
  readonly group: string;
  readonly format: "Text" | "JSON";
  readonly applicationLevel: "TRACE" | "DEBUG" | "INFO" | "WARN" | "ERROR" | "FATAL" | undefined;
  readonly systemLevel: "DEBUG" | "INFO" | "WARN" | undefined;
}

/** Runtimes that the host runs (both on its own Node). */
export const RUNTIMES = ["nodejs24.x", "nodejs22.x"] as const;
export type Runtime = (typeof RUNTIMES)[number];

export const VERSION = "$LATEST";

/** Of a synchronous payload and its answer, in bytes (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html). */
export const MAX_SYNCHRONOUS_PAYLOAD = 6 * 1024 * 1024;
