import { commitLine, type CommitLine, ignoredDocument, publishedLine } from "../ledger/documents.ts";
import { parseMarkerKey } from "../ledger/keys.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { TraceEvent } from "../local/trace.ts";
import { type Output, bad, count, dim, good, seconds } from "./output.ts";

/** Of a run's good files, this many get a line of their own; bad ones always do. */
const LINES_PER_RUN = 8;

/**
 * Tells what happens to the files while the runtime runs, from its trace: one living line for what is going on, one
 * line for each outcome, and errors in full.
 */
export class Journal {
  readonly #output: Output;
  readonly #ledger: Ledger;
  readonly #runs = new Map<string, CommitLine[]>();
  readonly #received = new Map<string, number>();
  readonly #running = new Map<string, string>();
  /** Lines are printed in the order in which things happened, though documents are read in between. */
  #printing: Promise<void> = Promise.resolve();

  constructor(output: Output, ledger: Ledger) {
    this.#output = output;
    this.#ledger = ledger;
  }

  /** Takes one event of the trace. */
  see(event: TraceEvent): void {
    switch (event.type) {
      case "call":
        if (event.service === "s3" && event.operation === "PutObject" && event.error === undefined) {
          this.#written(event.resource ?? "");
        }
        return;
      case "state":
        if (event.kind === "job-run") this.#jobRun(event.id ?? "", event.to, event.reason);
        if (event.kind === "crawler" && event.to === "RUNNING") this.#living("crawling");
        return;
      case "invocation":
        if (event.status === "failed" || event.status === "timed-out") {
          this.#output.note(`${bad("✗")} ${event.functionName} ${event.status}: ${event.error ?? "no message"}`);
        }
        return;
      case "internal-error":
        this.#output.note(`${bad("✗ runtime")} ${event.where}: ${event.error}`);
        return;
      case "delivery":
        if (event.error !== undefined) {
          this.#output.note(`${bad("✗")} ${event.from} → ${event.to}: ${event.error}`);
        }
        return;
      case "log":
        return;
    }
  }

  /** Resolves when everything seen so far is printed. */
  async settled(): Promise<void> {
    await this.#printing;
  }

  #written(resource: string): void {
    const [bucket, ...rest] = resource.split("/");
    if (bucket !== this.#ledger.store.bucket || rest[0] !== "ledger") return;
    const key = rest.join("/");
    const [, area, dataset = "", run = ""] = rest;
    switch (area) {
      case "pending":
        this.#received.set(dataset, (this.#received.get(dataset) ?? 0) + 1);
        return this.#living(`${count(this.#received.get(dataset) ?? 0, "file")} of ${dataset} waiting`);
      case "runs":
        if (key.endsWith("/manifest.json")) this.#living(`${dataset} run ${run} claimed`);
        return;
      case "commits":
        return this.#queue(() => this.#committed(key));
      case "published":
        return this.#queue(() => this.#published(key));
      case "ignored":
        return this.#queue(() => this.#ignored(key));
      default:
    }
  }

  #queue(work: () => Promise<void>): void {
    this.#printing = this.#printing.then(work).catch((error: unknown) => {
      this.#output.note(dim(`(could not read the ledger: ${error instanceof Error ? error.message : String(error)})`));
    });
  }

  async #committed(key: string): Promise<void> {
    const marker = parseMarkerKey(key);
    const lines = await this.#ledger.store.getLines(key, commitLine);
    if (!marker || !lines) return;
    this.#runs.set(`${marker.dataset}/${marker.run}`, lines);
    this.#received.delete(marker.dataset);
    const loaded = lines.filter((line) => line.outcome === "committed");
    for (const line of lines) {
      const quiet = line.outcome === "committed" && line.rows_rejected === 0 && loaded.length > LINES_PER_RUN;
      if (!quiet) this.#output.note(outcomeLine(line));
    }
    if (loaded.length > LINES_PER_RUN) {
      const rows = loaded.reduce((sum, line) => sum + line.rows_out, 0);
      this.#output.note(
        `${good("✓")} ${marker.dataset} run ${marker.run}: ${count(loaded.length, "file")}, ${count(rows, "row")}`,
      );
    }
  }

  async #published(key: string): Promise<void> {
    for (const line of (await this.#ledger.store.getLines(key, publishedLine)) ?? []) {
      const lines = this.#runs.get(`${line.dataset}/${line.run}`) ?? [];
      this.#runs.delete(`${line.dataset}/${line.run}`);
      const first = lines.map((one) => Date.parse(one.received_at)).toSorted((a, b) => a - b)[0];
      const lag = first === undefined ? "" : ` ${seconds(Date.parse(line.queryable_at) - first)} after it was received`;
      this.#output.note(dim(`  ${line.dataset} run ${line.run} can be queried${lag}`));
      this.#living("");
    }
  }

  async #ignored(key: string): Promise<void> {
    const document = await this.#ledger.store.get(key, ignoredDocument);
    if (document) this.#output.note(`${dim("–")} ${document.value.key} ignored: ${document.value.reason}`);
  }

  #jobRun(id: string, state: string, reason: string | undefined): void {
    if (state === "RUNNING") this.#running.set(id, state);
    else this.#running.delete(id);
    if (state === "FAILED" || state === "TIMEOUT") {
      this.#output.note(`${bad("✗")} job run ${id.slice(0, 15)}… ${state}: ${reason ?? "no message"}`);
    }
    this.#living(this.#running.size > 0 ? `${count(this.#running.size, "run")} of the job at work` : "");
  }

  #living(text: string): void {
    this.#output.progress(text);
  }
}

/** One file's outcome in one line. */
function outcomeLine(line: CommitLine): string {
  const rejected = line.rows_rejected > 0 ? `, ${count(line.rows_rejected, "record")} rejected` : "";
  if (line.outcome === "committed") {
    const first = line.rows_rejected > 0 && line.error_message !== null ? `\n    ${line.error_message}` : "";
    return `${good("✓")} ${line.key}  ${count(line.rows_out, "row")}${rejected}${dim(`  run ${line.run}`)}${first}`;
  }
  return `${bad("✗")} ${line.key}  ${line.outcome}${dim(`  run ${line.run}`)}\n    ${line.error_message ?? "no message"}`;
}
