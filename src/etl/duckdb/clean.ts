import path from "node:path";
import { cleanCsv } from "./csv-input.ts";
import type { Readable } from "./inspect.ts";
import { cleanJson } from "./json-input.ts";
import { type LoadContext, sourceOf, tallyOf } from "./load-context.ts";
import { badQuoting, fieldCount } from "./messages.ts";

/**
 * Writes copies of files in which DuckDB cannot go wrong, by our own tokenizers. Records of a broken structure go to
 * the rejects; a file that cannot be read at all has a problem, and is left out; so is one without good records.
 */
export async function clean(context: LoadContext, files: readonly Readable[]): Promise<Readable[]> {
  const cleaned: Readable[] = [];
  for (const file of files) {
    const target = path.join(context.directory, "inputs", `${file.file}.clean`);
    const tally = tallyOf(context, file);
    const result = await cleanOne(context, file, target);
    if ("reason" in result) {
      tally.problem = result;
      continue;
    }
    tally.rows = result.records - tally.broken;
    if (tally.rows > 0) cleaned.push({ ...file, path: target });
  }
  return cleaned;
}

async function cleanOne(context: LoadContext, file: Readable, target: string) {
  const { rejects, plan } = context;
  const { key, version } = sourceOf(context, file);
  const tally = tallyOf(context, file);
  const { source } = plan;
  const original = { key, path: file.text };
  if (source.format === "parquet") throw new Error("a Parquet file has no text to be cleaned");
  if (source.format === "json") return await cleanJson(source, original, target);
  const fields = file.layout.length;
  return await cleanCsv(source, fields, original, target, ({ record, reason, fieldCount: found, raw }) => {
    const problem = reason === "bad-quoting" ? badQuoting(key, record) : fieldCount(key, record, found, fields);
    tally.broken++;
    tally.first ??= { record, reason, message: problem.message };
    rejects.add({ file: file.file, key, version, record, ...problem, raw });
  });
}
