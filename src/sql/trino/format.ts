import { fieldKey } from "./types.ts";
import type { Type } from "./types.ts";

/**
 * A value of a translated query (plain, as `src/sql/duckdb/values.ts` documents) as the text that Athena shows in
 * results; null stays null.
 */
export function formatValue(value: unknown, type: Type): string | null {
  return value === null || value === undefined ? null : format(value, type);
}

function format(value: unknown, type: Type): string {
  switch (type.kind) {
    case "double":
      return javaDouble(Number(value), shortest);
    case "real":
      return javaDouble(Number(value), shortestFloat);
    case "timestamp":
      return timestamp(String(value), type.precision);
    case "timestamp with time zone":
      return `${timestamp(inZone(String(value), type.zone), type.precision)} ${type.zone}`;
    case "time":
      return timestamp(String(value), 3);
    case "varbinary":
      return Array.from(value as Uint8Array, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    case "char":
      return String(value).padEnd(type.length);
    case "array":
      return `[${(value as unknown[]).map((item) => nested(item, type.element)).join(", ")}]`;
    case "map": {
      const entries = [...(value as Map<unknown, unknown>)];
      return `{${entries.map(([key, item]) => `${nested(key, type.key)}=${nested(item, type.value)}`).join(", ")}}`;
    }
    case "row": {
      const members = value as Record<string, unknown>;
      return `{${type.fields
        .map((field, at) => `${field.name ?? `field${at}`}=${nested(members[fieldKey(field, at)], field.type)}`)
        .join(", ")}}`;
    }
    case "interval day to second":
      return daysToSeconds(String(value));
    case "interval year to month":
      return yearsToMonths(String(value));
    default:
      return String(value);
  }
}

function nested(value: unknown, type: Type): string {
  return formatValue(value, type) ?? "null";
}

/** `Double.toString` of Java, from the shortest digits that read back as the same number. */
function javaDouble(value: number, digitsOf: (value: number) => string): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [mantissa = "", exponentText = "0"] = digitsOf(Math.abs(value)).split("e");
  const digits = mantissa.replace(".", "");
  const exponent = Number(exponentText);
  const sign = value < 0 ? "-" : "";
  if (exponent >= 7 || exponent < -3) return `${sign}${digits[0]}.${digits.slice(1) || "0"}E${exponent}`;
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
}

function shortest(value: number): string {
  return value.toExponential();
}

function shortestFloat(value: number): string {
  for (let digits = 0; digits < 9; digits++) {
    const text = value.toExponential(digits);
    if (Math.fround(Number(text)) === value) return Number(text).toExponential();
  }
  return value.toExponential(9);
}

/** `2026-11-24 08:00:00.5` with as many digits of the second as the type has. */
function timestamp(text: string, precision: number): string {
  const [whole = "", fraction = ""] = text.replace(/\+00$/u, "").split(".");
  return precision === 0 ? whole : `${whole}.${fraction.padEnd(precision, "0").slice(0, precision)}`;
}

/** The instant `2026-11-24 06:00:00+00` on the clocks of `zone`. */
function inZone(text: string, zone: string): string {
  if (zone === "UTC") return text;
  const [seconds = "", fraction = "0"] = text.replace(/\+00$/u, "").split(".");
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  }).formatToParts(new Date(`${seconds.replace(" ", "T")}Z`));
  const part = (name: string) => parts.find(({ type }) => type === name)?.value ?? "";
  return `${part("year")}-${part("month")}-${part("day")} ${part("hour")}:${part("minute")}:${part("second")}.${fraction}`;
}

/** DuckDB prints `1 day 02:03:04.5`; Trino `1 02:03:04.500`. */
function daysToSeconds(text: string): string {
  const days = Number(/(-?\d+) days?/u.exec(text)?.[1] ?? 0);
  const clock = /(-)?(\d+):(\d+):(\d+)(?:\.(\d+))?/u.exec(text);
  const [, sign, hours = "0", minutes = "0", seconds = "0", fraction = "0"] = clock ?? [];
  const time =
    ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 +
    Number(fraction.padEnd(3, "0").slice(0, 3));
  const total = days * 86_400_000 + (sign ? -time : time);
  const rest = Math.abs(total);
  const pad = (value: number, length = 2) => String(Math.trunc(value)).padStart(length, "0");
  return `${total < 0 ? "-" : ""}${Math.trunc(rest / 86_400_000)} ${pad((rest / 3_600_000) % 24)}:${pad((rest / 60_000) % 60)}:${pad((rest / 1000) % 60)}.${pad(rest % 1000, 3)}`;
}

function yearsToMonths(text: string): string {
  const years = Number(/(-?\d+) years?/u.exec(text)?.[1] ?? 0);
  const months = Number(/(-?\d+) months?/u.exec(text)?.[1] ?? 0);
  const total = years * 12 + months;
  return `${total < 0 ? "-" : ""}${Math.trunc(Math.abs(total) / 12)}-${Math.abs(total) % 12}`;
}
