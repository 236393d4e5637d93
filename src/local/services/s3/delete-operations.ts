import type {
  DeleteObjectCommandInput,
  DeleteObjectCommandOutput,
  DeleteObjectsCommandInput,
  DeleteObjectsCommandOutput,
  DeletedObject,
  ObjectIdentifier,
} from "@aws-sdk/client-s3";
import { AwsError, type CallContext } from "../../service.ts";
import { deleteObject } from "./commits.ts";
import { malformedXml } from "./errors.ts";
import { checkVersionId } from "./find-object.ts";
import type { OperationFactory, Output } from "./operation.ts";
import { mayDelete } from "./permissions.ts";
import type { S3Parts } from "./s3-parts.ts";

const MAX_KEYS = 1000;

export function createDeleteOperations(s3: S3Parts, operation: OperationFactory) {
  return {
    DeleteObject: operation(
      "DeleteObject",
      // There are no governance locks here, so there is nothing to bypass.
      ["Key", "VersionId", "IfMatch", "BypassGovernanceRetention"],
      (input: DeleteObjectCommandInput, context: CallContext): Output<DeleteObjectCommandOutput> => {
        const bucket = s3.store.buckets.get(input.Bucket ?? "");
        if (input.VersionId !== undefined) checkVersionId(input.VersionId);
        const target = { key: input.Key ?? "", versionId: input.VersionId };
        const deletion = deleteObject(s3, bucket, target, { conditions: { IfMatch: input.IfMatch }, context });
        return {
          VersionId: deletion.versionId,
          ...(deletion.deleteMarker && { DeleteMarker: true }),
        };
      },
    ),

    DeleteObjects: operation(
      "DeleteObjects",
      ["Delete", "BypassGovernanceRetention"],
      async (input: DeleteObjectsCommandInput, context: CallContext): Promise<Output<DeleteObjectsCommandOutput>> => {
        const bucket = s3.store.buckets.get(input.Bucket ?? "");
        const objects = input.Delete?.Objects ?? [];
        if (objects.length === 0) throw malformedXml("Delete names no object.");
        if (objects.length > MAX_KEYS) throw malformedXml(`Delete names more than ${MAX_KEYS} objects.`);
        const Deleted: DeletedObject[] = [];
        const Errors: NonNullable<DeleteObjectsCommandOutput["Errors"]> = [];
        for (const object of objects) {
          try {
            const deleted = await deleteOne(s3, bucket.name, object, context);
            if (input.Delete?.Quiet !== true) Deleted.push(deleted);
          } catch (error) {
            // One key that cannot be deleted does not keep the others.
            if (!(error instanceof AwsError)) throw error;
            Errors.push({ Key: object.Key, VersionId: object.VersionId, Code: error.code, Message: error.message });
          }
        }
        return { Deleted, ...(Errors.length > 0 && { Errors }) };
      },
    ),
  };
}

async function deleteOne(
  s3: S3Parts,
  bucketName: string,
  object: ObjectIdentifier,
  context: CallContext,
): Promise<DeletedObject> {
  const { Key: key = "", VersionId: versionId, ETag, LastModifiedTime, Size } = object;
  if (LastModifiedTime !== undefined || Size !== undefined) {
    throw new AwsError("NotImplemented", "LastModifiedTime and Size are for directory buckets.", { status: 501 });
  }
  if (versionId !== undefined) checkVersionId(versionId);
  await mayDelete(s3, context.principal, { bucket: bucketName, key, versionId });
  const bucket = s3.store.buckets.get(bucketName);
  const deletion = deleteObject(s3, bucket, { key, versionId }, { conditions: { IfMatch: ETag }, context });
  return {
    Key: key,
    ...(versionId !== undefined && { VersionId: versionId }),
    ...(deletion.deleteMarker && { DeleteMarker: true, DeleteMarkerVersionId: deletion.versionId }),
  };
}
