import type { Constraint } from "../../../sql/trino/pruning.ts";
import { QueryFailure } from "./errors.ts";

/**
 * Partition projection: partitions that a table's properties describe, instead of registered ones.
 * https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
 */
export interface ProjectedPartition {
  readonly values: readonly string[];
  readonly location: string;
}

/** More partitions than this in one scan are a mistake of the properties or a missing filter. */
const MAX_PARTITIONS = 100_000;

export function isProjected(parameters: Readonly<Record<string, string>>): boolean {
  return parameters["projection.enabled"]?.toLowerCase() === "true";
}

/** The partitions within the query's constraints on the keys. `now` is what `NOW` in a date range means. */
export function project(
  table: { name: string; location: string; keys: readonly string[]; parameters: Readonly<Record<string, string>> },
  constraints: readonly Constraint[],
  now: Date,
): ProjectedPartition[] {
  let combinations: string[][] = [[]];
  for (const key of table.keys) {
    const own = constraints.filter((constraint) => constraint.column === key);
    const values = valuesOf(table, key, own, now);
    combinations = combinations.flatMap((combination) => values.map((value) => [...combination, value]));
    if (combinations.length > MAX_PARTITIONS) {
      throw new QueryFailure(
        `HIVE_EXCEEDED_PARTITION_LIMIT: Query over table '${table.name}' can potentially read more than ${MAX_PARTITIONS} partitions`,
        1008,
      );
    }
  }
  const template = table.parameters["storage.location.template"];
  return combinations.map((values) => ({ values, location: locationOf(table, template, values) }));
}

function locationOf(
  table: { location: string; keys: readonly string[] },
  template: string | undefined,
  values: readonly string[],
): string {
  if (template === undefined) {
    const folder = table.keys.map((key, at) => `${key}=${values[at]}`).join("/");
    return `${table.location.replace(/\/$/u, "")}/${folder}/`;
  }
  return template.replaceAll(
    /\$\{(\w+)\}/gu,
    (_all, key: string) => values[table.keys.indexOf(key.toLowerCase())] ?? "",
  );
}

function valuesOf(
  { name, parameters }: { name: string; parameters: Readonly<Record<string, string>> },
  key: string,
  constraints: readonly Constraint[],
  now: Date,
): string[] {
  const property = (suffix: string) => parameters[`projection.${key}.${suffix}`];
  const needed = (suffix: string): string => {
    const value = property(suffix);
    if (value === undefined) throw invalid(name, `projection.${key}.${suffix}`, "is missing");
    return value;
  };
  const type = needed("type").toLowerCase();
  switch (type) {
    case "enum":
      return needed("values")
        .split(",")
        .map((value) => value.trim())
        .filter((value) => constraints.every((constraint) => holds(constraint, value)));
    case "injected": {
      const exact = constraints.find((constraint) => constraint.operator === "=" || constraint.operator === "in");
      if (!exact) {
        throw new QueryFailure(
          `CONSTRAINT_VIOLATION: For the injected projected partition column ${key}, the WHERE clause must contain only static equality conditions, and at least one such condition must be present.`,
          1006,
        );
      }
      return [...new Set(exact.values)].filter((value) => constraints.every((constraint) => holds(constraint, value)));
    }
    case "integer":
      return integers(needed("range"), property("interval"), property("digits"), constraints, () =>
        invalid(name, `projection.${key}.range`, "is not two integers"),
      );
    case "date":
      return dates(needed("range"), needed("format"), property("interval"), property("interval.unit"), now, (why) =>
        invalid(name, `projection.${key}`, why),
      );
    default:
      throw invalid(name, `projection.${key}.type`, `'${type}' is none of enum, integer, date, injected`);
  }
}

function invalid(table: string, property: string, why: string): QueryFailure {
  return new QueryFailure(
    `INVALID_TABLE_PROPERTY: Table ${table} is configured for partition projection, but property '${property}' ${why}`,
    1101,
  );
}

/** Compares as numbers when both are, as text otherwise. The query filters again: this only leaves out. */
function holds({ operator, values }: Constraint, value: string): boolean {
  if (operator === "=" || operator === "in")
    return values.some((wanted) => wanted === value || sameNumber(wanted, value));
  const [bound = ""] = values;
  const numeric = isInteger(bound) && isInteger(value);
  const sign = numeric ? Number(BigInt(value) - BigInt(bound)) : value < bound ? -1 : value > bound ? 1 : 0;
  return { "<": sign < 0, "<=": sign <= 0, ">": sign > 0, ">=": sign >= 0 }[operator];
}

function isInteger(text: string): boolean {
  return /^-?\d+$/u.test(text);
}

function sameNumber(a: string, b: string): boolean {
  return isInteger(a) && isInteger(b) && BigInt(a) === BigInt(b);
}

function integers(
  range: string,
  interval: string | undefined,
  digits: string | undefined,
  constraints: readonly Constraint[],
  fail: () => QueryFailure,
): string[] {
  const bounds = range.split(",").map((bound) => bound.trim());
  const [first = "", last = ""] = bounds;
  if (bounds.length !== 2 || !isInteger(first) || !isInteger(last)) throw fail();
  const [low, high, step] = [BigInt(first), BigInt(last), BigInt(interval ?? 1)];
  const format = (value: bigint) => (digits ? String(value).padStart(Number(digits), "0") : String(value));
  const onStep = (value: bigint) => value >= low && value <= high && (value - low) % step === 0n;
  // A range may be of any size: what the query names is looked up in it, not the other way round.
  const exact = constraints.find((constraint) => constraint.operator === "=" || constraint.operator === "in");
  if (exact) {
    const named = exact.values.filter(isInteger).map(BigInt).filter(onStep);
    return [...new Set(named.map(format))].filter((value) =>
      constraints.every((constraint) => holds(constraint, value)),
    );
  }
  let [from, to] = [low, high];
  for (const { operator, values } of constraints) {
    const [bound = ""] = values;
    if (!isInteger(bound) || digits) continue;
    if (operator.startsWith(">") && BigInt(bound) > from) from = low + ((BigInt(bound) - low) / step) * step;
    if (operator.startsWith("<") && BigInt(bound) < to) to = BigInt(bound);
  }
  const result: string[] = [];
  for (let value = from; value <= to && result.length <= MAX_PARTITIONS; value += step) result.push(format(value));
  return result;
}

const UNITS = ["MILLISECONDS", "SECONDS", "MINUTES", "HOURS", "DAYS", "WEEKS", "MONTHS", "YEARS"] as const;
type Unit = (typeof UNITS)[number];

function dates(
  range: string,
  format: string,
  interval: string | undefined,
  unit: string | undefined,
  now: Date,
  fail: (why: string) => QueryFailure,
): string[] {
  const pattern = datePattern(format, fail);
  const [first, last, extra] = range.split(",").map((bound) => dateBound(bound.trim(), pattern, now, fail));
  if (!first || !last || extra) throw fail(`range '${range}' is not two dates`);
  const wanted = unit?.toUpperCase();
  const stepUnit: Unit = UNITS.find((known) => known === wanted) ?? pattern.unit;
  if (wanted !== undefined && stepUnit !== wanted) throw fail(`interval.unit '${unit}' is not a unit`);
  // Finer than a day there is no default: https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
  if (unit === undefined && !["DAYS", "MONTHS", "YEARS"].includes(pattern.unit))
    throw fail("needs interval and interval.unit for a format finer than a day");
  const step = Number(interval ?? 1);
  const values = new Set<string>();
  for (let at = first, count = 1; at <= last && values.size <= MAX_PARTITIONS; count++) {
    values.add(pattern.print(at));
    at = later(first, step * count, stepUnit);
  }
  return [...values];
}

function dateBound(text: string, pattern: DatePattern, now: Date, fail: (why: string) => QueryFailure): Date {
  const relative = /^NOW\s*(?:(?<sign>[+-])\s*(?<count>\d+)\s*(?<unit>[A-Za-z]+))?$/iu.exec(text)?.groups;
  if (relative) {
    const { sign, count, unit = "" } = relative;
    if (count === undefined) return now;
    const name = UNITS.find((known) => known === unit.toUpperCase() || known === `${unit.toUpperCase()}S`);
    if (!name) throw fail(`range has the unknown unit '${unit}'`);
    return later(now, Number(count) * (sign === "-" ? -1 : 1), name);
  }
  const parsed = pattern.parse(text);
  if (!parsed) throw fail(`range has '${text}', which is not in its format`);
  return parsed;
}

function later(from: Date, count: number, unit: Unit): Date {
  const at = new Date(from);
  if (unit === "YEARS" || unit === "MONTHS") {
    const day = at.getUTCDate();
    at.setUTCDate(1);
    at.setUTCMonth(at.getUTCMonth() + count * (unit === "YEARS" ? 12 : 1));
    const days = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate();
    at.setUTCDate(Math.min(day, days));
    return at;
  }
  const size = {
    MILLISECONDS: 1,
    SECONDS: 1000,
    MINUTES: 60_000,
    HOURS: 3_600_000,
    DAYS: 86_400_000,
    WEEKS: 604_800_000,
  }[unit];
  return new Date(at.getTime() + count * size);
}

interface DatePattern {
  /** The finest field. */
  readonly unit: Unit;
  print(date: Date): string;
  parse(text: string): Date | undefined;
}

const FIELDS: Readonly<Record<string, { unit: Unit; get: (date: Date) => number }>> = {
  y: { unit: "YEARS", get: (date) => date.getUTCFullYear() },
  M: { unit: "MONTHS", get: (date) => date.getUTCMonth() + 1 },
  d: { unit: "DAYS", get: (date) => date.getUTCDate() },
  H: { unit: "HOURS", get: (date) => date.getUTCHours() },
  m: { unit: "MINUTES", get: (date) => date.getUTCMinutes() },
  s: { unit: "SECONDS", get: (date) => date.getUTCSeconds() },
  S: { unit: "MILLISECONDS", get: (date) => date.getUTCMilliseconds() },
};

/** A pattern of Java's DateTimeFormatter, as far as it is made of numbers. */
function datePattern(format: string, fail: (why: string) => QueryFailure): DatePattern {
  const parts = format.match(/'(?:[^']|'')*'|([a-zA-Z])\1*|[^a-zA-Z']+/gu) ?? [];
  const fields: { letter: string; length: number }[] = [];
  let source = "";
  for (const part of parts) {
    const [letter = ""] = part;
    if (!/[a-zA-Z]/u.test(letter)) {
      const literal = part.startsWith("'") ? part.slice(1, -1).replaceAll("''", "'") || "'" : part;
      source += literal.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, String.raw`\$&`);
      continue;
    }
    if (!FIELDS[letter] || (letter === "M" && part.length > 2))
      throw fail(`format has '${part}', which the local runtime does not know`);
    fields.push({ letter, length: part.length });
    source += part.length === 1 ? String.raw`(\d{1,2})` : String.raw`(\d{${part.length}})`;
  }
  const finest = UNITS.find((unit) => fields.some(({ letter }) => FIELDS[letter]?.unit === unit));
  if (!finest) throw fail(`format '${format}' has no date in it`);
  const matcher = new RegExp(`^${source}$`, "u");
  return {
    unit: finest,
    print: (date) =>
      parts
        .map((part) => {
          const [letter = ""] = part;
          if (part.startsWith("'")) return part.slice(1, -1).replaceAll("''", "'") || "'";
          const field = /[a-zA-Z]/u.test(letter) ? FIELDS[letter] : undefined;
          if (!field) return part;
          const digits = String(field.get(date)).padStart(part.length, "0");
          return letter === "y" && part.length === 2 ? digits.slice(-2) : digits;
        })
        .join(""),
    parse: (text) => {
      const match = matcher.exec(text);
      if (!match) return undefined;
      const value = (letter: string, fallback: number) => {
        const at = fields.findIndex((field) => field.letter === letter);
        return at === -1 ? fallback : Number(match[at + 1]);
      };
      const year = value("y", 1970);
      return new Date(
        Date.UTC(
          year < 100 ? 2000 + year : year,
          value("M", 1) - 1,
          value("d", 1),
          value("H", 0),
          value("m", 0),
          value("s", 0),
          value("S", 0),
        ),
      );
    },
  };
}
