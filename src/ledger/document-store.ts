import { setTimeout as sleep } from "node:timers/promises";
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { z } from "zod";
import { type Pause, conditionally, unlessMissing } from "./s3-answers.ts";

/** A document as it was read: its ETag is what a later `replace` must find unchanged. */
export interface Stored<T> {
  readonly value: T;
  readonly eTag: string;
}

export interface ListedKey {
  readonly key: string;
  readonly size: number;
  readonly lastModified: Date;
}

/** Something in the ledger is not what the protocol can have left there. Never retried into being right. */
export class LedgerError extends Error {
  override readonly name = "LedgerError";
}

/** DeleteObjects takes at most 1,000 keys. */
const DELETE_BATCH = 1000;

/**
 * JSON documents in one bucket, written only with conditional writes and read back with their ETag.
 * Reading takes the schema of what is expected there and fails with the key and the member that is wrong.
 */
export class DocumentStore {
  readonly client: S3Client;
  readonly bucket: string;
  readonly pause: Pause;

  constructor(options: { client: S3Client; bucket: string; pause?: Pause }) {
    this.client = options.client;
    this.bucket = options.bucket;
    this.pause = options.pause ?? ((milliseconds) => sleep(milliseconds));
  }

  /** The document, or undefined when there is none. (Without s3:ListBucket, S3 answers 403 instead of 404.) */
  async get<S extends z.ZodType>(key: string, schema: S): Promise<Stored<z.output<S>> | undefined> {
    const stored = await this.getText(key);
    return stored && { value: parse(key, stored.value, schema), eTag: stored.eTag };
  }

  /** A text with one JSON document a line. */
  async getLines<S extends z.ZodType>(key: string, schema: S): Promise<z.output<S>[] | undefined> {
    const stored = await this.getText(key);
    const lines = stored?.value.split("\n").filter((line) => line !== "");
    return lines?.map((line, index) => parse(`${key}, line ${index + 1}`, line, schema));
  }

  async getText(key: string): Promise<Stored<string> | undefined> {
    const answer = await unlessMissing(() => this.client.send(new GetObjectCommand({ Bucket: this.bucket, Key: key })));
    if (!answer) return undefined;
    if (!answer.Body || !answer.ETag) throw new LedgerError(`${key}: S3 answered without a body or an ETag`);
    return { value: await answer.Body.transformToString("utf-8"), eTag: answer.ETag };
  }

  /** Writes a new document. False when the key has one already (it may be this very one: see `conditionally`). */
  async create<S extends z.ZodType>(key: string, schema: S, value: z.input<S>): Promise<boolean> {
    return await this.createText(key, serialize(key, value, schema), "application/json");
  }

  /** Writes one JSON document a line. False when the key exists already. */
  async createLines<S extends z.ZodType>(key: string, schema: S, values: readonly z.input<S>[]): Promise<boolean> {
    const text = values.map((value) => `${serialize(key, value, schema)}\n`).join("");
    return await this.createText(key, text, "application/x-ndjson");
  }

  async createText(key: string, text: string, contentType: string): Promise<boolean> {
    const answer = await this.#put(key, text, contentType, { IfNoneMatch: "*" });
    if (answer === "missing") throw new LedgerError(`${key}: the bucket ${this.bucket} does not exist`);
    return answer === "done";
  }

  /** Replaces a document that still has `eTag`. False when it has changed or is gone. */
  async replace<S extends z.ZodType>(key: string, schema: S, value: z.input<S>, eTag: string): Promise<boolean> {
    const text = serialize(key, value, schema);
    return (await this.#put(key, text, "application/json", { IfMatch: eTag })) === "done";
  }

  async delete(key: string): Promise<void> {
    await this.client.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: key }));
  }

  /** Deletes keys, in batches; a key that does not exist is no error. */
  async deleteAll(keys: readonly string[]): Promise<void> {
    for (let start = 0; start < keys.length; start += DELETE_BATCH) {
      const Objects = keys.slice(start, start + DELETE_BATCH).map((Key) => ({ Key }));
      const { Errors: errors = [] } = await this.client.send(
        new DeleteObjectsCommand({ Bucket: this.bucket, Delete: { Objects, Quiet: true } }),
      );
      const [first] = errors;
      // DeleteObjects answers 200 with the failures inside.
      if (first) {
        throw new Error(`${errors.length} keys were not deleted; ${first.Key}: ${first.Code} ${first.Message}`);
      }
    }
  }

  /** Every key under `prefix`, page by page, in the order of the keys. */
  async *list(prefix: string, options: { pageSize?: number } = {}): AsyncGenerator<ListedKey> {
    let token: string | undefined;
    do {
      const page = await this.client.send(
        new ListObjectsV2Command({
          Bucket: this.bucket,
          Prefix: prefix,
          ContinuationToken: token,
          MaxKeys: options.pageSize,
        }),
      );
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        if (Key !== undefined) yield { key: Key, size: Size ?? 0, lastModified: LastModified ?? new Date(0) };
      }
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async #put(
    key: string,
    text: string,
    contentType: string,
    condition: { IfNoneMatch: "*" } | { IfMatch: string },
  ): Promise<"done" | "refused" | "missing"> {
    const { kind } = await conditionally(
      () =>
        this.client.send(
          new PutObjectCommand({
            Bucket: this.bucket,
            Key: key,
            Body: text,
            ContentType: contentType,
            ...condition,
          }),
        ),
      this.pause,
    );
    return kind;
  }
}

function parse<S extends z.ZodType>(where: string, text: string, schema: S): z.output<S> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new LedgerError(`${where}: not JSON`);
  }
  const result = schema.safeParse(json);
  if (!result.success) throw new LedgerError(`${where}: ${z.prettifyError(result.error)}`);
  return result.data;
}

function serialize<S extends z.ZodType>(key: string, value: z.input<S>, schema: S): string {
  const result = schema.safeParse(value);
  if (!result.success) throw new LedgerError(`${key} would be written wrongly: ${z.prettifyError(result.error)}`);
  return JSON.stringify(result.data);
}
