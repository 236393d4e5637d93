import type { MetricDataQuery } from "@aws-sdk/client-cloudwatch";
import type { Timer } from "../../clock.ts";
import type { ServiceDeps } from "../../service.ts";
import { transaction } from "../../sqlite.ts";
import { AlarmActions } from "./alarm-actions.ts";
import { evaluate, evaluationRange } from "./alarm-evaluation.ts";
import type { AlarmStateValue, MissingData } from "./alarm-evaluation.ts";
import type {
  Alarm,
  AlarmState,
  AlarmStore,
  CompositeAlarm,
  MetricAlarm,
  MetricAlarmDefinition,
} from "./alarm-store.ts";
import { stateReason, stateReasonData } from "./alarm-texts.ts";
import { parseCompositeRule } from "./composite-rule.ts";
import { runQueries } from "./metric-queries.ts";
import type { MetricStore } from "./metric-store.ts";

const MINUTE = 60_000;
/** Services publish the datapoint of a minute just after it; alarms look a little later. */
const PATIENCE = 5_000;
const HIGH_RESOLUTION = 10_000;

/** Evaluates alarms every minute (those with a shorter period every ten seconds) and acts on changes of state. */
export class AlarmEngine {
  readonly #deps: ServiceDeps;
  readonly #metrics: MetricStore;
  readonly #alarms: AlarmStore;
  readonly #actions: AlarmActions;
  #timer: Timer | undefined;

  constructor(deps: ServiceDeps, metrics: MetricStore, alarms: AlarmStore) {
    this.#deps = deps;
    this.#metrics = metrics;
    this.#alarms = alarms;
    this.#actions = new AlarmActions(deps, alarms);
  }

  start(): void {
    this.#actions.resume();
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#actions.stop();
  }

  /** A composite alarm came or changed: it is judged at once, as its children's states are known. */
  evaluateComposite(alarm: CompositeAlarm, cause?: Alarm): void {
    const rule = parseCompositeRule(alarm.definition.AlarmRule ?? "");
    const holds = rule.test((name) => this.#alarms.get(name)?.state.value ?? "INSUFFICIENT_DATA");
    const value = holds ? "ALARM" : "OK";
    if (value === alarm.state.value) return;
    const reason = cause
      ? `${cause.arn} transitioned to ${cause.state.value} at ${formatLongDate(cause.state.updatedAt)}`
      : `The rule is ${holds ? "true" : "false"}: ${alarm.definition.AlarmRule ?? ""}`;
    this.setState(alarm, { value, reason });
  }

  /** Puts an alarm into a state; when that is a change, its actions follow. Nothing is lost by a crash in between. */
  setState(alarm: Alarm, next: { value: AlarmStateValue; reason: string; reasonData?: string | undefined }): void {
    const now = this.#deps.clock.now();
    const from = alarm.state;
    const changed = next.value !== from.value;
    const state: AlarmState = {
      value: next.value,
      reason: next.reason,
      reasonData: next.reasonData,
      updatedAt: now,
      transitionedAt: changed ? now : from.transitionedAt,
    };
    const updated: Alarm = { ...alarm, state };
    if (!changed) return this.#alarms.put(updated);
    const start = transaction(this.#alarms.database, () => {
      this.#alarms.put(updated, {
        at: now,
        type: "StateUpdate",
        summary: `Alarm updated from ${from.value} to ${state.value}`,
        data: JSON.stringify({ version: "1.0", oldState: historyState(from), newState: historyState(state) }),
      });
      return this.#actions.add({ alarm: updated, from });
    });
    const { name } = alarm;
    this.#deps.trace.emit({
      type: "state",
      kind: "alarm",
      name,
      from: from.value,
      to: state.value,
      reason: state.reason,
    });
    start();
    for (const composite of this.#alarms.list()) {
      if (composite.kind !== "composite") continue;
      const rule = parseCompositeRule(composite.definition.AlarmRule ?? "");
      if (rule.children.includes(name)) this.evaluateComposite(composite, updated);
    }
  }

  #arm(): void {
    const { clock } = this.#deps;
    const now = clock.now();
    const step = this.#alarms.list().some((alarm) => isHighResolution(alarm)) ? HIGH_RESOLUTION : MINUTE;
    const next = Math.floor((now - PATIENCE) / step) * step + step + PATIENCE;
    this.#timer = clock.timer(
      next - now,
      () => {
        this.#tick(next - PATIENCE);
        this.#arm();
      },
      { background: true },
    );
  }

  #tick(until: number): void {
    const wholeMinute = until % MINUTE === 0;
    for (const alarm of this.#alarms.list()) {
      if (alarm.kind !== "metric" || !(wholeMinute || isHighResolution(alarm))) continue;
      try {
        this.#evaluateMetric(alarm, until);
      } catch (error) {
        this.#deps.trace.emit({ type: "internal-error", where: `alarm ${alarm.name}`, error: String(error) });
      }
    }
    if (until % (60 * MINUTE) === 0) {
      this.#alarms.expire(until);
      this.#metrics.expire(until);
    }
  }

  /** Judges an alarm by the periods that end at `until`. */
  #evaluateMetric(alarm: MetricAlarm, until: number): void {
    const { definition } = alarm;
    const evaluationPeriods = definition.EvaluationPeriods ?? 1;
    const datapointsToAlarm = definition.DatapointsToAlarm ?? evaluationPeriods;
    const period = periodOf(definition) * 1_000;
    const from = until - evaluationRange(evaluationPeriods) * period;
    const [result] = runQueries(this.#metrics, queriesOf(definition), { from, until, sliding: true });
    const breaches = (value: number | undefined) => (value === undefined ? undefined : compares(definition, value));
    const values: { at: number; value: number | undefined }[] = [];
    for (let at = from; at < until; at += period) values.push({ at, value: result?.series.points.get(at) });

    const treatMissingData = (definition.TreatMissingData ?? "missing") as MissingData;
    const rule = { evaluationPeriods, datapointsToAlarm, treatMissingData };
    const verdict = evaluate(
      values.map(({ value }) => breaches(value)),
      rule,
    );
    if (verdict === "keep") return;
    const points = values
      .filter((point): point is { at: number; value: number } => point.value !== undefined)
      .slice(-evaluationPeriods)
      .toReversed();
    const evaluated = {
      points,
      breaching: points.filter((point) => breaches(point.value)).length,
      missing: evaluationPeriods - points.length,
      evaluationPeriods,
      datapointsToAlarm,
    };
    // An unchanged state keeps the reason it was entered for.
    if (verdict === alarm.state.value) return;
    this.setState(alarm, {
      value: verdict,
      reason: stateReason(definition, verdict, evaluated),
      reasonData: stateReasonData(definition, evaluated, { at: this.#deps.clock.now(), from }),
    });
  }
}

/** The queries that an alarm stands for; the one that returns data is what it watches. */
function queriesOf(definition: MetricAlarmDefinition): MetricDataQuery[] {
  if (definition.Metrics) return definition.Metrics;
  const { Namespace, MetricName, Dimensions, Period, Statistic, ExtendedStatistic, Unit } = definition;
  const Metric = { Namespace, MetricName, Dimensions };
  return [{ Id: "m1", MetricStat: { Metric, Period, Stat: Statistic ?? ExtendedStatistic, Unit } }];
}

/** Seconds. Of several metrics the longest period counts. */
function periodOf(definition: MetricAlarmDefinition): number {
  const periods = (definition.Metrics ?? []).map((query) => query.MetricStat?.Period ?? query.Period ?? 0);
  return definition.Period ?? (Math.max(0, ...periods) || 60);
}

function isHighResolution(alarm: Alarm): boolean {
  return alarm.kind === "metric" && periodOf(alarm.definition) < 60;
}

function compares(definition: MetricAlarmDefinition, value: number): boolean {
  const threshold = definition.Threshold ?? 0;
  switch (definition.ComparisonOperator) {
    case "GreaterThanThreshold":
      return value > threshold;
    case "GreaterThanOrEqualToThreshold":
      return value >= threshold;
    case "LessThanThreshold":
      return value < threshold;
    default:
      return value <= threshold;
  }
}

function historyState(state: AlarmState) {
  return { stateValue: state.value, stateReason: state.reason, stateReasonData: state.reasonData };
}

const LONG_DATE = new Intl.DateTimeFormat("en-GB", {
  weekday: "long",
  day: "2-digit",
  month: "long",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZone: "UTC",
});

/** `Tuesday 24 November, 2026 08:10:00 UTC`, as reasons of composite alarms write it. */
function formatLongDate(at: number): string {
  const parts = LONG_DATE.formatToParts(at);
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? "";
  return `${part("weekday")} ${part("day")} ${part("month")}, ${part("year")} ${part("hour")}:${part("minute")}:${part("second")} UTC`;
}
