#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { output } from "./options.ts";
import { bad, dim } from "./output.ts";
import { EXIT, UserError } from "./user-error.ts";
import { version } from "./version.ts";

/** Each command in a file of its own. Only the one that is called is loaded; all of them for `--help` and for mistakes. */
const COMMANDS = ["dev", "run", "put", "query", "status", "check", "synth"] as const;

const program = new Command("millrace")
  .description("Files dropped in a bucket become rows in a table: on AWS, and whole on one machine.")
  .version(await version())
  .showHelpAfterError("(`millrace --help`, or `millrace COMMAND --help`)")
  .showSuggestionAfterError()
  .exitOverride();

const called = COMMANDS.filter((name) => process.argv[2] === name);
for (const name of called.length > 0 ? called : COMMANDS) {
  const module = (await import(`./commands/${name}${import.meta.filename.slice(-3)}`)) as { command: () => Command };
  program.addCommand(module.command().exitOverride().showHelpAfterError("(add --help for the options)"));
}

// Whoever reads has seen enough (`millrace query … | head`).
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(EXIT.ok);
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  output.progress("");
  if (error instanceof UserError) {
    output.note(`${bad("error")} ${error.message}`);
    if (error.hint) output.note(dim(error.hint));
    return error.exitCode;
  }
  if (isAnswer(error)) {
    output.note(`${bad("error")} ${error.name}: ${error.message}`);
    return EXIT.notAllLoaded;
  }
  output.note(`${bad("internal error")} ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return EXIT.notAllLoaded;
}

/** What a service answered: its name and sentence say more than a stack of the SDK. */
function isAnswer(error: unknown): error is Error {
  return error instanceof Error && "$fault" in error;
}
