import { z } from "zod";
import { boolean, integer, jsonText, tags } from "../../properties.ts";
import { defineResource, type ResourceProvider } from "../../service.ts";
import { checkDestination } from "./destinations.ts";
import type { EventInvokeConfigs } from "./event-invoke-config.ts";
import { checkRuntime, type Functions } from "./functions.ts";
import { mappingSettings, type Mappings } from "./mappings.ts";
import type { Permissions } from "./permissions.ts";
import type { FunctionCode, LambdaStore } from "./store.ts";

const level = z.enum(["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]);

const functionSchema = z.strictObject({
  FunctionName: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .optional(),
  Code: z.union([z.strictObject({ S3Bucket: z.string(), S3Key: z.string() }), z.strictObject({ ZipFile: z.string() })]),
  Runtime: z.string(),
  Handler: z.string(),
  Role: z.string(),
  Description: z.string().default(""),
  Timeout: integer.default(3),
  MemorySize: integer.default(128),
  Environment: z.strictObject({ Variables: z.record(z.string(), z.coerce.string()).optional() }).optional(),
  DeadLetterConfig: z.strictObject({ TargetArn: z.string().optional() }).optional(),
  LoggingConfig: z
    .strictObject({
      LogFormat: z.enum(["Text", "JSON"]).optional(),
      ApplicationLogLevel: level.optional(),
      SystemLogLevel: z.enum(["DEBUG", "INFO", "WARN"]).optional(),
      LogGroup: z.string().optional(),
    })
    .optional(),
  ReservedConcurrentExecutions: integer.optional(),
  PackageType: z.literal("Zip").optional(),
  Architectures: z.array(z.enum(["x86_64", "arm64"])).optional(),
  EphemeralStorage: z.strictObject({ Size: integer }).optional(),
  TracingConfig: z.strictObject({ Mode: z.enum(["Active", "PassThrough"]).optional() }).optional(),
  Tags: tags.optional(),
});

const mappingSchema = z.strictObject({
  EventSourceArn: z.string(),
  FunctionName: z.string(),
  Enabled: boolean.optional(),
  BatchSize: integer.optional(),
  MaximumBatchingWindowInSeconds: integer.optional(),
  FunctionResponseTypes: z.array(z.literal("ReportBatchItemFailures")).optional(),
  ScalingConfig: z.strictObject({ MaximumConcurrency: integer.optional() }).optional(),
  FilterCriteria: z
    .strictObject({ Filters: z.array(z.strictObject({ Pattern: jsonText.optional() })).optional() })
    .optional(),
  MetricsConfig: z.strictObject({ Metrics: z.array(z.literal("EventCount")).optional() }).optional(),
  Tags: tags.optional(),
});

const destination = z.strictObject({ Destination: z.string() }).optional();

export function createLambdaResources(parts: {
  store: LambdaStore;
  functions: Functions;
  permissions: Permissions;
  mappings: Mappings;
  eventInvokeConfigs: EventInvokeConfigs;
}): Record<string, ResourceProvider> {
  const { store, functions, permissions, mappings, eventInvokeConfigs } = parts;

  const lambdaFunction = defineResource({
    schema: functionSchema,
    ignored: {
      Architectures: "functions run on this machine's processor",
      EphemeralStorage: "the temporary directory is this machine's, without a limit",
      TracingConfig: "there is no X-Ray here",
    },
    attributes: ["Arn"],
    async provision({ properties, physicalId, generatedName }) {
      const name = properties.FunctionName ?? physicalId ?? generatedName(64);
      const { Code, LoggingConfig: logging } = properties;
      const code: FunctionCode =
        "ZipFile" in Code
          ? functions.inlineCode(name, Code.ZipFile)
          : { kind: "asset", bucket: Code.S3Bucket, key: Code.S3Key };
      const deadLetterArn = properties.DeadLetterConfig?.TargetArn;
      if (deadLetterArn !== undefined) checkDestination(deadLetterArn, ["sqs", "sns"]);
      await functions.put({
        name,
        code,
        runtime: checkRuntime(properties.Runtime),
        handler: properties.Handler,
        roleArn: properties.Role,
        description: properties.Description,
        timeoutSeconds: properties.Timeout,
        memoryMiB: properties.MemorySize,
        variables: properties.Environment?.Variables ?? {},
        logging: {
          group: logging?.LogGroup ?? `/aws/lambda/${name}`,
          format: logging?.LogFormat ?? "Text",
          // With JSON, Lambda's default levels are INFO.
          applicationLevel: logging?.ApplicationLogLevel ?? (logging?.LogFormat === "JSON" ? "INFO" : undefined),
          systemLevel: logging?.SystemLogLevel ?? (logging?.LogFormat === "JSON" ? "INFO" : undefined),
        },
        deadLetterArn,
        reservedConcurrency: properties.ReservedConcurrentExecutions,
        architectures: properties.Architectures ?? ["x86_64"],
        ephemeralStorageMiB: properties.EphemeralStorage?.Size ?? 512,
        tracing: properties.TracingConfig?.Mode ?? "PassThrough",
        tags: Object.fromEntries((properties.Tags ?? []).map(({ Key, Value }) => [Key, Value])),
      });
      return { physicalId: name, attributes: { Arn: functions.arn(name) } };
    },
    delete: (physicalId) => functions.delete(physicalId),
  });

  const permission = defineResource({
    schema: z.strictObject({
      Action: z.string(),
      FunctionName: z.string(),
      Principal: z.string(),
      SourceArn: z.string().optional(),
      SourceAccount: z.string().optional(),
    }),
    attributes: ["Id"],
    provision({ properties, physicalId, generatedName }) {
      const { name } = functions.find(properties.FunctionName);
      const previous = physicalId === undefined ? undefined : permissionId(physicalId);
      const statementId = previous?.statementId ?? generatedName(100);
      if (previous && previous.functionName !== name) removeQuietly(physicalId ?? "");
      permissions.add(
        name,
        {
          statementId,
          action: properties.Action,
          principal: properties.Principal,
          sourceArn: properties.SourceArn,
          sourceAccount: properties.SourceAccount,
        },
        { replace: true },
      );
      // CloudFormation's id is the statement's; deleting it has to find the function again.
      return { physicalId: `${name}|${statementId}`, attributes: { Id: statementId } };
    },
    delete: (physicalId) => removeQuietly(physicalId),
  });

  function removeQuietly(physicalId: string): void {
    const { functionName, statementId } = permissionId(physicalId);
    // The function may be gone already, and its policy with it.
    if (store.policies.get(functionName)?.some(({ Sid }) => Sid === statementId)) {
      permissions.remove(functionName, statementId);
    }
  }

  const mapping = defineResource({
    schema: mappingSchema,
    ignored: { Tags: "not shown anywhere" },
    attributes: ["Id", "EventSourceMappingArn"],
    async provision({ properties, physicalId }) {
      const { EventSourceArn, FunctionName, Tags: _, ...input } = properties;
      const { name } = functions.find(FunctionName);
      const settings = mappingSettings(
        { ...input, FunctionName: name, EventSourceArn },
        { functionName: name, queueArn: EventSourceArn },
      );
      const existing = physicalId === undefined ? undefined : store.mappings.get(physicalId);
      const unchanged = existing && sameSettings({ ...existing }, settings) ? existing : undefined;
      const made =
        unchanged ?? (await (existing ? mappings.update(existing.uuid, settings) : mappings.create(settings)));
      const arn = mappings.describe(made).EventSourceMappingArn ?? "";
      return { physicalId: made.uuid, attributes: { Id: made.uuid, EventSourceMappingArn: arn } };
    },
    async delete(physicalId) {
      if (store.mappings.get(physicalId)) await mappings.delete(physicalId);
    },
  });

  const eventInvokeConfig = defineResource({
    schema: z.strictObject({
      FunctionName: z.string(),
      Qualifier: z.literal("$LATEST"),
      MaximumEventAgeInSeconds: integer.optional(),
      MaximumRetryAttempts: integer.optional(),
      DestinationConfig: z.strictObject({ OnSuccess: destination, OnFailure: destination }).optional(),
    }),
    attributes: [],
    provision({ properties }) {
      const { name } = functions.find(properties.FunctionName, properties.Qualifier);
      eventInvokeConfigs.put({
        functionName: name,
        maximumEventAgeSeconds: properties.MaximumEventAgeInSeconds,
        maximumRetryAttempts: properties.MaximumRetryAttempts,
        onSuccess: properties.DestinationConfig?.OnSuccess?.Destination,
        onFailure: properties.DestinationConfig?.OnFailure?.Destination,
      });
      return { physicalId: `${name}|${properties.Qualifier}`, attributes: {} };
    },
    delete(physicalId) {
      const [name = ""] = physicalId.split("|");
      if (store.eventInvokeConfigs.get(name)) eventInvokeConfigs.delete(name);
    },
  });

  return {
    "AWS::Lambda::Function": lambdaFunction,
    "AWS::Lambda::Permission": permission,
    "AWS::Lambda::EventSourceMapping": mapping,
    "AWS::Lambda::EventInvokeConfig": eventInvokeConfig,
  };
}

function permissionId(physicalId: string): { functionName: string; statementId: string } {
  const [functionName = "", statementId = ""] = physicalId.split("|");
  return { functionName, statementId };
}

function sameSettings(existing: object, settings: object): boolean {
  const before = existing as Record<string, unknown>;
  return Object.entries(settings).every(([name, value]) => JSON.stringify(before[name]) === JSON.stringify(value));
}
