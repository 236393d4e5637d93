import type { Command } from "commander";
import { type Account, type DatasetAccount, type Exception, accountFor } from "../../ledger/status.ts";
import { type CommonOptions, newCommand, output } from "../options.ts";
import { bad, bytes, count, dim, renderTable } from "../output.ts";
import { ledgerOf } from "../outcome.ts";
import { connectProject, openProject } from "../project.ts";

export function command(): Command {
  return newCommand("status", "account for every object that is in SourceBucket now", "endpoint", "json").action(
    status,
  );
}

async function status(options: CommonOptions): Promise<void> {
  const project = await openProject(options);
  const target = await connectProject(project, options);
  try {
    const account = await accountFor(ledgerOf(target), project.plan);
    if (options.json) output.json(account);
    else print(account);
  } finally {
    target.close();
  }
}

const HEAD = ["dataset", "objects", "committed", "rejected", "failed", "pending", "size", "rows", "bad rows", "now"];
const NUMERIC = [false, true, true, true, true, true, true, true, true, false];

function print(account: Account): void {
  const rows = Object.entries(account.datasets).map(([name, one]) => [
    name,
    ...[one.objects, one.committed, one.rejected, one.failed, one.pending].map(String),
    bytes(one.bytes),
    String(one.rows),
    String(one.rowsRejected),
    doing(one),
  ]);
  output.result(renderTable(HEAD, rows, NUMERIC));
  const apart = Object.values(account.datasets).reduce((sum, { superseded }) => sum + superseded, 0);
  const deleted = Object.values(account.datasets).reduce((sum, dataset) => sum + dataset.deleted, 0);
  output.result(
    dim(
      `counted apart: ${count(apart, "older version")}, ${count(deleted, "deleted key")}; ` +
        `${count(account.ignored, "object")} ignored, because no dataset takes it`,
    ),
  );
  for (const exception of account.exceptions) output.result(line(exception));
  if (account.exceptionsLeftOut > 0) output.result(dim(`… and ${account.exceptionsLeftOut} more`));
}

function doing(dataset: DatasetAccount): string {
  if (dataset.halted !== null) return `halted: ${dataset.halted}`;
  if (dataset.active !== null) return `run ${dataset.active}`;
  return dataset.unannounced > 0 ? `${dataset.unannounced} not announced yet` : "idle";
}

function line({ key, state, reason, serves }: Exception): string {
  const mark = state === "pending" || state === "ignored" ? dim("–") : bad("✗");
  const served = serves === null ? "" : dim(`  (rows of version ${serves} are served)`);
  return `${mark} ${key}  ${state}${served}${reason === null ? "" : `\n    ${reason}`}`;
}
