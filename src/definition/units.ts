/** Sizes and times as people write them. */

const BYTES: Readonly<Record<string, number>> = {
  b: 1,
  byte: 1,
  bytes: 1,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  tb: 1000 ** 4,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};

const SECONDS: Readonly<Record<string, number>> = {
  s: 1,
  sec: 1,
  second: 1,
  seconds: 1,
  m: 60,
  min: 60,
  minute: 60,
  minutes: 60,
  h: 3600,
  hour: 3600,
  hours: 3600,
  d: 86_400,
  day: 86_400,
  days: 86_400,
};

/** `"64 MiB"`, `"1.5 GB"`, `"500 kB"` in bytes; undefined when it is none. */
export function parseSize(text: string): number | undefined {
  return parseQuantity(text, BYTES);
}

/** `"1 minute"`, `"90 s"`, `"0"` in seconds; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  return text.trim() === "0" ? 0 : parseQuantity(text, SECONDS);
}

/** `"10 %"` or `"10%"` as 0.1; undefined when it is none. */
export function parseShare(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*%$/.exec(text.trim());
  return match === null ? undefined : Number(match[1]) / 100;
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim());
  const unit = units[match?.[2]?.toLowerCase() ?? ""];
  return match === null || unit === undefined ? undefined : Math.round(Number(match[1]) * unit);
}
