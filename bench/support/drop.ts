/**
 * Drops files through one S3 client, in a process of its own, so that the runtime's memory is the runtime's alone.
 * Arguments: a `DropRequest` as JSON.
 */
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { mapConcurrently } from "../../src/ledger/concurrency.ts";
import { tripsCsv } from "./trips.ts";

export interface DropRequest {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly bucket: string;
  readonly files: number;
  readonly bytes: number;
}

/** Requests going on at once. */
const AT_ONCE = 16;

const { endpoint, region, credentials, bucket, files, bytes } = JSON.parse(process.argv[2] ?? "") as DropRequest;
const client = new S3Client({ endpoint, region, credentials });
const { text } = tripsCsv(bytes);
const numbers = Array.from({ length: files }, (_, number) => number);
await mapConcurrently(numbers, AT_ONCE, (number) =>
  client.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: `trips/${String(number).padStart(6, "0")}.csv`,
      Body: Buffer.from(text),
    }),
  ),
);
client.destroy();
