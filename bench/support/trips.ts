import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import type { PipelineDefinition } from "../../src/index.ts";

/** The data of the benches: trips, as a partner might send them. The same number makes the same row. */
export const TRIPS = {
  columns: {
    id: { type: "bigint", nullable: false },
    at: "timestamp",
    origin: "string",
    destination: "string",
    distance: "int",
    delay: "double",
    fare: "decimal(10,2)",
    note: "string",
  },
} satisfies PipelineDefinition["datasets"][string];

/** A pipeline with the one dataset `trips`: no waiting for more files before a run starts. */
export const TRIPS_PIPELINE: PipelineDefinition = {
  name: "bench",
  alerts: { from: "bench@example.com", to: "bench@example.com" },
  batching: { window: "0 seconds" },
  datasets: { trips: TRIPS },
};

const HEADER = `${Object.keys(TRIPS.columns).join(",")}\n`;
const PLACES = ["AMS", "ATL", "BOS", "CDG", "DEN", "FRA", "GRU", "HND", "JFK", "LHR", "ORD", "SEA", "SIN", "SYD"];
const DAY_MS = 86_400_000;

function line(number: number, bad: boolean): string {
  const at = new Date(Date.UTC(2026, 0, 1) + ((number * 7919) % (365 * DAY_MS))).toISOString();
  const mixed = Math.imul(number, 2_654_435_761) >>> 0;
  const origin = PLACES[mixed % PLACES.length];
  const destination = PLACES[(mixed >>> 8) % PLACES.length];
  const distance = bad ? "far" : 100 + (mixed % 9000);
  const delay = (((mixed >>> 4) % 2000) / 10 - 20).toFixed(1);
  const fare = `${mixed % 2000}.${String(mixed % 100).padStart(2, "0")}`;
  return `${number},${at.slice(0, 10)} ${at.slice(11, 19)},${origin},${destination},${distance},${delay},${fare},"note ${mixed}, of trip ${number}"\n`;
}

/** About so many bytes of CSV. `first` is the number of its first trip, so that files differ. */
export function tripsCsv(bytes: number, first = 0): { readonly text: string; readonly rows: number } {
  const lines = [HEADER];
  let rows = 0;
  for (let size = HEADER.length; size < bytes; size += lines[rows]?.length ?? 0)
    lines.push(line(first + rows++, false));
  return { text: lines.join(""), rows };
}

/** Writes such a file. Of every `badEach` rows one has a distance that is no number; 0 for none. */
export async function writeTrips(file: string, bytes: number, badEach: number): Promise<number> {
  const output = createWriteStream(file, { highWaterMark: 1024 * 1024 });
  const written = finished(output);
  let rows = 0;
  let size = HEADER.length;
  output.write(HEADER);
  while (size < bytes) {
    let chunk = "";
    for (const end = rows + 5000; rows < end; rows++) chunk += line(rows, badEach > 0 && rows % badEach === 0);
    size += chunk.length;
    if (!output.write(chunk)) await once(output, "drain");
  }
  output.end();
  await written;
  return rows;
}
