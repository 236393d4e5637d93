import {
  AddPermissionCommand,
  GetFunctionCommand,
  GetPolicyCommand,
  InvokeCommand,
  PutFunctionConcurrencyCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { CloudWatchClient, GetMetricStatisticsCommand } from "@aws-sdk/client-cloudwatch";
import { afterEach, describe, expect, test } from "vitest";
import { FUNCTION_ARN, LocalFunctions } from "../../../../test/support/local-functions.ts";
import { ACCOUNT, REGION } from "../../../../test/support/local-services.ts";
import { createCloudWatch } from "../cloudwatch/service.ts";

let functions: LocalFunctions;

afterEach(() => functions.close());

describe("synchronous invocation", () => {
  test("answers with the handler's value, the version and, if asked, the end of the log", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction();
    const result = await functions.invoke({ mode: "x" }, { LogType: "Tail" });
    expect(result).toMatchObject({ StatusCode: 200, ExecutedVersion: "$LATEST", text: '{"mode":"x"}' });
    expect(result.FunctionError).toBeUndefined();
    const log = Buffer.from(result.LogResult ?? "", "base64").toString();
    const requestId = functions.recorded()[0]?.requestId;
    expect(log).toMatch(new RegExp(`^START RequestId: ${requestId} Version: \\$LATEST\n`));
    expect(log).toMatch(/REPORT RequestId: .*\tMemory Size: 128 MB\t.*Init Duration: /);
  });

  test("a handler that throws is status 200 with FunctionError", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction();
    const result = await functions.invoke({ mode: "throw" });
    expect(result).toMatchObject({ StatusCode: 200, FunctionError: "Unhandled" });
    expect(JSON.parse(result.text)).toMatchObject({ errorType: "TypeError", errorMessage: "boom" });
  });

  test("reserved concurrency 0 throttles", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction();
    await functions.lambda.send(
      new PutFunctionConcurrencyCommand({ FunctionName: "f", ReservedConcurrentExecutions: 0 }),
    );
    await expect(functions.invoke({})).rejects.toMatchObject({
      name: "TooManyRequestsException",
      Reason: "ReservedFunctionConcurrentInvocationLimitExceeded",
      $metadata: { httpStatusCode: 429 },
    });
  });

  test("what is not JSON, a function that is not there and a qualifier are refused as AWS does", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction();
    const send = (input: object) => functions.lambda.send(new InvokeCommand({ FunctionName: "f", ...input }));
    await expect(send({ Payload: Buffer.from("{") })).rejects.toMatchObject({ name: "InvalidRequestContentException" });
    await expect(send({ FunctionName: "g" })).rejects.toMatchObject({
      name: "ResourceNotFoundException",
      message: `Function not found: arn:aws:lambda:${REGION}:${ACCOUNT}:function:g`,
    });
    await expect(send({ Qualifier: "live" })).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    await expect(send({ InvocationType: "DryRun" })).resolves.toMatchObject({ StatusCode: 204 });
  });

  test("a changed configuration takes effect with the next invocation; an unchanged one keeps the process", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction({}, "let calls = 0; export const handler = async () => [process.env.V, ++calls];");
    expect((await functions.invoke({})).text).toBe("[null,1]");
    await functions.makeFunction({}, "let calls = 0; export const handler = async () => [process.env.V, ++calls];");
    expect((await functions.invoke({})).text).toBe("[null,2]");
    await functions.lambda.send(
      new UpdateFunctionConfigurationCommand({ FunctionName: "f", Environment: { Variables: { V: "2" } } }),
    );
    expect((await functions.invoke({})).text).toBe('["2",1]');
  });
});

describe("functions", () => {
  test("are described as the template made them", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction({ Timeout: "7", MemorySize: 256, LoggingConfig: { LogFormat: "JSON" } });
    const { Configuration } = await functions.lambda.send(new GetFunctionCommand({ FunctionName: "f" }));
    expect(Configuration).toMatchObject({
      FunctionArn: FUNCTION_ARN,
      Timeout: 7,
      MemorySize: 256,
      State: "Active",
      LoggingConfig: { LogFormat: "JSON", LogGroup: "/aws/lambda/f", ApplicationLogLevel: "INFO" },
    });
  });

  test("other runtimes, reserved variables and code that is no directory are refused by name", async () => {
    functions = await LocalFunctions.start();
    await expect(functions.makeFunction({ Runtime: "python3.13" })).rejects.toThrow(
      /Runtime python3.13 is not supported/,
    );
    const variables = { Environment: { Variables: { AWS_REGION: "x" } } };
    await expect(functions.makeFunction(variables)).rejects.toThrow(/Reserved keys used in this request: AWS_REGION/);
    await expect(functions.makeFunction({ Timeout: 901 })).rejects.toThrow(/Timeout/);
    await expect(functions.makeFunction({ Layers: ["arn"] })).rejects.toThrow(/Layers/);
  });

  test("inline code runs", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction({ Code: { ZipFile: "exports.handler = async (event) => event.a + 1" } });
    expect((await functions.invoke({ a: 1 })).text).toBe("2");
  });

  test("their resource policy names who may invoke them", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction();
    const permission = { StatementId: "s", Action: "lambda:InvokeFunction", Principal: "s3.amazonaws.com" };
    const add = () =>
      functions.lambda.send(
        new AddPermissionCommand({ FunctionName: "f", ...permission, SourceArn: "arn:aws:s3:::b" }),
      );
    await add();
    await expect(add()).rejects.toMatchObject({ name: "ResourceConflictException" });
    const { Policy } = await functions.lambda.send(new GetPolicyCommand({ FunctionName: "f" }));
    expect(JSON.parse(Policy ?? "")).toEqual({
      Version: "2012-10-17",
      Id: "default",
      Statement: [
        {
          Sid: "s",
          Effect: "Allow",
          Principal: { Service: "s3.amazonaws.com" },
          Action: "lambda:InvokeFunction",
          Resource: FUNCTION_ARN,
          Condition: { ArnLike: { "AWS:SourceArn": "arn:aws:s3:::b" } },
        },
      ],
    });
  });
});

describe("metrics", () => {
  test("count invocations and errors per function, and over all", async () => {
    functions = await LocalFunctions.start({ services: [createCloudWatch] });
    await functions.makeFunction();
    await functions.invoke({});
    await functions.invoke({ mode: "throw" });
    const published = functions.called("PutMetricData");
    await functions.local.clock.advance(1_000);
    expect(await published).toMatchObject({ principal: "lambda.amazonaws.com" });
    expect(await published).not.toHaveProperty("error");
    const cloudwatch = functions.local.client(CloudWatchClient);
    const sum = async (MetricName: string, Dimensions: { Name: string; Value: string }[]) => {
      const { Datapoints } = await cloudwatch.send(
        new GetMetricStatisticsCommand({
          Namespace: "AWS/Lambda",
          MetricName,
          Dimensions,
          StartTime: new Date(functions.local.clock.now() - 3_600_000),
          EndTime: new Date(functions.local.clock.now() + 60_000),
          Period: 3_600,
          Statistics: ["Sum"],
        }),
      );
      return (Datapoints ?? []).reduce((total, { Sum }) => total + (Sum ?? 0), 0);
    };
    const byFunction = [{ Name: "FunctionName", Value: "f" }];
    expect(await sum("Invocations", byFunction)).toBe(2);
    expect(await sum("Errors", byFunction)).toBe(1);
    expect(await sum("Errors", [])).toBe(1);
  });
});
