import type { DatasetDefinition } from "./definition.ts";
import type { Problem } from "./problems.ts";

/** Names become parts of buckets, keys, tables and columns, and each has its rules. */

/** Bucket names: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
export function checkPipelineName(name: string): Problem[] {
  const path = ["name"];
  if (!/^[a-z][a-z0-9-]*[a-z0-9]$/.test(name) || name.includes("--")) {
    const suggestion = name
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^[^a-z]+|-+$/g, "");
    return [
      {
        path,
        message: `"${name}" cannot be part of a bucket's name`,
        hint: `use small letters, digits and single hyphens${suggestion.length > 1 ? `: "${suggestion}"` : ""}`,
      },
    ];
  }
  if (name.length > 24)
    return [{ path, message: `the name has ${name.length} characters, and bucket names leave room for 24` }];
  return [];
}

/** Tables and views that the stack itself puts in the database. */
const OWN_TABLES = ["loads", "load_commits", "load_published", "rejects"];

export function checkDatasetName(name: string): Problem[] {
  const path = ["datasets", name];
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    const suggestion = name
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "_")
      .replaceAll(/^[^a-z]+|_+$/g, "");
    return [
      {
        path,
        message: `"${name}" cannot be the name of a table`,
        hint: `use small letters, digits and _${suggestion === "" ? "" : `: "${suggestion}"`}`,
      },
    ];
  }
  if (name.length > 64) return [{ path, message: `the name has ${name.length} characters, and 64 are the most` }];
  if (OWN_TABLES.includes(name)) {
    return [{ path, message: `"${name}" is a table of the pipeline itself`, hint: "choose another name" }];
  }
  return [];
}

/** Columns are lower case in the catalog; Athena wants names that need no quotes. */
export function columnNameProblem(name: string): { message: string; hint: string } | undefined {
  const lower = name.toLowerCase();
  if (!/^[a-z_][a-z0-9_]*$/.test(lower) || name.length > 128) {
    const suggestion = lower
      .replaceAll(/[^a-z0-9]+/g, "_")
      .replaceAll(/^_+|_+$/g, "")
      .replace(/^(?=\d)/, "_");
    return {
      message: `"${name}" cannot be the name of a column`,
      hint: `use letters, digits and _, and say where it is: ${suggestion === "" ? "name" : suggestion}: { type: "…", from: ${JSON.stringify(name)} }`,
    };
  }
  if (["_source", "_version", "_run"].includes(lower) || lower.startsWith("__")) {
    return {
      message: `"${name}" is a name of the pipeline's own columns`,
      hint: `choose another name, and write from: ${JSON.stringify(name)}`,
    };
  }
  return undefined;
}

/** A key belongs to one dataset, so no prefix may begin with another. */
export function checkPrefixes(datasets: readonly DatasetDefinition[]): Problem[] {
  const problems: Problem[] = [];
  for (const [index, dataset] of datasets.entries()) {
    const path = ["datasets", dataset.name, "source", "prefix"];
    if (dataset.prefix.startsWith("/")) {
      problems.push({
        path,
        message: "a key does not begin with /",
        hint: `write "${dataset.prefix.replace(/^\/+/, "")}"`,
      });
    }
    if (new TextEncoder().encode(dataset.prefix).length > 512)
      problems.push({ path, message: "the prefix is longer than 512 bytes" });
    for (const other of datasets.slice(0, index)) {
      if (!dataset.prefix.startsWith(other.prefix) && !other.prefix.startsWith(dataset.prefix)) continue;
      problems.push({
        path,
        message: `keys under "${dataset.prefix}" would belong to ${other.name} ("${other.prefix}") too`,
        hint: "give each dataset a folder of its own",
      });
    }
  }
  return problems;
}
