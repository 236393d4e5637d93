import type { Plan } from "../plan/plan.ts";

/** Everything the stack is made from. */
export interface PipelineSettings {
  readonly pipeline: string;
  /** `dev`, `prod`…: part of every name, so that stages live side by side in one account. */
  readonly stage: string;
  readonly plan: Plan;
  /** How long IngestQueue gathers messages before it calls EtlFunction, in seconds (0 to 300). */
  readonly batchingWindowSeconds: number;
  /** Workers of one Glue run, of type G.1X; at least 2. */
  readonly workers: number;
  /** How long logs are kept, in days; one of the values CloudWatch Logs takes. */
  readonly logRetentionDays: number;
  /** How long a replaced or deleted version stays in SourceBucket, in days. */
  readonly keepOldVersionsDays: number;
}

/** Where the built code lies: a directory per function, holding `index.mjs`, and the Glue script. */
export interface BuiltCode {
  readonly functions: Readonly<Record<FunctionName, string>>;
  readonly jobScript: string;
}

export type FunctionName = "etl" | "crawler";
