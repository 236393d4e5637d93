import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventError, parseMessageBody } from "./s3-event.ts";

/** As S3 wrote it in 2026, shortened by what we do not read. */
function s3Event(object: object, change: object = {}): object {
  return {
    Records: [
      {
        eventVersion: "2.1",
        eventSource: "aws:s3",
        awsRegion: "eu-west-1",
        eventTime: "2026-11-24T08:00:00.123Z",
        eventName: "ObjectCreated:Put",
        userIdentity: { principalId: "AWS:AROAEXAMPLE:session" },
        s3: {
          s3SchemaVersion: "1.0",
          configurationId: "orders-in",
          bucket: { name: "drop", ownerIdentity: { principalId: "A1" }, arn: "arn:aws:s3:::drop" },
          object: { size: 9, eTag: "437b930db84b8079c2dd804a71936b5f", sequencer: "0066A1", ...object },
        },
        ...change,
      },
    ],
  };
}

/** SNS without raw delivery: https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html */
function enveloped(message: object): string {
  return JSON.stringify({
    Type: "Notification",
    MessageId: "d1c2",
    TopicArn: "arn:aws:sns:eu-west-1:111122223333:drops",
    Subject: "Amazon S3 Notification",
    Message: JSON.stringify(message),
  });
}

describe("a message of IngestQueue", () => {
  const event = s3Event({ key: "in/my+file+%281%29.csv", versionId: "v1" });
  const expected = [{ name: "ObjectCreated:Put", bucket: "drop", key: "in/my file (1).csv", size: 9, version: "v1" }];

  test("is an S3 event in SNS's envelope, or as S3 sends it", () => {
    expect(parseMessageBody(enveloped(event))).toEqual(expected);
    expect(parseMessageBody(JSON.stringify(event))).toEqual(expected);
  });

  test("may be of any minor version of the event, with members that nobody knows yet", () => {
    const newer = s3Event({ key: "a", versionId: "v1", later: {} }, { eventVersion: "2.17", more: [1] });
    expect(parseMessageBody(JSON.stringify(newer))).toHaveLength(1);
    const other = s3Event({ key: "a" }, { eventVersion: "3.0" });
    expect(() => parseMessageBody(JSON.stringify(other))).toThrow(/not version 2/);
  });

  test("may be S3's test event, which says nothing", () => {
    const sent = { Service: "Amazon S3", Event: "s3:TestEvent", Time: "2026-11-24T08:00:00.089Z", Bucket: "drop" };
    expect(parseMessageBody(enveloped(sent))).toEqual([]);
    expect(parseMessageBody(JSON.stringify(sent))).toEqual([]);
  });

  test("of a bucket without versions has no version", () => {
    expect(parseMessageBody(JSON.stringify(s3Event({ key: "a" })))[0]?.version).toBeUndefined();
    expect(parseMessageBody(JSON.stringify(s3Event({ key: "a", versionId: null })))[0]?.version).toBeUndefined();
  });

  test.each(["", "not JSON", "null", "[]", "{}", '{"Type":"Notification","Message":"x"}', '{"Records":[{}]}'])(
    "that is something else is refused: %s",
    (body) => {
      expect(() => parseMessageBody(body)).toThrow(EventError);
    },
  );

  test("gives every key back as it was dropped", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }), (key) => {
        // As S3 encodes keys in events: form-encoded, slashes left alone.
        const encoded = new URLSearchParams([["k", key]]).toString().slice(2).replaceAll("%2F", "/");
        expect(parseMessageBody(JSON.stringify(s3Event({ key: encoded })))[0]?.key).toBe(key);
      }),
    );
  });
});
