import type { DatabaseSync } from "node:sqlite";
import { transaction } from "../../sqlite.ts";
import { BucketTable } from "./bucket-table.ts";
import { UploadTable } from "./upload-table.ts";
import { VersionTable } from "./version-table.ts";

const SCHEMA = `
create table if not exists counter (only integer primary key check (only = 1), value integer not null);
insert or ignore into counter values (1, 0);

create table if not exists buckets (
  id integer primary key, name text not null unique, created_at integer not null,
  versioning text, settings text not null
);

create table if not exists versions (
  id integer primary key, bucket integer not null, key text not null, version_id text not null, seq integer not null,
  latest integer not null, marker integer not null, size integer not null, etag text not null,
  modified integer not null, superseded integer, path text not null, checksum text, details text not null
);
create unique index if not exists current_version on versions (bucket, key) where latest = 1;
create unique index if not exists history on versions (bucket, key, seq desc);

create table if not exists uploads (
  upload_id text primary key, bucket integer not null, key text not null, initiated integer not null,
  checksum_algorithm text, checksum_type text, details text not null
);
create index if not exists uploads_of_bucket on uploads (bucket, key, initiated);
create table if not exists parts (
  upload_id text not null, number integer not null, file integer not null, size integer not null, md5 text not null,
  modified integer not null, checksum text, primary key (upload_id, number)
);
create unique index if not exists part_file on parts (file);

create table if not exists garbage (path text primary key);

create table if not exists outbox (
  id integer primary key, kind text not null, destination text not null, source text not null, body text not null,
  attempts integer not null, due integer not null, expires integer not null
);
`;

/** S3's durable state but for the objects' bytes. Every write goes through `transaction`. */
export class Store {
  readonly database: DatabaseSync;
  readonly buckets: BucketTable;
  readonly versions: VersionTable;
  readonly uploads: UploadTable;
  #counter: number;
  readonly #persistCounter;
  readonly #collected: string[] = [];
  readonly #addGarbage;
  readonly #removeGarbage;

  constructor(database: DatabaseSync) {
    database.exec(SCHEMA);
    this.database = database;
    this.buckets = new BucketTable(database);
    this.versions = new VersionTable(database);
    this.uploads = new UploadTable(database);
    this.#counter = (database.prepare("select value from counter").get() as { value: number }).value;
    this.#persistCounter = database.prepare("update counter set value = ?");
    this.#addGarbage = database.prepare("insert or ignore into garbage values (?)");
    this.#removeGarbage = database.prepare("delete from garbage where path = ?");
  }

  /**
   * The next number of one sequence that names files and orders commits. It is kept by the next transaction; a number
   * that no transaction kept may come again after a crash, when nothing that used it is left.
   */
  next(): number {
    return ++this.#counter;
  }

  transaction<T>(work: () => T): T {
    return transaction(this.database, () => {
      for (const path of this.#collected.splice(0)) this.#removeGarbage.run(path);
      const result = work();
      this.#persistCounter.run(this.#counter);
      return result;
    });
  }

  /** Files whose version is gone: written with the deletion, so that a crash before the unlink leaks nothing. */
  addGarbage(path: string): void {
    this.#addGarbage.run(path);
  }

  garbage(): string[] {
    return this.database
      .prepare("select path from garbage")
      .all()
      .map((row) => (row as { path: string }).path);
  }

  /** The file is gone. Noted with the next transaction: forgetting it is harmless, and a write of its own costs more. */
  removeGarbage(path: string): void {
    this.#collected.push(path);
  }
}
