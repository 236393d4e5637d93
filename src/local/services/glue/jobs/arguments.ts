import { createHash } from "node:crypto";
import { invalidInput, unsupported } from "./errors.ts";
import type { JobRun, StoredJob } from "./store.ts";

type Arguments = Readonly<Record<string, string>>;

/**
 * Names that Glue keeps to itself
 * (https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html).
 */
const RESERVED = ["--JOB_NAME", "--JOB_ID", "--JOB_RUN_ID", "--debug", "--mode"];
const MAX_BYTES = 260 * 1024;

/** Refuses what Glue refuses in arguments, and by name what the local runtime cannot do. */
export function checkArguments(given: Arguments): void {
  for (const [name, value] of Object.entries(given)) {
    if (!name.startsWith("--")) throw invalidInput(`The name of a job argument must begin with --: ${name}`);
    if (RESERVED.includes(name)) throw invalidInput(`The job argument ${name} is reserved for AWS Glue.`);
    if (name === "--job-bookmark-option" && value !== "job-bookmark-disable") {
      throw unsupported(`The job argument ${name} ${value} (job bookmarks)`, "use job-bookmark-disable.");
    }
  }
  const size = Buffer.byteLength(JSON.stringify(given));
  if (size > MAX_BYTES) throw invalidInput(`The job's arguments have ${size} bytes; the limit is ${MAX_BYTES}.`);
}

/** What stands in the script's argv: what cannot be overridden wins over the run's, and the run's over the defaults. */
export function scriptArguments(job: StoredJob, run: JobRun): Arguments {
  return {
    ...job.defaultArguments,
    ...run.arguments,
    ...job.nonOverridableArguments,
    "--JOB_ID": `j_${createHash("sha256").update(job.name).digest("hex")}`,
    "--JOB_RUN_ID": run.id,
    "--JOB_NAME": job.name,
  };
}
