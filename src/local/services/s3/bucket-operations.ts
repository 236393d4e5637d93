import type {
  BucketLocationConstraint,
  CreateBucketCommandInput,
  CreateBucketCommandOutput,
  DeleteBucketCommandInput,
  GetBucketLocationCommandInput,
  GetBucketLocationCommandOutput,
  GetBucketVersioningCommandInput,
  GetBucketVersioningCommandOutput,
  HeadBucketCommandInput,
  HeadBucketCommandOutput,
  ListBucketsCommandInput,
  ListBucketsCommandOutput,
  PutBucketVersioningCommandInput,
} from "@aws-sdk/client-s3";
import { AwsError } from "../../service.ts";
import type { Bucket, BucketSettings } from "./bucket-table.ts";
import { malformedXml, noSuchBucket } from "./errors.ts";
import { removeFile } from "./object-files.ts";
import { canonicalOwner } from "./object-events.ts";
import type { OperationFactory, Output } from "./operation.ts";
import { bucketArn, type S3Parts } from "./s3-parts.ts";
import { checkTags } from "./tags.ts";

export function createBucketOperations(s3: S3Parts, operation: OperationFactory) {
  const { account, region } = s3.deps.environment;
  return {
    CreateBucket: operation(
      "CreateBucket",
      ["CreateBucketConfiguration", "ObjectOwnership"],
      (input: CreateBucketCommandInput): Output<CreateBucketCommandOutput> => {
        const name = input.Bucket ?? "";
        const { LocationConstraint, Tags, ...unknown } = input.CreateBucketConfiguration ?? {};
        const [other] = Object.keys(unknown);
        if (other) throw malformedXml(`CreateBucketConfiguration.${other} is not implemented by the local S3.`);
        checkLocation(LocationConstraint, region);
        const existing = s3.store.buckets.find(name);
        // In us-east-1, for reasons of history, creating what is yours already succeeds.
        if (existing && region !== "us-east-1") throw alreadyOwned(name);
        if (!existing) {
          createBucket(s3, name, {
            ...(Tags && { tags: checkTags(Tags, "bucket") }),
            ...(input.ObjectOwnership && { ownership: { Rules: [{ ObjectOwnership: input.ObjectOwnership }] } }),
          });
        }
        return { Location: `/${name}`, BucketArn: bucketArn(name) };
      },
    ),

    DeleteBucket: operation("DeleteBucket", [], (input: DeleteBucketCommandInput) => {
      deleteBucket(s3, s3.store.buckets.get(input.Bucket ?? ""));
      return {};
    }),

    HeadBucket: operation("HeadBucket", [], (input: HeadBucketCommandInput): Output<HeadBucketCommandOutput> => {
      const bucket = s3.store.buckets.find(input.Bucket ?? "");
      // An answer to HEAD has no body: clients know only the status.
      if (!bucket) throw new AwsError("NotFound", "Not Found", { status: 404 });
      return { BucketRegion: region, BucketArn: bucketArn(bucket.name), AccessPointAlias: false };
    }),

    ListBuckets: operation(
      "ListBuckets",
      ["Prefix", "MaxBuckets", "ContinuationToken", "BucketRegion"],
      (input: ListBucketsCommandInput): Output<ListBucketsCommandOutput> => {
        const { Prefix: prefix = "", MaxBuckets: limit = 10_000, ContinuationToken: after = "" } = input;
        const matching = s3.store.buckets
          .all()
          .filter((bucket) => bucket.name.startsWith(prefix) && bucket.name > after)
          .filter(() => input.BucketRegion === undefined || input.BucketRegion === region);
        const page = matching.slice(0, limit);
        return {
          Owner: { ID: canonicalOwner(account) },
          Buckets: page.map((bucket) => ({
            Name: bucket.name,
            CreationDate: new Date(bucket.createdAt),
            BucketRegion: region,
            BucketArn: bucketArn(bucket.name),
          })),
          ...(input.Prefix !== undefined && { Prefix: prefix }),
          ...(matching.length > page.length && { ContinuationToken: page.at(-1)?.name }),
        };
      },
    ),

    GetBucketLocation: operation(
      "GetBucketLocation",
      [],
      (input: GetBucketLocationCommandInput): Output<GetBucketLocationCommandOutput> => {
        s3.store.buckets.get(input.Bucket ?? "");
        // us-east-1 has no name here. The SDK's list of regions is narrower than the regions there are.
        return region === "us-east-1" ? {} : { LocationConstraint: region as BucketLocationConstraint };
      },
    ),

    GetBucketVersioning: operation(
      "GetBucketVersioning",
      [],
      (input: GetBucketVersioningCommandInput): Output<GetBucketVersioningCommandOutput> => {
        const { versioning } = s3.store.buckets.get(input.Bucket ?? "");
        return versioning ? { Status: versioning } : {};
      },
    ),

    PutBucketVersioning: operation(
      "PutBucketVersioning",
      ["VersioningConfiguration"],
      (input: PutBucketVersioningCommandInput) => {
        const bucket = s3.store.buckets.get(input.Bucket ?? "");
        const { Status: status, MFADelete: mfa } = input.VersioningConfiguration ?? {};
        if (mfa === "Enabled") throw malformedXml("MFADelete is not implemented by the local S3.");
        if (status !== "Enabled" && status !== "Suspended") {
          throw new AwsError("IllegalVersioningConfigurationException", "The Versioning element must be specified", {
            status: 400,
          });
        }
        s3.store.transaction(() => s3.store.buckets.setVersioning(bucket, status));
        return {};
      },
    ),
  };
}

/** Throws InvalidBucketName. */
export function createBucket(s3: S3Parts, name: string, settings: BucketSettings): Bucket {
  checkBucketName(name);
  const bucket: Bucket = {
    id: s3.store.next(),
    name,
    createdAt: s3.deps.clock.now(),
    versioning: undefined,
    settings,
  };
  s3.store.transaction(() => s3.store.buckets.add(bucket));
  return bucket;
}

/** Throws BucketNotEmpty while any version or delete marker is left. Unfinished uploads go with the bucket. */
export function deleteBucket(s3: S3Parts, bucket: Bucket): void {
  if (s3.store.buckets.find(bucket.name) !== bucket) throw noSuchBucket(bucket.name);
  if (s3.store.versions.any(bucket.id)) {
    const message =
      bucket.versioning === undefined
        ? "The bucket you tried to delete is not empty"
        : "The bucket you tried to delete is not empty. You must delete all versions in the bucket.";
    throw new AwsError("BucketNotEmpty", message, { status: 409, fields: { BucketName: bucket.name } });
  }
  const uploads = s3.store.uploads.ofBucket(bucket.id);
  const parts = uploads.flatMap((upload) => s3.store.uploads.parts(upload.uploadId));
  s3.store.transaction(() => {
    for (const upload of uploads) s3.store.uploads.remove(upload.uploadId);
    s3.store.buckets.remove(bucket);
  });
  for (const part of parts) removeFile(s3.files.part(part.file));
  s3.files.removeBucket(bucket.name);
}

export function alreadyOwned(name: string): AwsError {
  return new AwsError(
    "BucketAlreadyOwnedByYou",
    "Your previous request to create the named bucket succeeded and you already own it.",
    { status: 409, fields: { BucketName: name } },
  );
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
function checkBucketName(name: string): void {
  const valid =
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !name.includes("..") &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name) &&
    !/^(xn--|sthree-|amzn-s3-demo-)/.test(name) &&
    !/(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/.test(name);
  if (!valid) {
    throw new AwsError("InvalidBucketName", "The specified bucket is not valid.", {
      status: 400,
      fields: { BucketName: name },
    });
  }
}

function checkLocation(constraint: string | undefined, region: string): void {
  if (constraint === region && region !== "us-east-1") return;
  if (constraint === undefined && region === "us-east-1") return;
  const message =
    constraint === undefined
      ? `The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.`
      : `The ${constraint} location constraint is incompatible for the region specific endpoint this request was sent to.`;
  throw new AwsError("IllegalLocationConstraintException", message, { status: 400 });
}
