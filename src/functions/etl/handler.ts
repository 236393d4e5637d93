import { GlueClient } from "@aws-sdk/client-glue";
import { S3Client } from "@aws-sdk/client-s3";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { createLedger } from "../../ledger/ledger.ts";
import type { PlanCopy } from "../../ledger/plans.ts";
import { readEnvironment } from "../shared/environment.ts";
import { consoleLog } from "../shared/log.ts";
import { loadPlan, once } from "../shared/plan-file.ts";
import type { Starter } from "../shared/start-run.ts";
import { ingest } from "./ingest.ts";

export interface EtlFunctionDeps extends Starter {
  readonly plan: () => Promise<PlanCopy>;
}

/** EtlFunction: IngestQueue's messages in, runs of EtlJob out. */
export function makeHandler(deps: EtlFunctionDeps): (event: SQSEvent) => Promise<SQSBatchResponse> {
  return async (event) => await ingest(deps, await deps.plan(), event);
}

function fromEnvironment(): EtlFunctionDeps {
  const settings = readEnvironment(process.env, ["sourceBucket", "targetBucket", "plan", "jobName"]);
  const client = new S3Client({});
  return {
    ledger: createLedger({ client, ...settings }),
    glue: new GlueClient({}),
    jobName: settings.jobName,
    log: consoleLog,
    plan: once(() => loadPlan(client, settings.plan)),
  };
}

const start = once(async () => makeHandler(fromEnvironment()));

export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  return await (
    await start()
  )(event);
}
