import type { Dimension, MetricDatum } from "@aws-sdk/client-cloudwatch";
import type { Principal } from "../../service.ts";
import { invalidParameterCombination, invalidParameterValue, missingParameter } from "./errors.ts";
import type { MetricIdentity, Sample } from "./metric-store.ts";

const MINUTE = 60_000;
const MAX_METRICS = 1_000;
const MAX_VALUES = 150;
const MAX_DIMENSIONS = 30;
const TWO_WEEKS = 14 * 86_400_000;
const TWO_HOURS = 2 * 3_600_000;
const MAX_VALUE = 2 ** 360;

/**
 * Checks the input of PutMetricData and brings it into the form in which it is kept: samples of a minute, or of a
 * second with StorageResolution 1. Namespaces of AWS's own are for AWS's services.
 */
export function readMetricData(
  namespace: string | undefined,
  data: readonly MetricDatum[],
  principal: Principal,
  now: number,
): { metric: MetricIdentity; samples: Sample[] }[] {
  if (!namespace) throw missingParameter("Namespace");
  if (namespace.length > 255 || namespace.startsWith(":")) {
    throw invalidParameterValue("The value for parameter Namespace is invalid.");
  }
  if (namespace.startsWith("AWS/") && principal.kind !== "service") {
    throw invalidParameterValue(`The value AWS/ for parameter Namespace is invalid.`);
  }
  if (data.length > MAX_METRICS) {
    throw invalidParameterValue(`The collection MetricData must not have a size greater than ${MAX_METRICS}.`);
  }
  return data.map((datum, index) => {
    const where = `MetricData.member.${index + 1}`;
    if (!datum.MetricName) throw missingParameter(`${where}.MetricName`);
    const dimensions = readDimensions(datum.Dimensions, where);
    return { metric: { namespace, name: datum.MetricName, dimensions }, samples: readSamples(datum, where, now) };
  });
}

export function readDimensions(
  dimensions: readonly Dimension[] | undefined,
  where: string,
): Readonly<Record<string, string>> {
  if ((dimensions?.length ?? 0) > MAX_DIMENSIONS) {
    throw invalidParameterValue(
      `The collection ${where}.Dimensions must not have a size greater than ${MAX_DIMENSIONS}.`,
    );
  }
  const entries = (dimensions ?? []).map(({ Name, Value }, index): [string, string] => {
    if (!Name) throw missingParameter(`${where}.Dimensions.member.${index + 1}.Name`);
    if (!Value) throw missingParameter(`${where}.Dimensions.member.${index + 1}.Value`);
    return [Name, Value];
  });
  return Object.fromEntries(entries);
}

function readSamples(datum: MetricDatum, where: string, now: number): Sample[] {
  const resolution = datum.StorageResolution === 1 ? 1_000 : MINUTE;
  if (![undefined, 1, 60].includes(datum.StorageResolution)) {
    throw invalidParameterValue(`The parameter ${where}.StorageResolution must be 1 or 60.`);
  }
  const time = datum.Timestamp?.getTime() ?? now;
  if (Number.isNaN(time) || time < now - TWO_WEEKS || time > now + TWO_HOURS) {
    throw invalidParameterValue(
      `The parameter ${where}.Timestamp must specify a time no more than two weeks in the past and two hours in the future.`,
    );
  }
  const at = Math.floor(time / resolution) * resolution;
  const unit = datum.Unit ?? "None";
  const given = [datum.Value, datum.Values, datum.StatisticValues].filter((value) => value !== undefined);
  if (given.length > 1) {
    throw invalidParameterCombination(
      `The parameters ${where}.Value, ${where}.Values and ${where}.StatisticValues are mutually exclusive and you have specified more than one.`,
    );
  }
  if (datum.StatisticValues) {
    const { SampleCount, Sum, Minimum, Maximum } = datum.StatisticValues;
    const [count, sum, min, max] = [SampleCount, Sum, Minimum, Maximum].map((value) => checkValue(value, where));
    if (!count || sum === undefined || min === undefined || max === undefined) {
      throw invalidParameterValue(
        `The parameter ${where}.StatisticValues needs four numbers and a SampleCount above 0.`,
      );
    }
    return [{ at, unit, count, sum, min, max }];
  }
  const values = datum.Values ?? (datum.Value === undefined ? [] : [datum.Value]);
  if (values.length === 0) throw missingParameter(`${where}.Value`);
  if (values.length > MAX_VALUES) {
    throw invalidParameterValue(`The collection ${where}.Values must not have a size greater than ${MAX_VALUES}.`);
  }
  if (datum.Counts && datum.Counts.length !== values.length) {
    throw invalidParameterValue(`The parameters ${where}.Values and ${where}.Counts must be of the same size.`);
  }
  return values.map((value, index) => ({
    at,
    unit,
    value: checkValue(value, where),
    count: checkValue(datum.Counts?.[index] ?? 1, where),
  }));
}

function checkValue(value: number | undefined, where: string): number {
  if (value === undefined || !Number.isFinite(value) || Math.abs(value) > MAX_VALUE) {
    throw invalidParameterValue(`The value ${String(value)} for parameter ${where}.Value is invalid.`);
  }
  return value;
}
