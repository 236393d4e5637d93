/**
 * The local engine's job: executes a run's plan with DuckDB, where Glue would run the Spark script with the same
 * arguments. A program of its own process, started with the memory it may use (MiB). It makes itself ready, waits for
 * its run (`JobRequest`, a line on stdin) and ends without one when stdin ends. Exit code 0 or 1, the reason being the
 * last line of stderr.
 */
import { availableParallelism, totalmem } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { S3Client } from "@aws-sdk/client-s3";
import { z } from "zod";
import { JOB_ARGUMENTS } from "../../plan/job-arguments.ts";
import { duckdbText } from "../../sql/spark/literals.ts";
import { SPARK_MACROS } from "../../sql/spark/macros.ts";
import { type Database, openDatabase } from "./database.ts";
import { createObjectPaths } from "./object-paths.ts";
import { runJob } from "./run-job.ts";

const MiB = 1024 * 1024;

const text = z.string().min(1);

const requestSchema = z.object({
  // Glue passes arguments that are none of ours: they may be there.
  arguments: z.object({
    [JOB_ARGUMENTS.dataset]: text,
    [JOB_ARGUMENTS.run]: text,
    [JOB_ARGUMENTS.attempt]: z.coerce.number().int().positive(),
    [JOB_ARGUMENTS.sourceBucket]: text,
    [JOB_ARGUMENTS.targetBucket]: text,
    "--JOB_RUN_ID": text,
  }),
  environment: z.looseObject({
    AWS_ENDPOINT_URL: z.url(),
    AWS_REGION: text,
    AWS_ACCESS_KEY_ID: text,
    AWS_SECRET_ACCESS_KEY: text,
    AWS_SESSION_TOKEN: text.optional(),
  }),
  clockOffset: z.number(),
  directory: text,
});
type Request = z.output<typeof requestSchema>;

async function main(): Promise<void> {
  const memoryBytes = Math.min(z.coerce.number().positive().parse(process.argv[2]) * MiB, totalmem() * 0.8);
  const database = await openDatabase({
    // The rest is for Node, and for what DuckDB does not count.
    memoryBytes: memoryBytes * 0.7,
    temporaryDirectory: "not known yet",
    threads: availableParallelism(),
    setup: [SPARK_MACROS],
  });
  const line = await firstLine();
  if (line === undefined) return database.close();
  await run(requestSchema.parse(JSON.parse(line)), database);
}

async function run(request: Request, database: Database): Promise<void> {
  const { arguments: given, environment, clockOffset, directory } = request;
  process.chdir(directory);
  Object.assign(process.env, environment);
  const credentials = {
    accessKeyId: environment.AWS_ACCESS_KEY_ID,
    secretAccessKey: environment.AWS_SECRET_ACCESS_KEY,
    sessionToken: environment.AWS_SESSION_TOKEN,
  };
  const { AWS_ENDPOINT_URL: endpoint, AWS_REGION: region } = environment;
  const now = () => new Date(Date.now() + clockOffset);
  const client = new S3Client({ endpoint, region, credentials, systemClockOffset: clockOffset });
  await database.rows(`SET temp_directory = ${duckdbText(path.join(directory, "spill"))}`);
  try {
    await runJob(
      {
        client,
        sourceBucket: given[JOB_ARGUMENTS.sourceBucket],
        targetBucket: given[JOB_ARGUMENTS.targetBucket],
        paths: createObjectPaths({ endpoint, region, credentials, now }),
        directory: path.join(directory, "work"),
        now,
        log: (text) => console.log(text),
        database,
      },
      {
        dataset: given[JOB_ARGUMENTS.dataset],
        run: given[JOB_ARGUMENTS.run],
        attempt: given[JOB_ARGUMENTS.attempt],
        jobRunId: given["--JOB_RUN_ID"],
      },
    );
  } finally {
    database.close();
    client.destroy();
  }
}

async function firstLine(): Promise<string | undefined> {
  for await (const line of createInterface({ input: process.stdin })) return line;
  return undefined;
}

try {
  await main();
} catch (error) {
  if (error instanceof Error && error.stack) console.error(error.stack);
  // One line: Glue shows it as the run's ErrorMessage.
  console.error((error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, " "));
  process.exitCode = 1;
}
