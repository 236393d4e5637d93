import {
  CrawlerRunningException,
  GetCrawlerCommand,
  type LastCrawlInfo,
  StartCrawlerCommand,
} from "@aws-sdk/client-glue";
import fc from "fast-check";
import { test } from "vitest";
import { crawlEnded, startCrawl } from "../../src/functions/crawler/crawl.ts";
import type { Catalog } from "../../src/functions/crawler/catalog.ts";
import { silentLog } from "../../src/functions/shared/log.ts";
import { askForCrawl } from "../../src/ledger/crawl-bit.ts";
import { crawlDocument } from "../../src/ledger/documents.ts";
import { runId } from "../../src/ledger/keys.ts";
import { createLedger } from "../../src/ledger/ledger.ts";
import { type CommittedRun, markQueryable } from "../../src/ledger/published.ts";
import { MemoryS3 } from "./memory-s3.ts";
import { type Clients, type Ending, type Faults, NO_FAULTS, Simulator } from "./simulator.ts";

const DATASETS = ["a", "b"];

/** Commits that need crawls, one crawler, and events of its ends that are repeated and late. */
class CrawlWorld {
  readonly s3 = new MemoryS3({ now: () => new Date(this.#tick()), pageSize: 1000 });
  readonly simulator: Simulator;
  #time = Date.parse("2026-03-01T00:00:00Z");
  #runs = new Map(DATASETS.map((dataset) => [dataset, 0]));
  #crawl: { start: Date; sees: Set<string> } | undefined;
  #state: "READY" | "RUNNING" | "STOPPING" = "READY";
  #last: LastCrawlInfo | undefined;
  /** Runs that a crawl has seen that began after they were committed, and ended well. */
  readonly #seen = new Set<string>();
  readonly #committed = new Set<string>();
  #lossless = true;

  constructor(seed: number) {
    this.s3.createBucket("target", { versioned: false });
    this.s3.onCreated = ({ key, version }) => this.simulator.check(() => this.#written(key, version.content ?? ""));
    this.simulator = new Simulator(seed, {
      s3: (command) => this.s3.execute(command),
      glue: (command) => this.#glue(command),
    });
  }

  async play(commits: readonly string[], faults: Faults): Promise<void> {
    const { simulator } = this;
    const { random } = simulator;
    simulator.faults = faults;
    this.#lossless = faults === NO_FAULTS;
    const left = [...commits];
    for (let calm = 0; calm < 30;) {
      if (left.length === 0) calm++;
      const dataset = random.chance(0.15) ? left.shift() : undefined;
      if (dataset !== undefined) this.#commit(dataset);
      if (random.chance(0.1)) this.#endCrawl(random.chance(0.8));
      if (random.chance(0.03)) this.#tellEnd(0);
      await simulator.step();
    }
    simulator.faults = NO_FAULTS;
    for (let rounds = 0; this.#open() || this.#crawl; rounds++) {
      if (rounds > 50) throw new Error("some runs are never queryable");
      simulator.wakeAll();
      while (simulator.ready) await simulator.step();
      if (this.#crawl) this.#endCrawl(true);
      else if (this.#open()) this.#sweep();
    }
    while (simulator.orphaned) simulator.arrive();
    while (simulator.ready) await simulator.step();
    if (simulator.violation !== undefined) throw simulator.violation;
  }

  #tick(): number {
    return ++this.#time;
  }

  /** Runs that are committed and not said to be queryable. */
  #open(): boolean {
    const published = [...this.s3.current("target").keys()].filter((key) => key.startsWith("ledger/published/"));
    return published.length < this.#committed.size;
  }

  #written(key: string, content: string): void {
    if (key.startsWith("ledger/crawls/")) crawlDocument.parse(JSON.parse(content));
    const [, dataset, run] = /^ledger\/published\/(\w)\/day=[^/]+\/(\d+)\.jsonl$/.exec(key) ?? [];
    if (run !== undefined && !this.#seen.has(`${dataset}/${run}`)) {
      throw new Error(`${dataset}/${run} is called queryable and no crawl has seen it`);
    }
  }

  #commit(dataset: string): void {
    const number = (this.#runs.get(dataset) ?? 0) + 1;
    this.#runs.set(dataset, number);
    this.#committed.add(`${dataset}/${runId(number)}`);
    this.#afterCommit(dataset, { run: runId(number), day: "2026-03-01" }, 2);
    if (this.simulator.random.chance(0.2)) this.#afterCommit(dataset, { run: runId(number), day: "2026-03-01" }, 0);
  }

  #afterCommit(dataset: string, committed: CommittedRun, retries: number): void {
    this.#spawn(
      `commit ${dataset}/${committed.run}`,
      async (catalog) => {
        if (await askForCrawl(catalog.ledger, dataset, committed)) await startCrawl(catalog, DATASETS);
        else await markQueryable(catalog.ledger, dataset, committed, catalog.ledger.now());
      },
      (ending) => {
        if (ending.how !== "returned" && retries > 0) this.#afterCommit(dataset, committed, retries - 1);
      },
    );
  }

  #endCrawl(well: boolean): void {
    if (!this.#crawl) return;
    if (this.#state === "RUNNING" && this.simulator.random.chance(0.3)) {
      this.#state = "STOPPING";
      return;
    }
    this.simulator.history.push(`crawl ends ${well ? "well" : "badly"}`);
    if (well) for (const run of this.#crawl.sees) this.#seen.add(run);
    this.#last = { Status: well ? "SUCCEEDED" : "FAILED", StartTime: this.#crawl.start };
    this.#crawl = undefined;
    this.#state = "READY";
    this.#tellEnd(2);
  }

  #tellEnd(retries: number): void {
    this.#spawn(
      "crawl ended",
      (catalog) => crawlEnded(catalog, { datasets: DATASETS, pipeline: "model", alerts: undefined }),
      (ending) => {
        if (ending.how !== "returned" && retries > 0) this.#tellEnd(retries - 1);
      },
    );
  }

  /** The sweep, or the next commit, sees to what is left; without faults only crawls that failed leave anything. */
  #sweep(): void {
    if (this.#lossless && this.#last?.Status !== "FAILED") throw new Error("a run waits and nobody crawls");
    for (const id of this.#committed) {
      const [dataset, run] = id.split("/");
      this.#afterCommit(dataset ?? "", { run: run ?? "", day: "2026-03-01" }, 0);
    }
  }

  #spawn(name: string, body: (catalog: Catalog) => Promise<void>, ended: (ending: Ending) => void): void {
    this.simulator.spawn(name, (clients) => body(this.#catalog(clients)), ended);
  }

  #catalog({ s3, glue }: Clients): Catalog {
    const ledger = createLedger({
      client: s3,
      sourceBucket: "source",
      targetBucket: "target",
      now: () => new Date(this.#tick()),
      pause: async () => {},
    });
    return { ledger, glue, database: "lake", crawlerName: "crawler", log: silentLog };
  }

  #glue(command: unknown): unknown {
    if (command instanceof GetCrawlerCommand) return { Crawler: { State: this.#state, LastCrawl: this.#last } };
    if (!(command instanceof StartCrawlerCommand)) throw new TypeError("the simulation has no such request to Glue");
    if (this.#state !== "READY") throw new CrawlerRunningException({ $metadata: {}, message: "running" });
    this.#state = "RUNNING";
    this.#crawl = { start: new Date(this.#tick()), sees: new Set(this.#committed) };
    return {};
  }
}

const RUNS = Number(process.env["MILLRACE_PROTOCOL_RUNS"] ?? 200);
const commits = fc.array(fc.constantFrom(...DATASETS), { minLength: 1, maxLength: 8 });
const rate = (most: number) => fc.constantFrom(0, most / 4, most);
const faults: fc.Arbitrary<Faults> = fc.record({
  crash: rate(0.05),
  lostReply: rate(0.1),
  error: rate(0.05),
  conflict: rate(0.1),
  pause: rate(0.1),
});

async function play(seed: number, runs: readonly string[], withFaults: Faults): Promise<void> {
  const world = new CrawlWorld(seed);
  try {
    await world.play(runs, withFaults);
  } catch (error) {
    throw new Error(`${String(error)}\n${world.simulator.history.slice(-300).join("\n")}`, { cause: error });
  }
}

test("a run is called queryable only after a crawl that saw it, and every run is in the end", async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 0 }), commits, faults, play), { numRuns: RUNS });
});

test("without faults no run waits for a crawl that nobody starts", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0 }), commits, (seed, runs) => play(seed, runs, NO_FAULTS)),
    { numRuns: RUNS },
  );
});
