import type { Message } from "@aws-sdk/client-sqs";
import type { RoleSession } from "../../bus.ts";
import { AwsError, type ServiceDeps } from "../../service.ts";
import { compileFilters } from "./filters.ts";
import type { Functions } from "./functions.ts";
import type { HeldMessages } from "./held-messages.ts";
import type { Invoker } from "./invoker.ts";
import type { LambdaMetrics } from "./metrics.ts";
import { queueUrlOf } from "./names.ts";
import { failedMessageIds, sqsRecord, type SqsRecord } from "./sqs-records.ts";
import type { StoredFunction, StoredMapping } from "./store.ts";

/** AWS starts with five batches at a time and adds more while a backlog grows; one machine does not. */
const DEFAULT_CONCURRENCY = 5;
/** An event is cut at the payload limit of an invocation; this is what `{"Records":[]}` leaves for the records. */
const MAX_EVENT_BYTES = 6 * 1024 * 1024 - 14;
/** Of one ReceiveMessage and one DeleteMessageBatch. */
const SQS_BATCH = 10;
const LONG_POLL_SECONDS = 20;
/** After a refused or failed receive: from one second, doubling, up to a minute. */
const MAX_BACKOFF_MS = 60_000;
const SESSION_LIFETIME_MS = 45 * 60_000;

interface Batch {
  records: SqsRecord[];
  bytes: number;
}

export interface PollerDeps {
  readonly services: ServiceDeps;
  readonly functions: Functions;
  readonly invoker: Invoker;
  readonly metrics: LambdaMetrics;
  readonly held: HeldMessages;
}

/**
 * Carries the messages of one queue to one function: gathers a batch, invokes, deletes what was dealt with. One long
 * poll waits while nothing is going on; as many invocations run at once as the mapping's MaximumConcurrency allows, and
 * no message is received for which there is no place.
 */
export class MappingPoller {
  readonly #deps: PollerDeps;
  readonly #mapping: StoredMapping;
  readonly #stop = new AbortController();
  readonly #passes: (record: SqsRecord) => boolean;
  readonly #concurrency: number;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #loop: Promise<void>;
  #session: { value: RoleSession; roleArn: string; until: number } | undefined;
  /** Records that did not fit into the last event any more. */
  #carried: SqsRecord[] = [];

  constructor(deps: PollerDeps, mapping: StoredMapping) {
    this.#deps = deps;
    this.#mapping = mapping;
    this.#passes = compileFilters(mapping.filters);
    this.#concurrency = mapping.maximumConcurrency ?? DEFAULT_CONCURRENCY;
    this.#loop = this.#run();
  }

  /** Ends polling; resolves when the batches that were going on have ended too. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    await Promise.all(this.#inFlight);
  }

  async #run(): Promise<void> {
    let failures = 0;
    const { clock, trace } = this.#deps.services;
    await this.#handBack().catch((error: unknown) => {
      trace.emit({ type: "internal-error", where: `event source mapping ${this.#mapping.uuid}`, error: String(error) });
    });
    while (!this.#stop.signal.aborted) {
      try {
        while (this.#inFlight.size >= this.#concurrency) await Promise.race(this.#inFlight);
        if (this.#stop.signal.aborted) return;
        await this.#gather();
        failures = 0;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (error instanceof AwsError) {
          const { uuid, functionName } = this.#mapping;
          trace.emit({
            type: "state",
            kind: "event-source-mapping",
            name: functionName,
            id: uuid,
            to: "Enabled",
            reason,
          });
        } else
          trace.emit({ type: "internal-error", where: `event source mapping ${this.#mapping.uuid}`, error: reason });
        const delay = Math.min(MAX_BACKOFF_MS, 1000 * 2 ** failures++);
        await clock.sleep(delay, { background: true, signal: this.#stop.signal }).catch(() => {});
      }
    }
  }

  /**
   * AWS's pollers outlive every machine of theirs; these die with the runtime. What the one before had is shown again at
   * once, or it would stay hidden for its whole visibility timeout, which advice puts at six times the function's.
   */
  async #handBack(): Promise<void> {
    const { services, held } = this.#deps;
    const handles = held.of(this.#mapping.uuid);
    if (handles.length === 0) return;
    const release = services.clock.hold();
    try {
      const QueueUrl = queueUrlOf(services.environment, this.#mapping.queueArn);
      const { principal } = await this.#role(this.#function());
      const show = (ReceiptHandle: string) =>
        services.bus.call("sqs:ChangeMessageVisibility", { QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }, principal);
      // One that came back or was deleted already is refused, and says nothing about the others.
      for (const handle of handles) await show(handle).catch(ignoreRefusal);
    } catch (error) {
      ignoreRefusal(error);
    } finally {
      held.letGo(handles);
      release();
    }
  }

  /** Waits for messages and starts one invocation with them, or comes back with nothing. */
  async #gather(): Promise<void> {
    const { clock } = this.#deps.services;
    const { batchSize, windowSeconds } = this.#mapping;
    const batch: Batch = { records: [], bytes: 0 };
    for (const record of this.#carried.splice(0)) this.#add(batch, record);
    if (batch.records.length === 0) {
      const received = await this.#receive(batchSize, this.#stop.signal);
      const release = clock.hold();
      try {
        await this.#take(batch, received);
      } finally {
        release();
      }
    }
    if (batch.records.length === 0) return;
    if (windowSeconds > 0) await this.#fill(batch);
    const release = clock.hold();
    const processing: Promise<void> = this.#process(batch.records).finally(() => {
      this.#inFlight.delete(processing);
      release();
    });
    this.#inFlight.add(processing);
  }

  /** Adds messages until the batch is full, the event is, or the window is over. */
  async #fill(batch: Batch): Promise<void> {
    const { batchSize, windowSeconds } = this.#mapping;
    const windowOver = new AbortController();
    // A foreground timer: waiting out a window is idle time that a one-shot run skips.
    const timer = this.#deps.services.clock.timer(windowSeconds * 1000, () => windowOver.abort());
    const signal = AbortSignal.any([windowOver.signal, this.#stop.signal]);
    try {
      while (!signal.aborted && batch.records.length < batchSize && this.#carried.length === 0) {
        await this.#take(batch, await this.#receive(batchSize - batch.records.length, signal));
      }
    } finally {
      timer.cancel();
    }
  }

  #add(batch: Batch, record: SqsRecord): void {
    const bytes = Buffer.byteLength(JSON.stringify(record)) + 1;
    // The first record always goes in: a message is smaller than an event.
    if (this.#carried.length > 0 || (batch.records.length > 0 && batch.bytes + bytes > MAX_EVENT_BYTES)) {
      this.#carried.push(record);
      return;
    }
    batch.records.push(record);
    batch.bytes += bytes;
  }

  async #take(batch: Batch, messages: Message[]): Promise<void> {
    const filteredOut: SqsRecord[] = [];
    this.#deps.held.hold(
      this.#mapping.uuid,
      messages.flatMap(({ ReceiptHandle }) => ReceiptHandle ?? []),
    );
    for (const message of messages) {
      const record = sqsRecord(message, this.#mapping, this.#deps.services.environment.region);
      if (this.#passes(record)) this.#add(batch, record);
      else filteredOut.push(record);
    }
    this.#count("PolledEventCount", messages.length);
    this.#count("FilteredOutEventCount", filteredOut.length);
    // What no filter lets through is dealt with (https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html).
    if (filteredOut.length > 0) await this.#delete(filteredOut);
  }

  async #receive(room: number, signal: AbortSignal): Promise<Message[]> {
    const { bus, environment } = this.#deps.services;
    const stored = this.#function();
    const { queueArn, windowSeconds } = this.#mapping;
    const session = await this.#role(stored);
    const result = await bus.call(
      "sqs:ReceiveMessage",
      {
        QueueUrl: queueUrlOf(environment, queueArn),
        MaxNumberOfMessages: Math.min(SQS_BATCH, room),
        WaitTimeSeconds: LONG_POLL_SECONDS,
        MessageSystemAttributeNames: ["All"],
        MessageAttributeNames: ["All"],
        ...(await this.#visibility(stored, windowSeconds, session)),
      },
      session.principal,
      { signal },
    );
    return result.Messages ?? [];
  }

  /**
   * With a window, a message must stay hidden through window and invocation: where the queue's own visibility timeout is
   * shorter than that, Lambda asks for more (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html).
   */
  async #visibility(
    stored: StoredFunction,
    windowSeconds: number,
    session: RoleSession,
  ): Promise<{ VisibilityTimeout?: number }> {
    if (windowSeconds === 0) return {};
    const { bus, environment } = this.#deps.services;
    const { Attributes } = await bus.call(
      "sqs:GetQueueAttributes",
      { QueueUrl: queueUrlOf(environment, this.#mapping.queueArn), AttributeNames: ["VisibilityTimeout"] },
      session.principal,
    );
    const needed = windowSeconds + stored.timeoutSeconds;
    return needed > Number(Attributes?.["VisibilityTimeout"] ?? 30) ? { VisibilityTimeout: needed + 30 } : {};
  }

  async #process(records: SqsRecord[]): Promise<void> {
    const { ids, trace } = this.#deps.services;
    const { functionName, queueArn, reportBatchItemFailures } = this.#mapping;
    const messageIds = records.map(({ messageId }) => messageId);
    const delivery = {
      type: "delivery",
      from: queueArn,
      to: this.#deps.functions.arn(functionName),
      messageIds,
    } as const;
    try {
      const payload = JSON.stringify({ Records: records });
      const result = await this.#deps.invoker.invoke(functionName, { requestId: ids.uuid(), payload });
      if (result.status !== "success") {
        this.#count("FailedInvokeEventCount", records.length);
        trace.emit({ ...delivery, error: "the function failed: the messages come back" });
        return;
      }
      this.#count("InvokedEventCount", records.length);
      const failed = reportBatchItemFailures
        ? failedMessageIds(result.payload, new Set(messageIds))
        : new Set<string>();
      trace.emit({ ...delivery, ...(failed.size > 0 && { error: `${failed.size} of ${records.length} failed` }) });
      await this.#delete(records.filter(({ messageId }) => !failed.has(messageId)));
    } catch (error) {
      // Throttled, or the queue or the role is gone: what was not deleted comes back after its visibility timeout.
      trace.emit({ ...delivery, error: error instanceof Error ? error.message : String(error) });
    } finally {
      // A stopping runtime ends its functions: that says nothing about the messages, and the next start shows them.
      if (!this.#stop.signal.aborted) this.#deps.held.letGo(records.map(({ receiptHandle }) => receiptHandle));
    }
  }

  async #delete(records: SqsRecord[]): Promise<void> {
    const { bus, environment } = this.#deps.services;
    const QueueUrl = queueUrlOf(environment, this.#mapping.queueArn);
    const { principal } = await this.#role(this.#function());
    for (let start = 0; start < records.length; start += SQS_BATCH) {
      const some = records.slice(start, start + SQS_BATCH);
      const Entries = some.map(({ receiptHandle }, index) => ({ Id: String(index), ReceiptHandle: receiptHandle }));
      await bus.call("sqs:DeleteMessageBatch", { QueueUrl, Entries }, principal);
      this.#deps.held.letGo(some.map(({ receiptHandle }) => receiptHandle));
      this.#count("DeletedEventCount", some.length);
    }
  }

  #function(): StoredFunction {
    return this.#deps.functions.find(this.#mapping.functionName);
  }

  async #role({ roleArn, name }: StoredFunction): Promise<RoleSession> {
    const { bus, clock } = this.#deps.services;
    if (this.#session?.roleArn !== roleArn || this.#session.until < clock.now()) {
      const value = await bus.assumeRole(roleArn, name);
      this.#session = { value, roleArn, until: clock.now() + SESSION_LIFETIME_MS };
    }
    return this.#session.value;
  }

  #count(metric: Parameters<LambdaMetrics["addMapping"]>[1], value: number): void {
    if (this.#mapping.countEvents) this.#deps.metrics.addMapping(this.#mapping.uuid, metric, value);
  }
}

/** The role need not have a permission, the queue or the message may be gone: what is hidden comes back in its time. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof AwsError)) throw error;
}
