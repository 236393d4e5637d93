import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createS3 } from "../../src/local/services/s3/service.ts";
import { createSqs } from "../../src/local/services/sqs/service.ts";
import { ACCOUNT, startLocalServices, type LocalServices } from "../support/local-services.ts";
import { python } from "../support/python.ts";
import { boto3Client, javascriptClient, type AwsClient } from "./client.ts";
import { runContract } from "./contract.ts";

const programs = await python();
let local: LocalServices;
beforeAll(async () => {
  local = await startLocalServices({ services: [createS3, createSqs] });
});
afterAll(() => local.close());

runContract("AWS SDK for JavaScript", () => Promise.resolve({ local, client: javascriptClient(local.clientOptions) }));

describe.skipIf(!programs)("with Python", () => {
  runContract("boto3", () =>
    Promise.resolve({ local, client: boto3Client(programs?.python ?? "", local.clientOptions) }),
  );

  describe("AWS CLI", () => {
    let directory: string;
    let javascript: AwsClient;
    beforeAll(() => {
      directory = mkdtempSync(path.join(tmpdir(), "millrace-cli-"));
      javascript = javascriptClient(local.clientOptions);
    });
    afterAll(() => {
      javascript.close();
      rmSync(directory, { recursive: true, force: true });
    });
    const run = promisify(execFile);
    const aws = async (...args: string[]) => {
      const { accessKeyId, secretAccessKey } = local.clientOptions.credentials;
      // The CLI's SQS commands do not follow AWS_ENDPOINT_URL: they would ask the real AWS.
      const { stdout } = await run(programs?.aws ?? "", ["--endpoint-url", local.endpoint, ...args], {
        env: {
          PATH: process.env["PATH"],
          HOME: directory,
          AWS_ACCESS_KEY_ID: accessKeyId,
          AWS_SECRET_ACCESS_KEY: secretAccessKey,
          AWS_REGION: local.clientOptions.region,
          AWS_DEFAULT_REGION: local.clientOptions.region,
        },
      });
      return stdout;
    };

    test("says who it is", async () => {
      expect(JSON.parse(await aws("sts", "get-caller-identity"))).toMatchObject({ Account: ACCOUNT });
    });

    test("copies a file into a bucket, lists it, streams it out", async () => {
      const file = path.join(directory, "a file.csv");
      // Above the CLI's multipart threshold of 8 MB.
      writeFileSync(file, "x,y\n".repeat(2_300_000));
      await javascript.call("s3", "CreateBucket", { Bucket: "cli-bucket" });
      await aws("s3", "cp", "--no-progress", file, "s3://cli-bucket/in/a file.csv");
      expect(await aws("s3", "ls", "s3://cli-bucket/in/")).toContain("9200000 a file.csv");
      await aws("s3", "cp", "--no-progress", "s3://cli-bucket/in/a file.csv", `${file}.back`);
      expect(readFileSync(`${file}.back`).equals(readFileSync(file))).toBe(true);
    });

    test("sends a message that another client receives", async () => {
      const { output } = await javascript.call("sqs", "CreateQueue", { QueueName: "cli-queue" });
      const QueueUrl = String(output?.["QueueUrl"]);
      await aws("sqs", "send-message", "--queue-url", QueueUrl, "--message-body", "from the CLI");
      const received = await javascript.call("sqs", "ReceiveMessage", { QueueUrl });
      expect(received.output?.["Messages"]).toMatchObject([{ Body: "from the CLI" }]);
    });

    test("tells a person what went wrong", async () => {
      await expect(aws("sqs", "get-queue-url", "--queue-name", "nothing")).rejects.toMatchObject({
        stderr: expect.stringContaining("AWS.SimpleQueueService.NonExistentQueue") as string,
      });
    });
  });
});
