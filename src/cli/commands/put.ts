import type { Command } from "commander";
import { dropFiles, filesToDrop } from "../drop.ts";
import { type CommonOptions, newCommand, output } from "../options.ts";
import { type FileOutcome, followFiles } from "../outcome.ts";
import { bad, bytes, count, good } from "../output.ts";
import { connectProject, openProject } from "../project.ts";
import { EXIT } from "../user-error.ts";

interface PutOptions extends CommonOptions {
  readonly dataset?: string;
  readonly wait?: boolean;
}

export function command(): Command {
  return newCommand("put", "drop files into SourceBucket", "endpoint", "json")
    .argument("<files...>", "files, or folders with files")
    .option("--dataset <name>", "the dataset they belong to (default: the only one, or the one their folder names)")
    .option("--wait", "wait until each can be queried, or is rejected; exit 1 when not all were loaded")
    .action(put);
}

async function put(names: string[], options: PutOptions): Promise<void> {
  const project = await openProject(options);
  const files = await filesToDrop(project.plan, names, options.dataset);
  const target = await connectProject(project, options);
  try {
    const size = bytes(files.reduce((sum, file) => sum + file.size, 0));
    const dropped = await dropFiles(target, project.plan, files, (done) =>
      output.progress(`${done} of ${files.length} files (${size})`),
    );
    output.progress("");
    if (!options.wait) {
      if (options.json) output.json({ files: dropped });
      else output.note(`${count(dropped.length, "file")} (${size}) dropped into s3://${target.stack.sourceBucket}/`);
      return;
    }
    const outcomes = await followFiles(target, dropped, (outcome) => {
      if (!options.json) tell(outcome);
    });
    if (options.json) output.json({ files: outcomes });
    if (outcomes.some((outcome) => outcome.state !== "committed")) process.exitCode = EXIT.notAllLoaded;
  } finally {
    target.close();
  }
}

function tell(outcome: FileOutcome): void {
  switch (outcome.state) {
    case "waiting":
    case "pending":
      return output.progress(`${outcome.key} ${outcome.state}`);
    case "committed": {
      const queryable = outcome.queryableAt !== null || outcome.rowsOut === 0;
      if (!queryable) return output.progress(`${outcome.key} committed`);
      const rejected = outcome.rowsRejected ? `, ${count(outcome.rowsRejected, "record")} rejected` : "";
      return output.note(`${good("✓")} ${outcome.key}  ${count(outcome.rowsOut ?? 0, "row")}${rejected}`);
    }
    default:
      return output.note(
        `${bad("✗")} ${outcome.key}  ${outcome.state}\n    ${outcome.error ?? "a newer version came"}`,
      );
  }
}
