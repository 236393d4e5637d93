import { commitLine, headDocument, manifestDocument, objectDocument } from "../../src/ledger/documents.ts";
import { LedgerError } from "../../src/ledger/document-store.ts";
import { ledgerKeys, parseMarkerKey } from "../../src/ledger/keys.ts";
import type { Created, MemoryS3 } from "./memory-s3.ts";
import type { Row, SourceContent } from "./model-executor.ts";

const SOURCE = "source";
const TARGET = "target";

/** What must hold after every write, and what must hold when everything has come to rest. */
export class Invariants {
  readonly #s3: MemoryS3;
  /** Every content that a document compared by ETag has ever had. */
  readonly #contents = new Map<string, string[]>();

  constructor(s3: MemoryS3) {
    this.#s3 = s3;
  }

  /** A process may fail because S3 does; it may not find the ledger broken. */
  checkError(name: string, error: unknown): void {
    if (error instanceof LedgerError || !(error instanceof Error && "$metadata" in error)) {
      throw new Error(`${name} failed`, { cause: error });
    }
  }

  checkWrite({ key, version }: Created): void {
    const content = version.content ?? "";
    if (/^ledger\/(objects|heads|crawls)\/|\/attempts\//.test(key)) this.#checkNoReturn(key, content);
    if (key.startsWith("ledger/heads/")) this.#checkLease(key);
    if (key.startsWith("data/")) this.#checkReaders(key);
  }

  /** A document that is compared by ETag never looks as it did before. */
  #checkNoReturn(key: string, content: string): void {
    const contents = this.#contents.get(key) ?? [];
    if (contents.includes(content)) throw new Error(`${key} returns to an earlier content: ${content}`);
    contents.push(content);
    this.#contents.set(key, contents);
  }

  /** A lease is given back only by a run that is settled whole, and only then the next run has it. */
  #checkLease(key: string): void {
    const history = (this.#contents.get(key) ?? []).map((content) => headDocument.parse(JSON.parse(content)));
    const [before, after] = [history.at(-2), history.at(-1)];
    const run = before?.active?.run;
    if (run === undefined) return;
    if (after?.active) throw new Error(`${after.active.run} took the lease from ${run}`);
    const dataset = key.slice("ledger/heads/".length, -".json".length);
    const files = this.#s3.current(TARGET);
    const manifest = manifestDocument.parse(JSON.parse(files.get(ledgerKeys.manifest(dataset, run))?.content ?? ""));
    for (const file of manifest.files) {
      const object = this.#object(dataset, file.key);
      if (
        object.newest.state === "pending" &&
        object.newest.version === file.version &&
        object.newest.try === file.try
      ) {
        throw new Error(`${run} gave its lease back while ${file.key} ${file.version} is pending`);
      }
    }
    const decided = this.#decidedStaging(dataset, run);
    const committedAt = this.#committedAt(dataset, run);
    for (const [name, { lastModified }] of files) {
      // A request of a dead job may write one again after it was deleted; what the marker was written over is gone.
      if (decided.has(name) && lastModified <= committedAt) {
        throw new Error(`${run} gave its lease back before ${name} was deleted`);
      }
    }
    if (
      manifest.files.length > 0 &&
      !this.#markers().some((marker) => marker.dataset === dataset && marker.run === run)
    ) {
      throw new Error(`${run} gave its lease back without a marker`);
    }
  }

  /** No reader ever sees rows of two versions of an object, or a row twice. */
  #checkReaders(written: string): void {
    const dataset = written.split("/")[1] ?? "";
    const seen = new Map<string, string>();
    for (const row of this.#rows(dataset)) {
      const version = seen.get(row.source);
      if (version !== undefined && version !== row.version) {
        throw new Error(`after ${written}: rows of ${row.source} in versions ${version} and ${row.version}`);
      }
      seen.set(row.source, row.version);
    }
    const rows = this.#rows(dataset).map((row) => JSON.stringify([row.source, row.value]));
    if (new Set(rows).size < rows.length) throw new Error(`after ${written}: a row is there twice`);
  }

  /** Everything in the source bucket has its final state, and its rows exactly once. */
  checkRest(): void {
    const target = this.#s3.current(TARGET);
    for (const key of target.keys()) {
      if (key.startsWith("ledger/pending/")) throw new Error(`${key} is left`);
    }
    const expected: Row[] = [];
    for (const [key, current] of this.#s3.current(SOURCE)) {
      const dataset = key.split("/")[0] ?? "";
      const object = this.#object(dataset, key);
      if (object.newest.version !== current.id)
        throw new Error(`${key} is ${current.id}, the ledger says ${object.newest.version}`);
      const content = JSON.parse(current.content) as SourceContent;
      if (object.newest.state === "failed") {
        this.#checkGivenUp(dataset, object.newest.run ?? "");
        continue;
      }
      const state = "bad" in content ? "rejected" : "committed";
      if (object.newest.state !== state)
        throw new Error(`${key} ${current.id} is ${object.newest.state}, not ${state}`);
      if (state === "committed" && object.loaded?.version !== current.id)
        throw new Error(`${key}: loaded is ${object.loaded?.version}`);
    }
    // Rows are those of the version that each object calls loaded, no more and no fewer.
    for (const [name, { content }] of target) {
      if (!name.startsWith("ledger/objects/")) continue;
      const object = objectDocument.parse(JSON.parse(content));
      if (object.newest.state === "pending") throw new Error(`${object.key} is still pending`);
      const { loaded } = object;
      if (!loaded) continue;
      const source = this.#s3.versions(SOURCE, object.key).find(({ id }) => id === loaded.version);
      const rows = JSON.parse(source?.content ?? "") as SourceContent;
      if ("bad" in rows) throw new Error(`${object.key}: a bad version is loaded`);
      for (const [, value] of rows.rows) expected.push({ source: object.key, version: loaded.version, value });
    }
    const id = (row: Row) => `${row.source} ${row.version} ${row.value}`;
    const found = [...new Set(expected.map(({ source }) => source.split("/")[0] ?? "").concat("a", "b"))].flatMap(
      (dataset) => this.#rows(dataset).map(id),
    );
    const [left, right] = [found.sort().join("\n"), expected.map(id).sort().join("\n")];
    if (left !== right) throw new Error(`rows differ. In data/:\n${left}\nexpected:\n${right}`);
  }

  #checkGivenUp(dataset: string, run: string): void {
    const decision = this.#s3.current(TARGET).get(ledgerKeys.decision(dataset, run))?.content ?? "{}";
    if (!decision.includes('"kind":"give-up"')) throw new Error(`${run} has failed versions and was not given up`);
  }

  #object(dataset: string, key: string) {
    const content = this.#s3.current(TARGET).get(ledgerKeys.object(dataset, key))?.content;
    if (content === undefined) throw new Error(`the ledger does not know ${key}`);
    return objectDocument.parse(JSON.parse(content));
  }

  #rows(dataset: string): Row[] {
    return [...this.#s3.current(TARGET)]
      .filter(([key]) => key.startsWith(ledgerKeys.data(dataset)))
      .flatMap(([, { content }]) => JSON.parse(content) as Row[]);
  }

  #markers(): { dataset: string; run: string }[] {
    const markers = [...this.#s3.current(TARGET)].filter(([key]) => parseMarkerKey(key));
    for (const [, { content }] of markers)
      content
        .split("\n")
        .filter(Boolean)
        .forEach((line) => commitLine.parse(JSON.parse(line)));
    return markers.flatMap(([key]) => parseMarkerKey(key) ?? []);
  }

  #committedAt(dataset: string, run: string): Date {
    const marker = [...this.#s3.current(TARGET)].find(([key]) => {
      const parsed = parseMarkerKey(key);
      return parsed?.dataset === dataset && parsed.run === run;
    });
    return marker?.[1].lastModified ?? new Date(0);
  }

  #decidedStaging(dataset: string, run: string): Set<string> {
    const decision = this.#s3.current(TARGET).get(ledgerKeys.decision(dataset, run))?.content ?? "{}";
    return new Set([...decision.matchAll(/"staged":"([^"]+)"/g)].map(([, staged]) => staged ?? ""));
  }
}
