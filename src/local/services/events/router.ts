import type * as Events from "@aws-sdk/client-eventbridge";
import type { Timer } from "../../clock.ts";
import type { CallContext, ServiceDeps } from "../../service.ts";
import type { BusDirectory } from "./bus-operations.ts";
import type { Deliveries } from "./deliveries.ts";
import { validationError } from "./errors.ts";
import { acceptEntry, makeEvent } from "./event.ts";
import type { EventEnvelope } from "./event.ts";
import { parsePattern } from "./rule-operations.ts";
import { parseSchedule } from "./schedule.ts";
import type { Rule, RuleStore } from "./store.ts";

const MAX_ENTRIES = 10;
const MAX_BYTES = 1_048_576;
/** Node's timers and the runtime's clock take long waits in pieces; schedules look again at least daily. */
const LONGEST_WAIT = 86_400_000;

/** Takes events in, from callers and from schedules, and sends them on by the rules that match. */
export class Router {
  readonly #deps: ServiceDeps;
  readonly #store: RuleStore;
  readonly #buses: BusDirectory;
  readonly #deliveries: Deliveries;
  readonly #patterns = new Map<string, (event: unknown) => boolean>();
  readonly #timers = new Map<string, Timer>();
  #started = false;

  constructor(deps: ServiceDeps, store: RuleStore, buses: BusDirectory, deliveries: Deliveries) {
    this.#deps = deps;
    this.#store = store;
    this.#buses = buses;
    this.#deliveries = deliveries;
  }

  putEvents(input: Events.PutEventsCommandInput, context: CallContext) {
    const entries = input.Entries ?? [];
    if (entries.length < 1 || entries.length > MAX_ENTRIES) {
      throw validationError(`Entries must have between 1 and ${MAX_ENTRIES} members.`);
    }
    if (input.EndpointId !== undefined) throw validationError("EndpointId is not supported by the local runtime.");
    if (entries.reduce((sum, entry) => sum + entrySize(entry), 0) > MAX_BYTES) {
      throw validationError("Total size of the entries in the request is over the limit.");
    }
    const { environment, ids, clock } = this.#deps;
    const results = entries.map((entry): Events.PutEventsResultEntry => {
      const options = { environment, principal: context.principal, id: ids.uuid(), now: clock.now() };
      const accepted = acceptEntry(entry, options);
      if ("ErrorCode" in accepted) return accepted;
      this.#route(entry.EventBusName, accepted);
      return { EventId: accepted.id };
    });
    return { FailedEntryCount: results.filter((entry) => entry.ErrorCode).length, Entries: results };
  }

  /** Arms the schedules. */
  start(): void {
    this.#started = true;
    for (const rule of this.#store.rules()) this.changed(rule);
  }

  stop(): void {
    this.#started = false;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  /** A rule came, changed or went: its schedule is armed anew. */
  changed(rule: Rule): void {
    const arn = this.#buses.ruleArn(rule);
    this.#timers.get(arn)?.cancel();
    this.#timers.delete(arn);
    if (!this.#started) return;
    const current = this.#store.rule(rule.bus, rule.name);
    if (!current?.enabled || !current.scheduleExpression) return;
    const { clock } = this.#deps;
    const next = parseSchedule(current.scheduleExpression)(clock.now(), current.scheduledFrom);
    if (next === undefined) return;
    const wait = next - clock.now();
    const fire = () => {
      if (wait <= LONGEST_WAIT) this.#fire(current);
      this.changed(current);
    };
    this.#timers.set(arn, clock.timer(Math.min(wait, LONGEST_WAIT), fire, { background: true }));
  }

  #fire(rule: Rule): void {
    const { environment, ids, clock } = this.#deps;
    const arn = this.#buses.ruleArn(rule);
    const event = makeEvent(
      { source: "aws.events", detailType: "Scheduled Event", resources: [arn], detail: {} },
      { environment, id: ids.uuid(), time: clock.now() },
    );
    this.#deliveries.send(event, [{ rule, arn }]);
  }

  #route(busName: string | undefined, event: EventEnvelope): void {
    const bus = this.#buses.get(busName);
    if (!bus) {
      // AWS accepts the event and nobody gets it; here at least the trace says so.
      const to = busName ?? "";
      this.#deps.trace.emit({ type: "delivery", from: event.source, to, messageIds: [event.id], error: "no such bus" });
      return;
    }
    const matched = this.#store.rules(bus.name).filter((rule) => this.#matches(rule, event));
    for (const rule of matched) this.#deliveries.matched(rule);
    this.#deliveries.send(
      event,
      matched.map((rule) => ({ rule, arn: this.#buses.ruleArn(rule) })),
    );
  }

  #matches(rule: Rule, event: EventEnvelope): boolean {
    if (!rule.enabled || !rule.eventPattern) return false;
    let pattern = this.#patterns.get(rule.eventPattern);
    if (!pattern) {
      pattern = parsePattern(rule.eventPattern);
      this.#patterns.set(rule.eventPattern, pattern);
    }
    return pattern(event);
  }
}

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size */
function entrySize(entry: Events.PutEventsRequestEntry): number {
  const texts = [entry.Source, entry.DetailType, entry.Detail, ...(entry.Resources ?? [])];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text ?? ""), entry.Time ? 14 : 0);
}
