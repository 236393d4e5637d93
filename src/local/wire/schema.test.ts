import * as s3 from "@aws-sdk/client-s3";
import * as sqs from "@aws-sdk/client-sqs";
import { XmlCodec } from "@aws-sdk/core/protocols";
import { FromStringShapeDeserializer, JsonCodec2, ToStringShapeSerializer } from "@smithy/core/protocols";
import { NormalizedSchema } from "@smithy/core/schema";
import { describe, expect, test } from "vitest";
import { describeService } from "./describe.ts";
import { bodyStructure, requiredMembers, structureOf, type Structure } from "./schema.ts";

/** The SDK's schema exports are public but young: an upgrade that changes them must fail here first, and by name. */
describe("what the wire relies on in the SDK", () => {
  test("the codecs and schema classes are where they were", () => {
    for (const thing of [
      JsonCodec2,
      XmlCodec,
      FromStringShapeDeserializer,
      ToStringShapeSerializer,
      NormalizedSchema,
    ]) {
      expect(typeof thing).toBe("function");
    }
  });

  test("a structure lists its required members first and says how many", () => {
    const raw = sqs.SendMessageRequest$ as unknown as Structure;
    expect(raw[0]).toBe(3);
    expect(raw[2]).toBe("SendMessageRequest");
    expect(raw[4].slice(0, raw[6])).toEqual(["QueueUrl", "MessageBody"]);
    expect(requiredMembers(NormalizedSchema.of(sqs.SendMessageRequest$))).toEqual(["QueueUrl", "MessageBody"]);
  });

  test("a client tells its protocol, namespace, target and whether it is query-compatible", () => {
    expect(describeService(sqs)).toMatchObject({
      serviceId: "SQS",
      protocol: "awsJson1_0",
      namespace: "com.amazonaws.sqs",
      target: "AmazonSQS",
      queryCompatible: true,
    });
    expect(describeService(s3)).toMatchObject({
      protocol: "restXml",
      queryCompatible: false,
    });
  });

  test("errors carry their status and their query code", () => {
    const { errors } = describeService(sqs);
    const expected = { name: "QueueDoesNotExist", status: 400, queryCode: "AWS.SimpleQueueService.NonExistentQueue" };
    expect(errors.get("QueueDoesNotExist")).toMatchObject(expected);
    expect(errors.get("AWS.SimpleQueueService.NonExistentQueue")).toMatchObject(expected);
  });

  test("which operations have a checksum of their own body", () => {
    const { operations } = describeService(s3);
    expect(operations.get("PutObject")?.httpChecksum).toBe(true);
    // Its checksum headers describe the object that the parts make.
    expect(operations.get("CompleteMultipartUpload")?.httpChecksum).toBe(false);
  });

  test("the body of a structure leaves out what travels in headers", () => {
    const structure = structureOf(NormalizedSchema.of(s3.ListObjectsV2Output$)) as Structure;
    expect(structure[4]).toContain("RequestCharged");
    expect(bodyStructure(structure)[4]).toContain("Contents");
    expect(bodyStructure(structure)[4]).not.toContain("RequestCharged");
  });
});
