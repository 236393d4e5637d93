import type { S3Client } from "@aws-sdk/client-s3";
import { DocumentStore } from "./document-store.ts";
import type { Pause } from "./s3-answers.ts";

/** What every step of the ledger works on: TargetBucket's documents, SourceBucket, and the time. */
export interface Ledger {
  readonly store: DocumentStore;
  readonly sourceBucket: string;
  now(): Date;
}

export interface LedgerOptions {
  readonly client: S3Client;
  readonly targetBucket: string;
  readonly sourceBucket: string;
  readonly now?: () => Date;
  /** How to wait before a write that S3 asked to repeat (409); a real timer unless a test says otherwise. */
  readonly pause?: Pause;
}

export function createLedger(options: LedgerOptions): Ledger {
  return {
    store: new DocumentStore({ client: options.client, bucket: options.targetBucket, pause: options.pause }),
    sourceBucket: options.sourceBucket,
    now: options.now ?? (() => new Date()),
  };
}
