/**
 * Makes the example's files from the npm package vega-datasets: one CSV of flights for each day of January 2001
 * (508,239 rows), the airports, and a week of earthquakes. Prints the directory.
 *
 *   node examples/flights/make-data.ts [DIRECTORY]
 */
import { copyFile, mkdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";

const ROOT = path.resolve(import.meta.dirname, "..", "..");

/** Where the example's files are, made on first use. */
export async function flightsData(directory = path.join(ROOT, ".cache", "examples", "flights")): Promise<string> {
  if (await exists(directory)) return directory;
  const vega = path.join(ROOT, "node_modules", "vega-datasets", "data");
  // Made beside and moved into place, so that an interrupted run leaves nothing half done.
  const temporary = `${directory}.${process.pid}`;
  for (const dataset of ["flights", "airports", "earthquakes"]) {
    await mkdir(path.join(temporary, dataset), { recursive: true });
  }
  await splitFlights(path.join(vega, "flights-3m.parquet"), path.join(temporary, "flights"));
  await copyFile(path.join(vega, "airports.csv"), path.join(temporary, "airports", "airports.csv"));
  await copyFile(path.join(vega, "earthquakes.json"), path.join(temporary, "earthquakes", "all-week.json"));
  await rm(directory, { recursive: true, force: true });
  await rename(temporary, directory);
  return directory;
}

async function splitFlights(parquet: string, directory: string): Promise<void> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  await connection.run(
    `CREATE TABLE january AS SELECT * FROM read_parquet('${quote(parquet)}') WHERE date < TIMESTAMP '2001-02-01'`,
  );
  for (let day = 1; day <= 31; day++) {
    const date = `2001-01-${String(day).padStart(2, "0")}`;
    await connection.run(
      `COPY (SELECT strftime(date, '%Y-%m-%d %H:%M:%S') AS date, delay, distance, origin, destination
             FROM january WHERE date::DATE = DATE '${date}' ORDER BY ALL)
       TO '${quote(path.join(directory, `${date}.csv`))}' (FORMAT csv, HEADER)`,
    );
  }
  connection.closeSync();
  instance.closeSync();
}

const quote = (text: string) => text.replaceAll("'", "''");

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

if (import.meta.main) console.log(await flightsData(process.argv[2]));
