import type {
  CreateEventSourceMappingCommandInput,
  DeleteEventSourceMappingCommandInput,
  EventSourceMappingConfiguration,
  GetEventSourceMappingCommandInput,
  ListEventSourceMappingsCommandInput,
  ListEventSourceMappingsCommandOutput,
  UpdateEventSourceMappingCommandInput,
} from "@aws-sdk/client-lambda";
import { AwsError } from "../../service.ts";
import { conflict, invalidParameter, mappingNotFound, unsupported } from "./errors.ts";
import { compileFilters } from "./filters.ts";
import { MappingPoller, type PollerDeps } from "./mapping-poller.ts";
import { parseArn, queueUrlOf } from "./names.ts";
import type { LambdaStore, MappingState, StoredFunction, StoredMapping } from "./store.ts";

/** What a mapping's owner decides; the rest is Lambda's. */
export type MappingSettings = Omit<StoredMapping, "uuid" | "lastModified">;

/** Members of the request that mean an SQS mapping. Everything else is refused by name. */
const SUPPORTED = [
  "UUID",
  "EventSourceArn",
  "FunctionName",
  "Enabled",
  "BatchSize",
  "FilterCriteria",
  "MetricsConfig",
  "ScalingConfig",
  "MaximumBatchingWindowInSeconds",
  "FunctionResponseTypes",
];

/** Event source mappings from SQS queues to functions: their definitions, states and pollers. */
export class Mappings {
  readonly #deps: PollerDeps;
  readonly #store: LambdaStore;
  readonly #pollers = new Map<string, MappingPoller>();
  /** States other than the one that `enabled` says, while they last. */
  readonly #transitions = new Map<string, MappingState>();
  #started = false;

  constructor(deps: PollerDeps, store: LambdaStore) {
    this.#deps = deps;
    this.#store = store;
  }

  start(): void {
    this.#started = true;
    for (const mapping of this.#store.mappings.list()) if (mapping.enabled) this.#poll(mapping);
  }

  /** Ends polling at once; resolves when the batches that were going on have ended. */
  async stop(): Promise<void> {
    this.#started = false;
    await Promise.all([...this.#pollers.values()].map((poller) => poller.stop()));
  }

  async create(settings: MappingSettings): Promise<StoredMapping> {
    await this.#check(settings);
    const { queueArn, functionName } = settings;
    const other = this.#store.mappings
      .list()
      .find((mapping) => mapping.queueArn === queueArn && mapping.functionName === functionName);
    if (other) {
      throw conflict(
        `An event source mapping with SQS arn (" ${queueArn} ") and function (" ${functionName} ") already exists. ` +
          `Please update or delete the existing mapping with UUID ${other.uuid}`,
      );
    }
    const { ids, clock } = this.#deps.services;
    const uuid = ids.uuid();
    const mapping = this.#store.mappings.put(uuid, { ...settings, uuid, lastModified: clock.now() });
    if (mapping.enabled) this.#transition(mapping, "Creating");
    return mapping;
  }

  async update(uuid: string, settings: MappingSettings): Promise<StoredMapping> {
    const before = this.find(uuid);
    await this.#check(settings);
    const { clock } = this.#deps.services;
    const mapping = this.#store.mappings.put(uuid, { ...settings, uuid, lastModified: clock.now() });
    if (before.enabled !== mapping.enabled) this.#transition(mapping, mapping.enabled ? "Enabling" : "Disabling");
    else this.#transition(mapping, "Updating");
    return mapping;
  }

  /** Ends a mapping: it is gone when the batches that were going on have ended. */
  async delete(uuid: string): Promise<void> {
    const mapping = this.find(uuid);
    this.#enter(mapping, "Deleting");
    this.#store.mappings.delete(uuid);
    await this.#pollers.get(uuid)?.stop();
    this.#pollers.delete(uuid);
    this.#transitions.delete(uuid);
  }

  find(uuid: string | undefined): StoredMapping {
    const mapping = uuid === undefined ? undefined : this.#store.mappings.get(uuid);
    if (!mapping) throw mappingNotFound();
    return mapping;
  }

  readonly operations = {
    CreateEventSourceMapping: async (input: CreateEventSourceMappingCommandInput) => {
      checkMembers("CreateEventSourceMapping", input);
      if (input.EventSourceArn === undefined) throw invalidParameter("Unrecognized event source.");
      const { name } = this.#deps.functions.find(input.FunctionName);
      return this.describe(
        await this.create(mappingSettings(input, { functionName: name, queueArn: input.EventSourceArn })),
      );
    },

    UpdateEventSourceMapping: async (input: UpdateEventSourceMappingCommandInput) => {
      checkMembers("UpdateEventSourceMapping", input);
      const before = this.find(input.UUID);
      const functionName = input.FunctionName
        ? this.#deps.functions.find(input.FunctionName).name
        : before.functionName;
      return this.describe(await this.update(before.uuid, mappingSettings(input, { ...before, functionName })));
    },

    GetEventSourceMapping: (input: GetEventSourceMappingCommandInput) => this.describe(this.find(input.UUID)),

    DeleteEventSourceMapping: (input: DeleteEventSourceMappingCommandInput) => {
      const mapping = this.find(input.UUID);
      void this.delete(mapping.uuid);
      return this.describe(mapping);
    },

    ListEventSourceMappings: (
      input: ListEventSourceMappingsCommandInput,
    ): Omit<ListEventSourceMappingsCommandOutput, "$metadata"> => {
      const functionName = input.FunctionName && this.#deps.functions.find(input.FunctionName).name;
      const all = this.#store.mappings
        .list()
        .filter((mapping) => input.EventSourceArn === undefined || mapping.queueArn === input.EventSourceArn)
        .filter((mapping) => functionName === undefined || mapping.functionName === functionName)
        .filter((mapping) => mapping.uuid > (input.Marker ?? ""));
      const page = all.slice(0, input.MaxItems ?? 100);
      return {
        EventSourceMappings: page.map((mapping) => this.describe(mapping)),
        ...(page.length < all.length && { NextMarker: page.at(-1)?.uuid }),
      };
    },
  };

  describe(mapping: StoredMapping): EventSourceMappingConfiguration {
    const { partition, region, account } = this.#deps.services.environment;
    return {
      UUID: mapping.uuid,
      BatchSize: mapping.batchSize,
      MaximumBatchingWindowInSeconds: mapping.windowSeconds,
      EventSourceArn: mapping.queueArn,
      ...(mapping.filters.length > 0 && {
        FilterCriteria: { Filters: mapping.filters.map((Pattern) => ({ Pattern })) },
      }),
      ...(mapping.maximumConcurrency !== undefined && {
        ScalingConfig: { MaximumConcurrency: mapping.maximumConcurrency },
      }),
      ...(mapping.countEvents && { MetricsConfig: { Metrics: ["EventCount"] } }),
      FunctionArn: this.#deps.functions.arn(mapping.functionName),
      FunctionResponseTypes: mapping.reportBatchItemFailures ? ["ReportBatchItemFailures"] : [],
      LastModified: new Date(mapping.lastModified),
      State: this.#transitions.get(mapping.uuid) ?? (mapping.enabled ? "Enabled" : "Disabled"),
      StateTransitionReason: "USER_INITIATED",
      EventSourceMappingArn: `arn:${partition}:lambda:${region}:${account}:event-source-mapping:${mapping.uuid}`,
    };
  }

  /** Shows a passing state, brings the poller to the mapping's new settings, then shows the lasting one. */
  #transition(mapping: StoredMapping, passing: MappingState): void {
    this.#enter(mapping, passing);
    const { clock } = this.#deps.services;
    const release = clock.hold();
    const before = this.#pollers.get(mapping.uuid);
    this.#pollers.delete(mapping.uuid);
    // Not before the answer that shows the passing state is out.
    clock.timer(0, () => {
      void Promise.resolve(before?.stop()).then(() => {
        release();
        const current = this.#store.mappings.get(mapping.uuid);
        if (current?.lastModified !== mapping.lastModified) return;
        this.#transitions.delete(mapping.uuid);
        this.#enter(mapping, mapping.enabled ? "Enabled" : "Disabled");
        if (mapping.enabled && this.#started) this.#poll(mapping);
      });
    });
  }

  #enter(mapping: StoredMapping, to: MappingState): void {
    if (to !== "Enabled" && to !== "Disabled") this.#transitions.set(mapping.uuid, to);
    const { trace } = this.#deps.services;
    trace.emit({ type: "state", kind: "event-source-mapping", name: mapping.functionName, id: mapping.uuid, to });
  }

  #poll(mapping: StoredMapping): void {
    this.#pollers.set(mapping.uuid, new MappingPoller(this.#deps, mapping));
  }

  /** What AWS checks before it accepts a mapping. */
  async #check(settings: MappingSettings): Promise<void> {
    const { queueArn, functionName, batchSize, windowSeconds, maximumConcurrency, filters } = settings;
    if (parseArn(queueArn).service !== "sqs") throw unsupported(`Event source ${queueArn}`, "only SQS queues are.");
    range("BatchSize", batchSize, 1, 10_000);
    range("MaximumBatchingWindowInSeconds", windowSeconds, 0, 300);
    if (batchSize > 10 && windowSeconds === 0) {
      throw invalidParameter(
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
      );
    }
    if (maximumConcurrency !== undefined) range("ScalingConfig.MaximumConcurrency", maximumConcurrency, 2, 1000);
    compileFilters(filters);
    await this.#checkQueue(queueArn, this.#deps.functions.find(functionName));
  }

  async #checkQueue(queueArn: string, stored: StoredFunction): Promise<void> {
    const { bus, environment } = this.#deps.services;
    const { principal } = await bus.assumeRole(stored.roleArn, stored.name);
    for (const name of ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"]) {
      if (await bus.allowed({ principal, action: `sqs:${name}`, resourceArn: queueArn })) continue;
      throw invalidParameter(`The function execution role does not have permissions to call ${name} on SQS`);
    }
    let visibility: number;
    try {
      const QueueUrl = queueUrlOf(environment, queueArn);
      const input = { QueueUrl, AttributeNames: ["VisibilityTimeout" as const] };
      const { Attributes } = await bus.call("sqs:GetQueueAttributes", input, principal);
      visibility = Number(Attributes?.["VisibilityTimeout"]);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      const code = error.code === "QueueDoesNotExist" ? "AWS.SimpleQueueService.NonExistentQueue" : error.code;
      throw invalidParameter(
        `Error occurred while ReceiveMessage. SQS Error Code: ${code}. SQS Error Message: ${error.message}`,
      );
    }
    if (visibility < stored.timeoutSeconds) {
      throw invalidParameter(
        `Queue visibility timeout: ${visibility} seconds is less than Function timeout: ${stored.timeoutSeconds} seconds`,
      );
    }
  }
}

/** The settings a request gives, on top of those that a mapping has (or on Lambda's defaults). */
export function mappingSettings(
  input: CreateEventSourceMappingCommandInput | Omit<UpdateEventSourceMappingCommandInput, "UUID">,
  base: Pick<MappingSettings, "functionName" | "queueArn"> & Partial<MappingSettings>,
): MappingSettings {
  const metrics = input.MetricsConfig?.Metrics;
  return {
    functionName: base.functionName,
    queueArn: base.queueArn,
    enabled: input.Enabled ?? base.enabled ?? true,
    batchSize: input.BatchSize ?? base.batchSize ?? 10,
    windowSeconds: input.MaximumBatchingWindowInSeconds ?? base.windowSeconds ?? 0,
    reportBatchItemFailures:
      input.FunctionResponseTypes?.includes("ReportBatchItemFailures") ?? base.reportBatchItemFailures ?? false,
    maximumConcurrency: input.ScalingConfig ? input.ScalingConfig.MaximumConcurrency : base.maximumConcurrency,
    filters: input.FilterCriteria
      ? (input.FilterCriteria.Filters ?? []).map(({ Pattern }) => Pattern ?? "")
      : (base.filters ?? []),
    countEvents: metrics ? metrics.includes("EventCount") : (base.countEvents ?? false),
  };
}

function checkMembers(operation: string, input: object): void {
  const other = Object.entries(input).find(([name, value]) => value !== undefined && !SUPPORTED.includes(name));
  if (other) throw unsupported(`${operation}.${other[0]}`, "only what concerns SQS queues is.");
}

function range(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw invalidParameter(`${name} must be from ${min} to ${max}, not ${value}`);
  }
}
