import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { checkDefinition } from "./check.ts";
import type { Definition } from "./definition.ts";
import { evaluateModule } from "./evaluate.ts";
import { DefinitionError } from "./problems.ts";
import type { Problem } from "./problems.ts";
import { readYaml } from "./yaml.ts";
import type { Locator } from "./yaml.ts";

const FILE_NAMES = ["ts", "mts", "js", "mjs", "yaml", "yml", "json"].map((extension) => `millrace.config.${extension}`);

export interface LoadedDefinition {
  readonly file: string;
  readonly definition: Definition;
  /** Adds the file, and for YAML and JSON the line and column, to problems that are found later. */
  readonly locate: (error: DefinitionError) => DefinitionError;
}

/** The definition's file: the one given, or the one in the directory given. */
export async function findDefinition(fileOrDirectory: string): Promise<string> {
  const status = await stat(fileOrDirectory).catch(() => undefined);
  if (status?.isFile() === true) return fileOrDirectory;
  if (status === undefined) throw problem(`there is no "${fileOrDirectory}"`);
  const found: string[] = [];
  for (const name of FILE_NAMES) {
    const file = path.join(fileOrDirectory, name);
    if (
      await stat(file).then(
        (each) => each.isFile(),
        () => false,
      )
    )
      found.push(file);
  }
  const [first, second] = found;
  if (first === undefined) {
    throw problem(
      `there is no millrace.config.ts in ${path.resolve(fileOrDirectory)}`,
      "write one, or name the file with --config",
    );
  }
  if (second !== undefined) {
    throw problem(
      `there are two definitions: ${path.basename(first)} and ${path.basename(second)}`,
      "name the one you mean with --config",
    );
  }
  return first;
}

/** Reads and checks a definition. Throws a `DefinitionError` with every problem found. */
export async function loadDefinition(fileOrDirectory: string): Promise<LoadedDefinition> {
  const file = await findDefinition(fileOrDirectory);
  const { value, locate: find } = await read(file);
  const locate = (error: DefinitionError) =>
    new DefinitionError(error.problems.map((each) => placed(each, file, find)));
  try {
    return { file, definition: checkDefinition(value), locate };
  } catch (error) {
    throw error instanceof DefinitionError ? locate(error) : error;
  }
}

async function read(file: string): Promise<{ value: unknown; locate: Locator }> {
  switch (path.extname(file)) {
    case ".yaml":
    case ".yml":
    case ".json":
      return readYaml(await readFile(file, "utf8"), file);
    case ".ts":
    case ".mts":
    case ".js":
    case ".mjs":
      return { value: await evaluateModule(file), locate: () => undefined };
    default:
      throw problem(`"${file}" is no definition`, `definitions are ${FILE_NAMES.join(", ")}`);
  }
}

function placed(each: Problem, file: string, locate: Locator): Problem {
  return { ...each, file: each.file ?? file, ...(each.line === undefined ? locate(each.path) : {}) };
}

function problem(message: string, hint?: string): DefinitionError {
  return new DefinitionError([{ path: [], message, ...(hint === undefined ? {} : { hint }) }]);
}
