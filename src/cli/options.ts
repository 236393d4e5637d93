import { Command, Option } from "commander";
import { Output } from "./output.ts";

/** Options that mean the same in every command that has them. */
export interface CommonOptions {
  readonly config: string;
  readonly stage: string;
  readonly state?: string;
  readonly endpoint?: string;
  readonly json?: boolean;
}

type CommonOption = "endpoint" | "json";

/** A command with the options every command has (`--config`, `--stage`, `--state`), and those asked for. */
export function newCommand(name: string, summary: string, ...extra: CommonOption[]): Command {
  const command = new Command(name)
    .description(summary)
    .option("-c, --config <path>", "the definition, or the folder that holds it", ".")
    .option("--stage <name>", "which stage of the pipeline", "dev")
    .addOption(new Option("--state <folder>", "state of the local runtime (default: .millrace beside the definition)"));
  if (extra.includes("endpoint")) {
    command.option("--endpoint <url>", "work on the runtime at this address (default: the one running here, else AWS)");
  }
  if (extra.includes("json")) command.option("--json", "print JSON");
  return command;
}

export const output = new Output();
