/**
 * Answers the questions of this folder, each in a process of its own:
 *
 *   npm run bench -- [NAMES…] [--small] [--rounds N] [--files N] [--megabytes N] [--json FILE]
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { availableParallelism, cpus, totalmem } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import type { BenchOptions, Figure, Question } from "./support/question.ts";

const QUESTIONS = ["etl", "latency", "small-files", "runtime", "wire"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    small: { type: "boolean", default: false },
    rounds: { type: "string" },
    files: { type: "string" },
    megabytes: { type: "string" },
    json: { type: "string" },
  },
});
const unknown = positionals.find((name) => !QUESTIONS.includes(name));
if (unknown !== undefined) throw new Error(`There is no question ${unknown}; there are ${QUESTIONS.join(", ")}.`);

const options: BenchOptions = {
  small: values.small,
  rounds: countOf("rounds", values.rounds),
  files: countOf("files", values.files),
  megabytes: countOf("megabytes", values.megabytes),
};
const machine = {
  node: process.version,
  cpu: cpus()[0]?.model ?? "unknown",
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 1024 ** 3),
};
console.log(`${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, Node ${machine.node}`);
const answers: Record<string, readonly Figure[]> = {};
for (const name of positionals.length > 0 ? positionals : QUESTIONS) {
  const { question } = (await import(`./${name}.ts`)) as { question: Question };
  console.log(`\n${name}: ${question.asks}`);
  answers[name] = await askInChild(name);
  for (const figure of answers[name]) console.log(lineOf(figure));
}
if (values.json !== undefined) {
  const document = { at: new Date().toISOString(), machine, options, answers };
  await writeFile(values.json, `${JSON.stringify(document, null, 2)}\n`);
}

function countOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new Error(`--${name}: ${text} is not a number of at least 1.`);
  return count;
}

async function askInChild(name: string): Promise<readonly Figure[]> {
  const child = fork(path.join(import.meta.dirname, "support", "ask.ts"), [name, JSON.stringify(options)], {
    execArgv: ["--expose-gc"],
  });
  let figures: readonly Figure[] | undefined;
  child.once("message", (message) => (figures = message as readonly Figure[]));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0 || !figures)
    throw new Error(`${name}: its process ended (exit code ${code}) before it had an answer.`);
  return figures;
}

function lineOf({ name, unit, value, rounds }: Figure): string {
  const raw = rounds && rounds.length > 1 ? `   [${rounds.map(shown).join(" ")}]` : "";
  return `  ${name.padEnd(52)} ${shown(value).padStart(9)} ${unit}${raw}`;
}

function shown(value: number): string {
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(2);
}
