import type { DatabaseSync } from "node:sqlite";
import type { ChecksumAlgorithm, ChecksumType } from "@aws-sdk/client-s3";
import type { Bound, ObjectDetails } from "./version-table.ts";

/** A multipart upload that was neither completed nor aborted. */
export interface Upload {
  readonly uploadId: string;
  readonly bucketId: number;
  readonly key: string;
  /** Milliseconds since the epoch. */
  readonly initiated: number;
  readonly checksumAlgorithm: ChecksumAlgorithm | undefined;
  readonly checksumType: ChecksumType | undefined;
  readonly details: ObjectDetails;
}

export interface UploadedPart {
  readonly number: number;
  /** Names the part's file. */
  readonly file: number;
  readonly size: number;
  /** Hexadecimal; the part's ETag. */
  readonly md5: string;
  readonly modified: number;
  /** Base64, in the upload's algorithm. */
  readonly checksum: string | undefined;
}

interface UploadRow {
  upload_id: string;
  bucket: number;
  key: string;
  initiated: number;
  checksum_algorithm: ChecksumAlgorithm | null;
  checksum_type: ChecksumType | null;
  details: string;
}

interface PartRow extends Omit<UploadedPart, "checksum"> {
  checksum: string | null;
}

/** Rows of `uploads` and `parts`. The caller holds the transaction and removes the parts' files. */
export class UploadTable {
  readonly #find;
  readonly #list;
  readonly #ofBucket;
  readonly #insert;
  readonly #remove;
  readonly #parts;
  readonly #part;
  readonly #putPart;
  readonly #removeParts;
  readonly #hasFile;

  constructor(database: DatabaseSync) {
    this.#find = database.prepare("select * from uploads where upload_id = ?");
    this.#list = database.prepare(
      `select * from uploads where bucket = ? and key >= cast(? as text) and key < cast(? as text)
       order by key, initiated, upload_id`,
    );
    this.#ofBucket = database.prepare("select * from uploads where bucket = ?");
    this.#insert = database.prepare("insert into uploads values (?, ?, ?, ?, ?, ?, ?)");
    this.#remove = database.prepare("delete from uploads where upload_id = ?");
    this.#parts = database.prepare(
      "select number, file, size, md5, modified, checksum from parts where upload_id = ? order by number",
    );
    this.#part = database.prepare(
      "select number, file, size, md5, modified, checksum from parts where upload_id = ? and number = ?",
    );
    this.#putPart = database.prepare("insert or replace into parts values (?, ?, ?, ?, ?, ?, ?)");
    this.#removeParts = database.prepare("delete from parts where upload_id = ?");
    this.#hasFile = database.prepare("select 1 from parts where file = ?");
  }

  find(uploadId: string): Upload | undefined {
    const row = this.#find.get(uploadId);
    return row === undefined ? undefined : toUpload(row as unknown as UploadRow);
  }

  /** Uploads with `from` <= key < `to`, by key, then by age. */
  *list(bucketId: number, from: Bound, to: Bound): Generator<Upload> {
    for (const row of this.#list.iterate(bucketId, from, to)) yield toUpload(row as unknown as UploadRow);
  }

  ofBucket(bucketId: number): Upload[] {
    return this.#ofBucket.all(bucketId).map((row) => toUpload(row as unknown as UploadRow));
  }

  insert(upload: Upload): void {
    this.#insert.run(
      upload.uploadId,
      upload.bucketId,
      upload.key,
      upload.initiated,
      upload.checksumAlgorithm ?? null,
      upload.checksumType ?? null,
      JSON.stringify(upload.details),
    );
  }

  /** Removes the upload and its parts. */
  remove(uploadId: string): void {
    this.#remove.run(uploadId);
    this.#removeParts.run(uploadId);
  }

  /** By number. */
  parts(uploadId: string): UploadedPart[] {
    return this.#parts.all(uploadId).map((row) => toPart(row as unknown as PartRow));
  }

  part(uploadId: string, number: number): UploadedPart | undefined {
    const row = this.#part.get(uploadId, number);
    return row === undefined ? undefined : toPart(row as unknown as PartRow);
  }

  /** Adds a part, in place of an earlier one with its number. */
  putPart(uploadId: string, part: UploadedPart): void {
    this.#putPart.run(uploadId, part.number, part.file, part.size, part.md5, part.modified, part.checksum ?? null);
  }

  hasFile(file: number): boolean {
    return this.#hasFile.get(file) !== undefined;
  }
}

function toPart(row: PartRow): UploadedPart {
  return { ...row, checksum: row.checksum ?? undefined };
}

function toUpload(row: UploadRow): Upload {
  return {
    uploadId: row.upload_id,
    bucketId: row.bucket,
    key: row.key,
    initiated: row.initiated,
    checksumAlgorithm: row.checksum_algorithm ?? undefined,
    checksumType: row.checksum_type ?? undefined,
    details: JSON.parse(row.details) as ObjectDetails,
  };
}
