import type * as Logs from "@aws-sdk/client-cloudwatch-logs";
import type { ServiceDeps } from "../../service.ts";
import { readEmbeddedMetrics } from "./embedded-metrics.ts";
import { invalidParameter } from "./errors.ts";
import { compileFilterPattern } from "./filter-pattern.ts";
import type { createGroupOperations } from "./group-operations.ts";
import type { LogEvent, LogGroup, LogStore, Position } from "./store.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Of PutLogEvents: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html */
const MAX_BATCH = 10_000;
const MAX_BATCH_BYTES = 1_048_576;
const EVENT_OVERHEAD = 26;
const MAX_AGE = 14 * DAY;
const MAX_AHEAD = 2 * HOUR;

const MAX_EVENTS = 10_000;
/** How many events one FilterLogEvents looks at before it answers with what it has and a token. */
const MAX_SCAN = 50_000;

/** Writing events and reading them back. */
export function createEventOperations(
  deps: ServiceDeps,
  store: LogStore,
  groups: ReturnType<typeof createGroupOperations>,
) {
  const { clock, bus, trace } = deps;

  /** Metrics in a line are published after the line is kept, as CloudWatch does it: later, and on its own account. */
  const publishMetrics = async (group: LogGroup, messages: readonly string[]): Promise<void> => {
    const embedded = messages.flatMap((message) => readEmbeddedMetrics(message));
    if (embedded.length === 0) return;
    const release = clock.hold();
    try {
      for (const { namespace, metrics } of embedded) {
        const principal = {
          kind: "service",
          service: "logs.amazonaws.com",
          sourceArn: groups.groupArn(group),
        } as const;
        await bus.call("monitoring:PutMetricData", { Namespace: namespace, MetricData: [...metrics] }, principal);
      }
    } catch (error) {
      trace.emit({ type: "internal-error", where: `metrics in ${group.name}`, error: String(error) });
    } finally {
      release();
    }
  };

  return {
    PutLogEvents: (input: Logs.PutLogEventsCommandInput) => {
      const group = groups.find(input.logGroupName);
      const stream = groups.findStream(group, input.logStreamName);
      const events = (input.logEvents ?? []).map(({ timestamp = 0, message = "" }) => ({ timestamp, message }));
      checkBatch(events);
      const now = clock.now();
      const oldest = now - Math.min(MAX_AGE, group.retentionDays === undefined ? MAX_AGE : group.retentionDays * DAY);
      const expired = events.filter((event) => event.timestamp < oldest).length;
      const tooOld = events.filter((event) => event.timestamp < now - MAX_AGE).length;
      const tooNew = events.findIndex((event) => event.timestamp > now + MAX_AHEAD);
      const accepted = events.slice(expired, tooNew < 0 ? undefined : tooNew);
      store.append(stream, accepted, now);
      for (const { message } of accepted) {
        trace.emit({ type: "log", logGroup: group.name, logStream: stream.name, message });
      }
      void publishMetrics(
        group,
        accepted.map((event) => event.message),
      );
      const rejected = expired > 0 || tooNew >= 0;
      return {
        nextSequenceToken: `${stream.id}`.padStart(56, "0"),
        rejectedLogEventsInfo: rejected
          ? {
              tooOldLogEventEndIndex: tooOld > 0 ? tooOld : undefined,
              expiredLogEventEndIndex: expired > tooOld ? expired : undefined,
              tooNewLogEventStartIndex: tooNew < 0 ? undefined : tooNew,
            }
          : undefined,
      };
    },

    GetLogEvents: (input: Logs.GetLogEventsCommandInput) => {
      const group = groups.find(input.logGroupName ?? input.logGroupIdentifier);
      const stream = groups.findStream(group, input.logStreamName);
      const limit = checkLimit(input.limit);
      const token = parseToken(input.nextToken);
      const backward = token ? token.direction === "b" : !input.startFromHead;
      const events = store.events({
        groupId: group.id,
        streamIds: [stream.id],
        from: input.startTime ?? 0,
        until: input.endTime ?? Number.MAX_SAFE_INTEGER,
        after: token?.direction === "f" ? token.position : undefined,
        before: token?.direction === "b" ? token.position : undefined,
        newestFirst: backward,
        limit,
      });
      if (backward) events.reverse();
      const edge = token?.position ?? { timestamp: 0, id: 0 };
      return {
        events: events.map(({ timestamp, message, ingestedAt }) => ({ timestamp, message, ingestionTime: ingestedAt })),
        // At the end of the stream the same token comes back: that is how a reader knows.
        nextForwardToken: formatToken("f", events.at(-1) ?? edge),
        nextBackwardToken: formatToken("b", events[0] ?? edge),
      };
    },

    FilterLogEvents: (input: Logs.FilterLogEventsCommandInput) => {
      const group = groups.find(input.logGroupName ?? input.logGroupIdentifier);
      const limit = checkLimit(input.limit);
      const matches = compileFilterPattern(input.filterPattern ?? "");
      const token = parseToken(input.nextToken);
      const names = input.logStreamNames;
      if (names && input.logStreamNamePrefix !== undefined) {
        throw invalidParameter("logStreamNames and logStreamNamePrefix cannot be given together.");
      }
      const streams =
        names?.map((name) => groups.findStream(group, name)) ??
        (input.logStreamNamePrefix === undefined
          ? undefined
          : store.streams(group).filter((stream) => stream.name.startsWith(input.logStreamNamePrefix ?? "")));
      const query = {
        groupId: group.id,
        streamIds: streams?.map((stream) => stream.id),
        from: input.startTime ?? 0,
        // Inclusive here, unlike in GetLogEvents.
        until: (input.endTime ?? Number.MAX_SAFE_INTEGER - 1) + 1,
        newestFirst: false,
        limit: 1_000,
      };
      const found: LogEvent[] = [];
      let after = token?.position;
      let more = false;
      for (let scanned = 0; ;) {
        const events = store.events({ ...query, after });
        for (const event of events) {
          after = event;
          if (matches(event.message)) found.push(event);
          if (found.length === limit) break;
        }
        scanned += events.length;
        more = found.length === limit || events.length === query.limit;
        if (found.length === limit || events.length < query.limit || scanned >= MAX_SCAN) break;
      }
      return {
        events: found.map((event) => ({
          logStreamName: event.streamName,
          timestamp: event.timestamp,
          message: event.message,
          ingestionTime: event.ingestedAt,
          eventId: String(event.id).padStart(56, "0"),
        })),
        searchedLogStreams: [],
        nextToken: more && after ? formatToken("f", after) : undefined,
      };
    },
  };
}

function checkBatch(events: readonly { timestamp: number; message: string }[]): void {
  if (events.length < 1 || events.length > MAX_BATCH) {
    throw invalidParameter(`logEvents must have between 1 and ${MAX_BATCH} members`);
  }
  const bytes = events.reduce((sum, event) => sum + Buffer.byteLength(event.message) + EVENT_OVERHEAD, 0);
  if (bytes > MAX_BATCH_BYTES) {
    throw invalidParameter(`Upload too large: ${bytes} bytes exceeds limit of ${MAX_BATCH_BYTES}`);
  }
  if (events.some((event, index) => event.timestamp < (events[index - 1]?.timestamp ?? 0))) {
    throw invalidParameter("Log events in a single PutLogEvents request must be in chronological order.");
  }
  if ((events.at(-1)?.timestamp ?? 0) - (events[0]?.timestamp ?? 0) > DAY) {
    throw invalidParameter("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
  }
  if (events.some((event) => event.message === "")) throw invalidParameter("Log event message must not be empty.");
}

function checkLimit(limit: number = MAX_EVENTS): number {
  if (limit < 1 || limit > MAX_EVENTS) throw invalidParameter(`limit must be between 1 and ${MAX_EVENTS}`);
  return limit;
}

function formatToken(direction: "f" | "b", { timestamp, id }: Position): string {
  return `${direction}/${timestamp}-${id}/s`;
}

function parseToken(token: string | undefined): { direction: "f" | "b"; position: Position } | undefined {
  if (token === undefined) return undefined;
  const match = /^([fb])\/(\d+)-(\d+)\/s$/.exec(token);
  if (!match) throw invalidParameter("The specified nextToken is invalid.");
  return { direction: match[1] === "b" ? "b" : "f", position: { timestamp: Number(match[2]), id: Number(match[3]) } };
}
