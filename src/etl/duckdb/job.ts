/**
 * The local engine's job: executes a run's plan with DuckDB, where Glue would run the Spark script with the same
 * arguments. A program of its own process; exit code 0 or 1, the reason being the last line of stderr.
 */
import { availableParallelism, totalmem } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { JOB_ARGUMENTS } from "../../plan/job-arguments.ts";
import { SPARK_MACROS } from "../../sql/spark/macros.ts";
import { openDatabase } from "./database.ts";
import { JOB_ENVIRONMENT } from "./engine.ts";
import { createObjectPaths } from "./object-paths.ts";
import { runJob } from "./run-job.ts";

const MiB = 1024 * 1024;

const text = z.string().min(1);
const argumentsSchema = z.object({
  dataset: text,
  run: text,
  attempt: z.coerce.number().int().positive(),
  "source-bucket": text,
  "target-bucket": text,
  JOB_RUN_ID: text,
});

const environmentSchema = z.object({
  AWS_ENDPOINT_URL: z.url(),
  AWS_REGION: text,
  AWS_ACCESS_KEY_ID: text,
  AWS_SECRET_ACCESS_KEY: text,
  AWS_SESSION_TOKEN: text.optional(),
  [JOB_ENVIRONMENT.clockOffset]: z.coerce.number().default(0),
  [JOB_ENVIRONMENT.memoryMiB]: z.coerce.number().positive().default(4096),
});

async function main(): Promise<void> {
  // Glue passes arguments that are none of ours: `strict: false` lets them be.
  const options = Object.fromEntries(
    [...Object.values(JOB_ARGUMENTS), "--JOB_RUN_ID"].map((name) => [name.slice(2), { type: "string" as const }]),
  );
  const { values } = parseArgs({ args: process.argv.slice(2), options, strict: false });
  const given = argumentsSchema.parse(values);
  const environment = environmentSchema.parse(process.env);
  const offset = environment[JOB_ENVIRONMENT.clockOffset];
  const memory = Math.min(environment[JOB_ENVIRONMENT.memoryMiB] * MiB, totalmem() * 0.8);
  const now = () => new Date(Date.now() + offset);

  const client = new S3Client({ systemClockOffset: offset });
  const directory = process.cwd();
  const paths = createObjectPaths({
    endpoint: environment.AWS_ENDPOINT_URL,
    region: environment.AWS_REGION,
    credentials: {
      accessKeyId: environment.AWS_ACCESS_KEY_ID,
      secretAccessKey: environment.AWS_SECRET_ACCESS_KEY,
      sessionToken: environment.AWS_SESSION_TOKEN,
    },
    now,
  });
  const { "source-bucket": sourceBucket, "target-bucket": targetBucket, dataset, run, attempt } = given;
  await runJob(
    {
      client,
      sourceBucket,
      targetBucket,
      paths,
      directory: path.join(directory, "work"),
      now,
      log: (line) => console.log(line),
      openDatabase: () =>
        openDatabase({
          // The rest is for Node, and for what DuckDB does not count.
          memoryBytes: memory * 0.7,
          temporaryDirectory: path.join(directory, "spill"),
          threads: availableParallelism(),
          setup: [SPARK_MACROS],
        }),
    },
    { dataset, run, attempt, jobRunId: given.JOB_RUN_ID },
  );
  client.destroy();
}

try {
  await main();
} catch (error) {
  if (error instanceof Error && error.stack) console.error(error.stack);
  // One line: Glue shows it as the run's ErrorMessage.
  console.error((error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, " "));
  process.exitCode = 1;
}
