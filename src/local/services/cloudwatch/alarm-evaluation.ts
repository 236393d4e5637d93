export type AlarmStateValue = "OK" | "ALARM" | "INSUFFICIENT_DATA";
export type MissingData = "missing" | "ignore" | "breaching" | "notBreaching";

/** What an evaluation comes to; `keep` leaves the alarm as it is. */
export type Verdict = AlarmStateValue | "keep";

export interface EvaluationRule {
  /** N: how many periods are looked at. */
  readonly evaluationPeriods: number;
  /** M: how many of them must breach. */
  readonly datapointsToAlarm: number;
  readonly treatMissingData: MissingData;
}

/**
 * How many periods an evaluation of N periods fetches: more than N, so that late datapoints do not look like missing
 * ones. (5 for 3 is documented; the exact surplus is not.)
 */
export function evaluationRange(evaluationPeriods: number): number {
  return evaluationPeriods + 2;
}

/**
 * Judges the periods of the evaluation range, oldest first: did the datapoint breach, or is it missing (undefined)?
 *
 * With N datapoints or more in the range, the newest N of them decide and the setting for missing data does not matter.
 * With fewer, the setting fills up what is missing to N. Where it does not fill (missing, ignore), datapoints that do
 * not breach mean OK; without any, `ignore` keeps the state, and `missing` is INSUFFICIENT_DATA, unless the oldest
 * breaching datapoint is at least M periods old and everything after it breaches or is missing.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 */
export function evaluate(range: readonly (boolean | undefined)[], rule: EvaluationRule): Verdict {
  const { evaluationPeriods, datapointsToAlarm, treatMissingData } = rule;
  const real = range.filter((breach) => breach !== undefined).slice(-evaluationPeriods);
  const breaching = real.filter(Boolean).length;
  if (breaching >= datapointsToAlarm) return "ALARM";
  if (real.length >= evaluationPeriods) return "OK";
  switch (treatMissingData) {
    case "breaching":
      return breaching + (evaluationPeriods - real.length) >= datapointsToAlarm ? "ALARM" : "OK";
    case "notBreaching":
      return "OK";
    case "ignore":
      return breaching < real.length ? "OK" : "keep";
    case "missing": {
      if (breaching < real.length) return "OK";
      const oldest = range.indexOf(true);
      return oldest >= 0 && range.length - oldest >= datapointsToAlarm ? "ALARM" : "INSUFFICIENT_DATA";
    }
    default:
      return treatMissingData satisfies never;
  }
}
