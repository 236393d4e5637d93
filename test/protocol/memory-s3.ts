import { createHash } from "node:crypto";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";

/**
 * S3's semantics for the requests of the ledger, in memory and at one instant each: versions, ETags from content,
 * conditional writes with S3's statuses, listings by pages. For the protocol's simulation only; everything else is
 * tested over HTTP against the local S3.
 */
export interface MemoryVersion {
  readonly id: string;
  /** Undefined for a delete marker. */
  readonly content: string | undefined;
  readonly eTag: string;
  readonly lastModified: Date;
}

export interface Created {
  readonly bucket: string;
  readonly key: string;
  readonly version: MemoryVersion;
}

/** An error as the SDK throws it: told apart by its status, as the code under test does. */
export class S3Refusal extends Error {
  readonly $metadata: { readonly httpStatusCode: number };
  constructor(httpStatusCode: number, what: string) {
    super(what);
    this.name = "Unknown";
    this.$metadata = { httpStatusCode };
  }
}

export class MemoryS3 {
  readonly #buckets = new Map<string, { versioned: boolean; keys: Map<string, MemoryVersion[]> }>();
  readonly #now: () => Date;
  readonly #pageSize: number;
  #versions = 0;
  /** Called after every write that made an object, in the same instant. */
  onCreated: (created: Created) => void = () => {};

  constructor(options: { now: () => Date; pageSize: number }) {
    this.#now = options.now;
    this.#pageSize = options.pageSize;
  }

  createBucket(name: string, options: { versioned: boolean }): void {
    this.#buckets.set(name, { versioned: options.versioned, keys: new Map() });
  }

  /** Current versions of a bucket by key. */
  current(bucket: string): Map<string, MemoryVersion & { readonly content: string }> {
    const found = new Map<string, MemoryVersion & { readonly content: string }>();
    for (const [key, versions] of this.#bucket(bucket).keys) {
      const last = versions.at(-1);
      if (last?.content !== undefined) found.set(key, { ...last, content: last.content });
    }
    return found;
  }

  versions(bucket: string, key: string): readonly MemoryVersion[] {
    return this.#bucket(bucket).keys.get(key) ?? [];
  }

  /** Executes one request; throws what S3 refuses. A function in answer is the second half of a copy. */
  execute(command: unknown): unknown {
    if (command instanceof GetObjectCommand || command instanceof HeadObjectCommand) {
      const { Bucket, Key, VersionId } = command.input;
      const version = this.#find(Bucket, Key, VersionId);
      const content = version.content ?? "";
      const answer = {
        ETag: version.eTag,
        VersionId: version.id,
        ContentLength: Buffer.byteLength(content),
        LastModified: version.lastModified,
      };
      if (command instanceof HeadObjectCommand) return answer;
      return { ...answer, Body: { transformToString: () => Promise.resolve(content) } };
    }
    if (command instanceof PutObjectCommand) {
      const { Bucket, Key, Body, IfMatch, IfNoneMatch } = command.input;
      if (typeof Body !== "string") throw new TypeError("bodies are texts here");
      return this.#write(Bucket, Key, Body, { IfMatch, IfNoneMatch });
    }
    if (command instanceof CopyObjectCommand) {
      const { Bucket, Key, CopySource, IfMatch, IfNoneMatch } = command.input;
      const [, from, key] = /^([^/]+)\/(.*)$/.exec(decodeURIComponent(CopySource ?? "")) ?? [];
      const content = this.#find(from, key).content ?? "";
      return () => this.#write(Bucket, Key, content, { IfMatch, IfNoneMatch });
    }
    if (command instanceof DeleteObjectCommand) return this.#delete(command.input.Bucket, command.input.Key);
    if (command instanceof DeleteObjectsCommand) {
      for (const { Key } of command.input.Delete?.Objects ?? []) this.#delete(command.input.Bucket, Key);
      return {};
    }
    if (command instanceof ListObjectsV2Command) {
      const { Bucket, Prefix = "", ContinuationToken = "", MaxKeys } = command.input;
      const after = [...this.current(Bucket ?? "")]
        .filter(([key]) => key.startsWith(Prefix) && key > ContinuationToken)
        .sort(([a], [b]) => (a < b ? -1 : 1));
      const page = after.slice(0, MaxKeys ?? this.#pageSize);
      return {
        Contents: page.map(([Key, { content, lastModified }]) => ({
          Key,
          Size: Buffer.byteLength(content),
          LastModified: new Date(Math.floor(lastModified.getTime() / 1000) * 1000),
        })),
        IsTruncated: page.length < after.length,
        NextContinuationToken: page.length < after.length ? page.at(-1)?.[0] : undefined,
      };
    }
    throw new TypeError(`the simulation has no ${(command as object).constructor.name}`);
  }

  #bucket(name: string | undefined) {
    const bucket = this.#buckets.get(name ?? "");
    if (!bucket) throw new S3Refusal(404, `no bucket ${name}`);
    return bucket;
  }

  #find(bucket: string | undefined, key: string | undefined, versionId?: string): MemoryVersion {
    const versions = this.#bucket(bucket).keys.get(key ?? "") ?? [];
    const version = versionId === undefined ? versions.at(-1) : versions.find(({ id }) => id === versionId);
    if (version?.content === undefined) throw new S3Refusal(404, `no ${key} in ${bucket}`);
    return version;
  }

  #write(
    bucket: string | undefined,
    key: string | undefined,
    content: string,
    condition: { IfMatch?: string | undefined; IfNoneMatch?: string | undefined },
  ): unknown {
    const { versioned, keys } = this.#bucket(bucket);
    const versions = keys.get(key ?? "") ?? [];
    const last = versions.at(-1);
    const exists = last?.content !== undefined;
    if (condition.IfNoneMatch === "*" && exists) throw new S3Refusal(412, `${key} exists`);
    if (condition.IfMatch !== undefined && !exists) throw new S3Refusal(404, `${key} does not exist`);
    if (condition.IfMatch !== undefined && last?.eTag !== condition.IfMatch) throw new S3Refusal(412, `${key} changed`);
    const version = {
      id: `v${++this.#versions}`,
      content,
      eTag: `"${createHash("md5").update(content).digest("hex")}"`,
      lastModified: this.#now(),
    };
    keys.set(key ?? "", versioned ? [...versions, version] : [version]);
    this.onCreated({ bucket: bucket ?? "", key: key ?? "", version });
    return { ETag: version.eTag, VersionId: version.id };
  }

  #delete(bucket: string | undefined, key: string | undefined): unknown {
    const { versioned, keys } = this.#bucket(bucket);
    const versions = keys.get(key ?? "");
    if (!versions) return {};
    const marker = { id: `v${++this.#versions}`, content: undefined, eTag: "", lastModified: this.#now() };
    if (versioned) keys.set(key ?? "", [...versions, marker]);
    else keys.delete(key ?? "");
    return {};
  }
}
