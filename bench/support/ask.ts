/** Asks one question in a process of its own, and sends the figures to the parent. */
import type { BenchOptions, Question } from "./question.ts";

const [name = "", options = "{}"] = process.argv.slice(2);
const { question } = (await import(`../${name}.ts`)) as { question: Question };
const figures = await question.ask(JSON.parse(options) as BenchOptions);
process.send?.(figures, () => process.disconnect());
