import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "..");
const SRC = path.join(ROOT, "src");

/** Which areas of src each area may import. What is not named here is not an area. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  plan: [],
  definition: ["plan"],
  sql: ["plan"],
  ledger: ["plan"],
  etl: ["plan", "definition", "sql", "ledger"],
  functions: ["plan", "ledger"],
  stack: ["plan", "definition", "etl", "ledger"],
  local: ["sql"],
  cli: ["plan", "definition", "sql", "ledger", "etl", "stack", "local"],
};

/** Packages that only these areas may use; every other area must reach what they do through them. */
const ONLY_IN: Readonly<Record<string, readonly string[]>> = {
  "aws-cdk-lib": ["stack"],
  "@duckdb/node-api": ["sql", "etl"],
  commander: ["cli"],
};

interface Import {
  readonly file: string;
  readonly area: string;
  readonly target: string;
}

function sourceFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts"))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

function imports(): Import[] {
  return sourceFiles(SRC).flatMap((file) => {
    const text = readFileSync(file, "utf8");
    const area = path.relative(SRC, file).split(path.sep)[0] ?? "";
    const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']/g);
    return [...found].map(([, target]) => ({ file: path.relative(ROOT, file), area, target: target ?? "" }));
  });
}

function targetArea({ file, target }: Import): string | undefined {
  if (!target.startsWith(".")) return undefined;
  const relative = path.relative(SRC, path.resolve(ROOT, path.dirname(file), target));
  return relative.startsWith("..") ? undefined : relative.split(path.sep)[0];
}

const all = imports();

describe("imports go one way", () => {
  test("every area of src is known", () => {
    const areas = readdirSync(SRC, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    expect(areas.filter((area) => !(area in MAY_IMPORT))).toEqual([]);
  });

  test("an area imports only those below it", () => {
    const wrong = all.filter((one) => {
      const target = targetArea(one);
      if (!target || !(one.area in MAY_IMPORT) || target === one.area) return false;
      return !MAY_IMPORT[one.area]?.includes(target);
    });
    expect(wrong.map((one) => `${one.file} imports ${one.target}`)).toEqual([]);
  });

  test("some packages have one home", () => {
    const wrong = all.filter((one) =>
      Object.entries(ONLY_IN).some(
        ([name, areas]) =>
          (one.target === name || one.target.startsWith(`${name}/`)) &&
          one.area in MAY_IMPORT &&
          !areas.includes(one.area),
      ),
    );
    expect(wrong.map((one) => `${one.file} imports ${one.target}`)).toEqual([]);
  });

  test("the SDK's schemas are read in wire/ alone", () => {
    const wrong = all.filter(
      (one) => /^@(smithy|aws-sdk)\/core\b/.test(one.target) && !one.file.startsWith(path.join("src", "local", "wire")),
    );
    expect(wrong.map((one) => `${one.file} imports ${one.target}`)).toEqual([]);
  });
});
