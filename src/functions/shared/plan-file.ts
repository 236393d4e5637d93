import { GetObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { type PlanCopy, planCopy } from "../../ledger/plans.ts";

/** Reads the stack's plan asset from `s3://bucket/key`. */
export async function loadPlan(client: S3Client, uri: string): Promise<PlanCopy> {
  const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(uri) ?? [];
  if (!Bucket || !Key) throw new Error(`the plan's address is not s3://bucket/key: ${uri}`);
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
  if (!Body) throw new Error(`the plan at ${uri} is empty`);
  return planCopy(await Body.transformToString("utf-8"));
}

/** Calls `load` once and keeps its answer; a failure is not kept. */
export function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => {
    loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    });
    return loaded;
  };
}
