import type { ServiceDeps } from "../../service.ts";
import type { ObjectFiles } from "./object-files.ts";
import type { Notifications } from "./notifications.ts";
import type { Store } from "./store.ts";

/** What every operation of S3 works with. */
export interface S3Parts {
  readonly deps: ServiceDeps;
  readonly store: Store;
  readonly files: ObjectFiles;
  readonly notifications: Notifications;
}

export function bucketArn(name: string): string {
  return `arn:aws:s3:::${name}`;
}

/** S3 keeps and shows times of objects in whole seconds. */
export function wholeSeconds(milliseconds: number): Date {
  return new Date(Math.floor(milliseconds / 1000) * 1000);
}

export function quoted(eTag: string): string {
  return `"${eTag}"`;
}
