import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { failedMessageIds, sqsRecord } from "./sqs-records.ts";

const BATCH = new Set(["a", "b", "c"]);
const failed = (answer: unknown) => [...failedMessageIds(JSON.stringify(answer), BATCH)].toSorted();

describe("an answer to a batch", () => {
  test.each([[null], [{}], [{ batchItemFailures: [] }], [{ batchItemFailures: null }]])(
    "%j is a success of all",
    (answer) => {
      expect(failed(answer)).toEqual([]);
    },
  );

  test.each([
    ["an empty id", { batchItemFailures: [{ itemIdentifier: "" }] }],
    ["a null id", { batchItemFailures: [{ itemIdentifier: null }] }],
    ["a wrong key", { batchItemFailures: [{ foo: "notvalid" }] }],
    ["an id that is not of the batch", { batchItemFailures: [{ itemIdentifier: "a" }, { itemIdentifier: "z" }] }],
    ["another member alone", { failures: [] }],
    ["no list", { batchItemFailures: "a" }],
    ["a list of texts", { batchItemFailures: ["a"] }],
  ])("with %s fails the whole batch", (_, answer) => {
    expect(failed(answer)).toEqual(["a", "b", "c"]);
  });

  test("that is not JSON fails the whole batch", () => {
    expect(failedMessageIds("oops", BATCH)).toEqual(BATCH);
  });

  test("names exactly the messages that come back", () => {
    fc.assert(
      fc.property(fc.subarray([...BATCH]), (ids) => {
        expect(failed({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) })).toEqual(
          ids.toSorted(),
        );
      }),
    );
  });

  test("never fails anything but messages of the batch, whatever it is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (answer) => {
        for (const id of failed(answer)) expect(BATCH.has(id)).toBe(true);
      }),
    );
  });
});

describe("a record", () => {
  const message = { MessageId: "m", ReceiptHandle: "r", Body: "b", MD5OfBody: "d", Attributes: {} };
  const mapping = { queueArn: "arn:aws:sqs:eu-west-1:1:q", windowSeconds: 0 };

  test("carries binary attributes in base64", () => {
    const MessageAttributes = { Bytes: { DataType: "Binary", BinaryValue: Uint8Array.of(1, 2, 255) } };
    expect(sqsRecord({ ...message, MessageAttributes }, mapping, "eu-west-1").messageAttributes).toEqual({
      Bytes: { binaryValue: "AQL/", stringListValues: [], binaryListValues: [], dataType: "Binary" },
    });
  });

  test("without attributes has no digest of them, or null when the mapping has a window", () => {
    expect(sqsRecord(message, mapping, "eu-west-1")).not.toHaveProperty("md5OfMessageAttributes");
    expect(sqsRecord(message, { ...mapping, windowSeconds: 1 }, "eu-west-1").md5OfMessageAttributes).toBeNull();
  });
});
