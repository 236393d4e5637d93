import type { Service, ServiceDeps } from "../../service.ts";
import { createBucketOperations } from "./bucket-operations.ts";
import { createBucketSettings } from "./bucket-settings.ts";
import { createDeleteOperations } from "./delete-operations.ts";
import { findObject } from "./find-object.ts";
import { Lifecycle } from "./lifecycle.ts";
import { createListOperations } from "./list-operations.ts";
import { createMultipartOperations } from "./multipart-operations.ts";
import { createNotificationOperations } from "./notification-operations.ts";
import { Notifications } from "./notifications.ts";
import { ObjectFiles } from "./object-files.ts";
import { operationFactory } from "./operation.ts";
import { Outbox } from "./outbox.ts";
import { createReadOperations } from "./read-operations.ts";
import { createS3Resources } from "./resources.ts";
import { quoted, wholeSeconds, type S3Parts } from "./s3-parts.ts";
import { Store } from "./store.ts";
import { createTaggingOperations } from "./tagging-operations.ts";
import { createWriteOperations } from "./write-operations.ts";

export interface S3Service extends Service {
  /**
   * Where an object's bytes are, for engines that read in place: the file does not change, and stays while the version
   * exists. `eTag` is quoted, as in HeadObject. Rejects as GetObject does; asks for no permission (the bus has).
   */
  objectFile(
    bucket: string,
    key: string,
    versionId?: string,
  ): Promise<{ path: string; size: number; eTag: string; versionId: string | undefined; lastModified: Date }>;
  /** The policy of the bucket that an ARN (of the bucket or of an object in it) names, as JSON text. */
  resourcePolicy(arn: string): string | undefined;
}

/** Amazon S3: buckets and objects in the state directory, with events, and the assembly's assets in their bucket. */
export function createS3(deps: ServiceDeps): S3Service {
  const store = new Store(deps.state.database("s3"));
  const files = new ObjectFiles(deps.state);
  files.recover(store);
  const outbox = new Outbox(deps, store);
  const s3: S3Parts = { deps, store, files, notifications: new Notifications(deps, outbox) };
  const lifecycle = new Lifecycle(s3);
  const operation = operationFactory(deps.environment);
  return {
    name: "s3",
    sdk: () => import("@aws-sdk/client-s3"),
    operations: {
      ...createBucketOperations(s3, operation),
      ...createBucketSettings(s3, operation),
      ...createNotificationOperations(s3, operation),
      ...createWriteOperations(s3, operation),
      ...createReadOperations(s3, operation),
      ...createDeleteOperations(s3, operation),
      ...createListOperations(s3, operation),
      ...createMultipartOperations(s3, operation),
      ...createTaggingOperations(s3, operation),
    },
    resources: createS3Resources(s3),
    async objectFile(bucket, key, versionId) {
      const object = await findObject(s3, { bucket, key, versionId }, undefined);
      return {
        path: object.file,
        size: object.size,
        eTag: quoted(object.eTag),
        versionId: object.versionId,
        lastModified: wholeSeconds(object.modified),
      };
    },
    resourcePolicy(arn) {
      const name = /^arn:[^:]+:s3:::([^/]+)/.exec(arn)?.[1];
      return name === undefined ? undefined : store.buckets.find(name)?.settings.policy;
    },
    start() {
      outbox.wake();
      lifecycle.start();
    },
    async stop() {
      lifecycle.stop();
      await outbox.stop();
    },
  };
}
