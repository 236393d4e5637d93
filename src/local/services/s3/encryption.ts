import type { ServerSideEncryption } from "@aws-sdk/client-s3";
import type { Bucket } from "./bucket-table.ts";

/** How AWS would encrypt the object. Here it is a label: files on disk are plain. */
export interface ObjectEncryption {
  ServerSideEncryption: ServerSideEncryption;
  SSEKMSKeyId?: string;
  BucketKeyEnabled?: boolean;
}

/**
 * What a new object is encrypted with: the request's wish, else the bucket's default, else SSE-S3, which AWS applies to
 * every object since 2023. https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
 */
export function encryptionOf(
  bucket: Bucket,
  wish: { ServerSideEncryption?: ServerSideEncryption; SSEKMSKeyId?: string; BucketKeyEnabled?: boolean },
): ObjectEncryption {
  if (wish.ServerSideEncryption !== undefined) {
    return {
      ServerSideEncryption: wish.ServerSideEncryption,
      ...(wish.SSEKMSKeyId !== undefined && { SSEKMSKeyId: wish.SSEKMSKeyId }),
      ...(wish.BucketKeyEnabled !== undefined && { BucketKeyEnabled: wish.BucketKeyEnabled }),
    };
  }
  const rule = bucket.settings.encryption?.Rules?.[0];
  const standard = rule?.ApplyServerSideEncryptionByDefault;
  if (standard?.SSEAlgorithm === undefined) return { ServerSideEncryption: "AES256" };
  return {
    ServerSideEncryption: standard.SSEAlgorithm,
    ...(standard.KMSMasterKeyID !== undefined && { SSEKMSKeyId: standard.KMSMasterKeyID }),
    ...(rule?.BucketKeyEnabled === true && { BucketKeyEnabled: true }),
  };
}
