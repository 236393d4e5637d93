import { duckdbText } from "../../sql/spark/literals.ts";
import type { Database } from "./database.ts";
import { FILE, type LineageTypes } from "./statements.ts";

/** The column in which a reader names the file of a row. */
export const PATH = "millrace:path";

/** What travels beside a file's own columns. */
export const LINEAGE = `"${FILE}", "_source", "_version"`;

export interface Source {
  /** Its place among the run's files. */
  readonly file: number;
  readonly key: string;
  readonly version: string;
  /** As the reader names it. */
  readonly path: string;
}

/** How the rows of a scan come to know their object and version. */
export interface Sources {
  /** A relation by path; not needed when there is only one file. */
  readonly table: string | undefined;
  readonly only: Source | undefined;
}

export async function createSources(database: Database, sources: readonly Source[]): Promise<Sources> {
  const [only] = sources;
  if (only && sources.length === 1) return { table: undefined, only };
  const table = database.unique("millrace_files");
  const rows = sources.map(
    ({ path, file, key, version }) => `(${duckdbText(path)}, ${file}, ${duckdbText(key)}, ${duckdbText(version)})`,
  );
  await database.rows(
    `CREATE TEMP TABLE ${table} AS SELECT * FROM (VALUES ${rows.join(", ")}) AS files("${PATH}", ${LINEAGE})`,
  );
  return { table, only: undefined };
}

/** A select of everything that a reader gives, and `LINEAGE`. */
export function withLineage(reader: string, { table, only }: Sources): string {
  if (table !== undefined) return `SELECT * FROM ${reader} JOIN ${table} USING ("${PATH}")`;
  if (!only) throw new Error("a scan has at least one file");
  return (
    `SELECT *, ${only.file} AS "${FILE}", ${duckdbText(only.key)} AS "_source", ` +
    `${duckdbText(only.version)} AS "_version" FROM ${reader}`
  );
}

/**
 * Lineage is constant, or nearly so. As an ENUM a text is written as the index that it is, without being looked up in
 * the file's dictionary for each row; in Parquet it is a string all the same. That is a tenth of a load.
 */
export async function createLineageTypes(database: Database, { only }: Sources, run: string): Promise<LineageTypes> {
  const constant = async (text: string): Promise<string> => {
    const type = database.unique("millrace_constant");
    await database.rows(`CREATE TEMP TYPE ${type} AS ENUM (${duckdbText(text)})`);
    return type;
  };
  return {
    source: only ? await constant(only.key) : "VARCHAR",
    version: only ? await constant(only.version) : "VARCHAR",
    run: await constant(run),
  };
}
