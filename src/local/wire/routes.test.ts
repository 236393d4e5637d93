import * as athena from "@aws-sdk/client-athena";
import * as cloudformation from "@aws-sdk/client-cloudformation";
import * as monitoring from "@aws-sdk/client-cloudwatch";
import * as logs from "@aws-sdk/client-cloudwatch-logs";
import * as events from "@aws-sdk/client-eventbridge";
import * as glue from "@aws-sdk/client-glue";
import * as iam from "@aws-sdk/client-iam";
import * as lambda from "@aws-sdk/client-lambda";
import * as s3 from "@aws-sdk/client-s3";
import * as sns from "@aws-sdk/client-sns";
import * as sqs from "@aws-sdk/client-sqs";
import * as sts from "@aws-sdk/client-sts";
import type { HttpRequest } from "@smithy/core/protocols";
import type { NormalizedSchema } from "@smithy/core/schema";
import { describe, expect, test } from "vitest";
import { awsJson } from "./aws-json.ts";
import { awsQuery } from "./aws-query.ts";
import { describeService, type ServiceDescription } from "./describe.ts";
import type { Protocol, WireRequest } from "./message.ts";
import { rest } from "./rest.ts";
import { requiredMembers } from "./schema.ts";

type Sdk = Record<string, unknown>;
const SERVICES: Record<string, Sdk> = {
  athena,
  cloudformation,
  monitoring,
  logs,
  events,
  glue,
  iam,
  lambda,
  s3,
  sns,
  sqs,
  sts,
};

function bind(service: ServiceDescription): Protocol {
  if (service.protocol.startsWith("awsJson")) return awsJson(service);
  return service.protocol === "awsQuery" ? awsQuery(service) : rest(service);
}

/** A value of a schema with its required members only. */
function sample(schema: NormalizedSchema, depth = 0): unknown {
  if (schema.isStructSchema()) {
    const required = new Set(requiredMembers(schema));
    const members = [...schema.structIterator()].filter(([name]) => required.has(name));
    // A union must have one member.
    const wanted = schema.isUnionSchema() ? [...schema.structIterator()].slice(0, 1) : members;
    return depth > 6 ? {} : Object.fromEntries(wanted.map(([name, member]) => [name, sample(member, depth + 1)]));
  }
  if (schema.isListSchema()) return [sample(schema.getValueSchema(), depth + 1)];
  if (schema.isMapSchema()) return { key: sample(schema.getValueSchema(), depth + 1) };
  if (schema.isBooleanSchema()) return true;
  if (schema.isNumericSchema()) return 1;
  if (schema.isTimestampSchema()) return new Date(0);
  if (schema.isBlobSchema()) return Buffer.from("x");
  return "value";
}

/** Gives the request that the SDK's own client makes of an operation. */
function captureRequests(sdk: Sdk, service: ServiceDescription): (operation: string) => Promise<HttpRequest> {
  const entry = Object.entries(sdk).find(([name]) => /^[A-Z].*Client$/.test(name));
  const Client = entry?.[1] as new (config: object) => { send(command: unknown): Promise<unknown> };
  let captured: HttpRequest | undefined;
  const client = new Client({
    region: "eu-west-1",
    endpoint: "http://127.0.0.1:1",
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
    maxAttempts: 1,
    requestHandler: {
      handle(request: HttpRequest) {
        captured = request;
        throw new Error("captured");
      },
    },
  });
  return async (operation) => {
    captured = undefined;
    const Command = sdk[`${operation}Command`] as new (input: unknown) => unknown;
    const input = sample(service.operations.get(operation)?.input as NormalizedSchema);
    await client.send(new Command(input)).catch((error: Error) => {
      if (error.message !== "captured") throw new Error(`${operation}: ${error.message}`, { cause: error });
    });
    if (!captured) throw new Error(`${operation} sent nothing`);
    return captured;
  };
}

function asReceived(request: HttpRequest): WireRequest {
  const query = Object.entries(request.query).flatMap(([name, value]) =>
    [value ?? ""].flat().map((item) => [name, item] as const),
  );
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const bytes = Promise.resolve(Buffer.from((request.body as string | Uint8Array | undefined) ?? ""));
  const body = { bytes: () => bytes, stream: () => expect.fail("routing reads no stream") };
  return { method: request.method, path: request.path, query, headers, body };
}

/** Operations that the SDK cannot be made to send by a plain input, or that go to a host of their own. */
const ELSEWHERE = new Set(["s3.WriteGetObjectResponse", "s3.SelectObjectContent"]);

describe("every operation of every service routes to itself", () => {
  test.each(Object.keys(SERVICES))("%s", async (name) => {
    const sdk = SERVICES[name] ?? {};
    const service = describeService(sdk);
    const protocol = bind(service);
    const requestOf = captureRequests(sdk, service);
    const wrong: string[] = [];
    for (const operation of service.operations.keys()) {
      if (ELSEWHERE.has(`${name}.${operation}`)) continue;
      try {
        const routed = await protocol.route(asReceived(await requestOf(operation)));
        if (routed.operation.name !== operation) wrong.push(`${operation} went to ${routed.operation.name}`);
      } catch (error) {
        wrong.push(`${operation}: ${(error as Error).message}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(service.operations.size).toBeGreaterThan(5);
  });
});
