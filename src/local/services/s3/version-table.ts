import type { DatabaseSync } from "node:sqlite";
import type { StorageClass, Tag } from "@aws-sdk/client-s3";
import type { StoredChecksum } from "./checksums.ts";
import type { ObjectEncryption } from "./encryption.ts";

/** The version id of objects written while their bucket was not versioned, or suspended. */
export const NULL_VERSION = "null";

/** Headers that S3 keeps with an object and gives back. `expires` is in milliseconds since the epoch. */
interface StoredHeaders {
  ContentType?: string;
  CacheControl?: string;
  ContentDisposition?: string;
  ContentEncoding?: string;
  ContentLanguage?: string;
  WebsiteRedirectLocation?: string;
  expires?: number;
}

interface StoredPart {
  number: number;
  size: number;
  /** Base64, when the parts have checksums. */
  checksum?: string;
}

export interface ObjectDetails {
  headers: StoredHeaders;
  metadata: Record<string, string>;
  tags: Tag[];
  encryption: ObjectEncryption;
  storageClass?: StorageClass;
  /** Of an object that came as a multipart upload. */
  parts?: StoredPart[];
}

/** One version of an object, or one delete marker. */
export interface ObjectVersion {
  /** Never used for anything else, ever: it names the file. */
  readonly id: number;
  readonly bucketId: number;
  readonly key: string;
  readonly versionId: string;
  /** Grows with every commit: the order of versions, and the event's sequencer. */
  readonly seq: number;
  readonly latest: boolean;
  readonly marker: boolean;
  readonly size: number;
  /** Without quotes. */
  readonly eTag: string;
  /** Milliseconds since the epoch. */
  readonly modified: number;
  /** When a newer version took its place; undefined while it is the latest. */
  readonly superseded: number | undefined;
  /** Below the objects directory; empty for a delete marker. */
  readonly path: string;
  readonly checksum: StoredChecksum | undefined;
  readonly details: ObjectDetails;
}

interface Row {
  id: number;
  bucket: number;
  key: string;
  version_id: string;
  seq: number;
  latest: number;
  marker: number;
  size: number;
  etag: string;
  modified: number;
  superseded: number | null;
  path: string;
  checksum: string | null;
  details: string;
}

/** A place in a listing, as bytes: SQLite compares UTF-8 bytewise, which is S3's order and not JavaScript's. */
export type Bound = Buffer;

/** Rows of `versions`. The caller holds the transaction and keeps exactly one `latest` row per key that has any. */
export class VersionTable {
  readonly #latest;
  readonly #find;
  readonly #ofKey;
  readonly #byId;
  readonly #insert;
  readonly #supersede;
  readonly #promote;
  readonly #remove;
  readonly #setDetails;
  readonly #current;
  readonly #history;
  readonly #any;

  constructor(database: DatabaseSync) {
    this.#latest = database.prepare("select * from versions where bucket = ? and key = ? and latest = 1");
    this.#find = database.prepare("select * from versions where bucket = ? and key = ? and version_id = ?");
    this.#ofKey = database.prepare("select * from versions where bucket = ? and key = ? order by seq desc");
    this.#byId = database.prepare("select * from versions where id = ?");
    this.#insert = database.prepare("insert into versions values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    this.#supersede = database.prepare(
      "update versions set latest = 0, superseded = ? where bucket = ? and key = ? and latest = 1",
    );
    this.#promote = database.prepare("update versions set latest = 1, superseded = null where id = ?");
    this.#remove = database.prepare("delete from versions where id = ?");
    this.#setDetails = database.prepare("update versions set details = ? where id = ?");
    this.#current = database.prepare(
      `select * from versions indexed by current_version where bucket = ? and latest = 1 and marker = 0
         and key >= cast(? as text) and key < cast(? as text) order by key`,
    );
    this.#history = database.prepare(
      `select * from versions indexed by history where bucket = ? and key >= cast(? as text) and key < cast(? as text)
       order by key, seq desc`,
    );
    this.#any = database.prepare("select 1 from versions where bucket = ? limit 1");
  }

  /** The newest version or delete marker of a key. */
  latest(bucketId: number, key: string): ObjectVersion | undefined {
    return asVersion(this.#latest.get(bucketId, key));
  }

  find(bucketId: number, key: string, versionId: string): ObjectVersion | undefined {
    return asVersion(this.#find.get(bucketId, key, versionId));
  }

  /** Newest first. */
  ofKey(bucketId: number, key: string): ObjectVersion[] {
    return this.#ofKey.all(bucketId, key).map((row) => toVersion(row as unknown as Row));
  }

  byId(id: number): ObjectVersion | undefined {
    return asVersion(this.#byId.get(id));
  }

  insert(version: ObjectVersion): void {
    this.#insert.run(
      version.id,
      version.bucketId,
      version.key,
      version.versionId,
      version.seq,
      Number(version.latest),
      Number(version.marker),
      version.size,
      version.eTag,
      version.modified,
      version.superseded ?? null,
      version.path,
      version.checksum ? JSON.stringify(version.checksum) : null,
      JSON.stringify(version.details),
    );
  }

  supersede(bucketId: number, key: string, now: number): void {
    this.#supersede.run(now, bucketId, key);
  }

  promote(id: number): void {
    this.#promote.run(id);
  }

  remove(id: number): void {
    this.#remove.run(id);
  }

  setDetails(id: number, details: ObjectDetails): void {
    this.#setDetails.run(JSON.stringify(details), id);
  }

  /** Current objects with `from` <= key < `to`, in key order, read as far as they are asked for. */
  *current(bucketId: number, from: Bound, to: Bound): Generator<ObjectVersion> {
    for (const row of this.#current.iterate(bucketId, from, to)) yield toVersion(row as unknown as Row);
  }

  /** All versions and markers with `from` <= key < `to`, in key order, newest first within a key. */
  *history(bucketId: number, from: Bound, to: Bound): Generator<ObjectVersion> {
    for (const row of this.#history.iterate(bucketId, from, to)) yield toVersion(row as unknown as Row);
  }

  any(bucketId: number): boolean {
    return this.#any.get(bucketId) !== undefined;
  }
}

function asVersion(row: unknown): ObjectVersion | undefined {
  return row === undefined ? undefined : toVersion(row as Row);
}

function toVersion(row: Row): ObjectVersion {
  return {
    id: row.id,
    bucketId: row.bucket,
    key: row.key,
    versionId: row.version_id,
    seq: row.seq,
    latest: row.latest === 1,
    marker: row.marker === 1,
    size: row.size,
    eTag: row.etag,
    modified: row.modified,
    superseded: row.superseded ?? undefined,
    path: row.path,
    checksum: row.checksum === null ? undefined : (JSON.parse(row.checksum) as StoredChecksum),
    details: JSON.parse(row.details) as ObjectDetails,
  };
}
