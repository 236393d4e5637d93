import type { DatabaseSync } from "node:sqlite";
import type {
  LifecycleRule,
  NotificationConfiguration,
  OwnershipControls,
  PublicAccessBlockConfiguration,
  ServerSideEncryptionConfiguration,
  Tag,
} from "@aws-sdk/client-s3";
import { noSuchBucket } from "./errors.ts";

/** What is configured on a bucket, each in the SDK's own shape; absent means never set, or deleted. */
export interface BucketSettings {
  notification?: NotificationConfiguration;
  policy?: string;
  encryption?: ServerSideEncryptionConfiguration;
  publicAccessBlock?: PublicAccessBlockConfiguration;
  lifecycle?: LifecycleRule[];
  tags?: Tag[];
  ownership?: OwnershipControls;
}

export interface Bucket {
  readonly id: number;
  readonly name: string;
  readonly createdAt: number;
  /** Undefined: never versioned. Once versioned, a bucket can only be suspended. */
  versioning: "Enabled" | "Suspended" | undefined;
  settings: BucketSettings;
}

/** Buckets, all of them in memory too: every request asks for one, and only this process changes them. */
export class BucketTable {
  readonly #byName = new Map<string, Bucket>();
  readonly #insert;
  readonly #update;
  readonly #delete;

  constructor(database: DatabaseSync) {
    const rows = database.prepare("select * from buckets").all() as unknown as {
      id: number;
      name: string;
      created_at: number;
      versioning: "Enabled" | "Suspended" | null;
      settings: string;
    }[];
    for (const row of rows) {
      this.#byName.set(row.name, {
        id: row.id,
        name: row.name,
        createdAt: row.created_at,
        versioning: row.versioning ?? undefined,
        settings: JSON.parse(row.settings, reviveDates) as BucketSettings,
      });
    }
    this.#insert = database.prepare("insert into buckets values (?, ?, ?, ?, ?)");
    this.#update = database.prepare("update buckets set versioning = ?, settings = ? where id = ?");
    this.#delete = database.prepare("delete from buckets where id = ?");
  }

  find(name: string): Bucket | undefined {
    return this.#byName.get(name);
  }

  /** Throws NoSuchBucket. */
  get(name: string): Bucket {
    const bucket = this.#byName.get(name);
    if (!bucket) throw noSuchBucket(name);
    return bucket;
  }

  all(): Bucket[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  add(bucket: Bucket): void {
    this.#insert.run(
      bucket.id,
      bucket.name,
      bucket.createdAt,
      bucket.versioning ?? null,
      JSON.stringify(bucket.settings),
    );
    this.#byName.set(bucket.name, bucket);
  }

  setVersioning(bucket: Bucket, versioning: "Enabled" | "Suspended"): void {
    this.#update.run(versioning, JSON.stringify(bucket.settings), bucket.id);
    bucket.versioning = versioning;
  }

  set<Name extends keyof BucketSettings>(bucket: Bucket, name: Name, value: BucketSettings[Name]): void {
    const settings = { ...bucket.settings, [name]: value };
    this.#update.run(bucket.versioning ?? null, JSON.stringify(settings), bucket.id);
    bucket.settings = settings;
  }

  remove(bucket: Bucket): void {
    this.#delete.run(bucket.id);
    this.#byName.delete(bucket.name);
  }
}

/** Lifecycle rules are the only settings with dates (`Expiration.Date`, `Transitions[].Date`). */
function reviveDates(name: string, value: unknown): unknown {
  return name === "Date" && typeof value === "string" ? new Date(value) : value;
}
