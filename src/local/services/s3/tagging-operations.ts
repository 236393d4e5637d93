import type {
  DeleteObjectTaggingCommandInput,
  DeleteObjectTaggingCommandOutput,
  GetObjectTaggingCommandInput,
  GetObjectTaggingCommandOutput,
  PutObjectTaggingCommandInput,
  PutObjectTaggingCommandOutput,
  Tag,
} from "@aws-sdk/client-s3";
import type { CallContext } from "../../service.ts";
import type { ObjectEventName } from "./object-events.ts";
import { findObject, findVersion, type ObjectAddress } from "./find-object.ts";
import type { OperationFactory, Output } from "./operation.ts";
import type { S3Parts } from "./s3-parts.ts";
import { checkTags } from "./tags.ts";
import { NULL_VERSION } from "./version-table.ts";

export function createTaggingOperations(s3: S3Parts, operation: OperationFactory) {
  return {
    GetObjectTagging: operation(
      "GetObjectTagging",
      ["Key", "VersionId"],
      async (
        input: GetObjectTaggingCommandInput,
        context: CallContext,
      ): Promise<Output<GetObjectTaggingCommandOutput>> => {
        const object = await findObject(s3, addressOf(input), context.principal);
        return { TagSet: object.details.tags, VersionId: object.versionId };
      },
    ),

    PutObjectTagging: operation(
      "PutObjectTagging",
      ["Key", "VersionId", "Tagging"],
      (input: PutObjectTaggingCommandInput, context: CallContext): Output<PutObjectTaggingCommandOutput> => {
        const tags = checkTags(input.Tagging?.TagSet ?? [], "object");
        return { VersionId: setTags(s3, addressOf(input), tags, "ObjectTagging:Put", context) };
      },
    ),

    DeleteObjectTagging: operation(
      "DeleteObjectTagging",
      ["Key", "VersionId"],
      (input: DeleteObjectTaggingCommandInput, context: CallContext): Output<DeleteObjectTaggingCommandOutput> => ({
        VersionId: setTags(s3, addressOf(input), [], "ObjectTagging:Delete", context),
      }),
    ),
  };
}

function addressOf(input: { Bucket?: string; Key?: string; VersionId?: string }): ObjectAddress {
  return { bucket: input.Bucket ?? "", key: input.Key ?? "", versionId: input.VersionId };
}

function setTags(
  s3: S3Parts,
  address: ObjectAddress,
  tags: Tag[],
  name: ObjectEventName,
  context: CallContext,
): string | undefined {
  const bucket = s3.store.buckets.get(address.bucket);
  const version = findVersion(s3, address);
  const versionId = version.versionId === NULL_VERSION ? undefined : version.versionId;
  s3.store.transaction(() => {
    s3.store.versions.setDetails(version.id, { ...version.details, tags });
    s3.notifications.announce(bucket, { name, key: address.key, eTag: version.eTag, versionId }, context);
  });
  s3.notifications.wake();
  return bucket.versioning === undefined ? undefined : version.versionId;
}
