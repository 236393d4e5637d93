import { spawn } from "node:child_process";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { DefinitionError } from "./problems.ts";
import type { Problem } from "./problems.ts";

/**
 * Runs in a process of its own: the user's file may print, exit or be edited while we run, and it is read anew each
 * time. `import … from "millrace"` is answered here, so that a folder without node_modules works too.
 */
const EVALUATE = `
import { registerHooks } from "node:module";
const MILLRACE = "data:text/javascript," + encodeURIComponent("export const definePipeline = (definition) => definition;");
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "millrace" ? { url: MILLRACE, format: "module", shortCircuit: true } : next(specifier, context),
});
const module = await import(process.argv[1]);
const notData = (value, path) => {
  if (typeof value === "function" || typeof value === "symbol" || typeof value === "bigint") return [path, typeof value];
  if (value === null || typeof value !== "object") return undefined;
  for (const [name, member] of Object.entries(value)) {
    const found = notData(member, [...path, name]);
    if (found) return found;
  }
};
const hasDefault = "default" in module;
const found = notData(module.default, []);
process.send({ hasDefault, notData: found, json: found ? undefined : JSON.stringify(await module.default) });
`;

interface Answer {
  readonly hasDefault: boolean;
  readonly notData?: readonly [string[], string];
  readonly json?: string;
}

/** The default export of a TypeScript or JavaScript file, as data. Throws a `DefinitionError` that names the line. */
export async function evaluateModule(file: string): Promise<unknown> {
  const url = pathToFileURL(path.resolve(file)).href;
  const child = spawn(process.execPath, ["--no-warnings", "--input-type=module", "--eval", EVALUATE, url], {
    cwd: path.dirname(path.resolve(file)),
    // What the file prints is the user's to see, but not where commands put their results.
    stdio: ["ignore", process.stderr, "pipe", "ipc"],
    env: process.env,
  });
  let answer: Answer | undefined;
  let errors = "";
  child.on("message", (message: Answer) => {
    answer = message;
    // A timer or server that the file started must not keep it alive.
    child.kill();
  });
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (errors += chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (answer === undefined) throw new DefinitionError([failure(file, url, code, errors)]);
  return dataOf(file, answer);
}

function dataOf(file: string, answer: Answer): unknown {
  if (!answer.hasDefault) {
    throw new DefinitionError([
      { path: [], file, message: "the file has no default export", hint: "write export default definePipeline({ … })" },
    ]);
  }
  if (answer.notData !== undefined) {
    const [where, what] = answer.notData;
    throw new DefinitionError([{ path: where, file, message: `it is a ${what}, and a definition is data only` }]);
  }
  return answer.json === undefined ? undefined : (JSON.parse(answer.json) as unknown);
}

/** Node prints `<file>:<line>`, the line, a pointer and the error; errors of running code have the place in their stack. */
function failure(file: string, url: string, code: number | null, errors: string): Problem {
  const absolute = path.resolve(file);
  const names = [url, absolute].map(escape).join("|");
  const place = new RegExp(`(?:${names}):(\\d+):(\\d+)`).exec(errors) ?? new RegExp(`(?:${names}):(\\d+)`).exec(errors);
  const message = /^(?:\s*)((?:[A-Za-z]*Error)(?: \[\w+\])?: .*)$/m.exec(errors)?.[1] ?? /\S.*/.exec(errors)?.[0];
  const hint = message?.includes("ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX")
    ? "use types only: no enums, namespaces or parameter properties"
    : undefined;
  return {
    path: [],
    file,
    ...(place?.[1] === undefined ? {} : { line: Number(place[1]) }),
    ...(place?.[2] === undefined ? {} : { column: Number(place[2]) }),
    message: message ?? `the file ended with code ${code} before it exported a definition`,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** The name as a regular expression that matches just it. */
function escape(name: string): string {
  return name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
