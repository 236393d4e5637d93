import { DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { GetJobRunCommand, GetJobRunsCommand, StartJobRunCommand } from "@aws-sdk/client-glue";
import { planSchema } from "../../src/plan/plan.ts";
import { JOB_ARGUMENTS } from "../../src/plan/job-arguments.ts";
import { type ObjectDocument, headDocument, objectDocument } from "../../src/ledger/documents.ts";
import { createLedger, type Ledger } from "../../src/ledger/ledger.ts";
import { ledgerKeys, parseMarkerKey, pendingId } from "../../src/ledger/keys.ts";
import { settle } from "../../src/ledger/outcome.ts";
import { type PlanCopy, planCopy } from "../../src/ledger/plans.ts";
import { replay } from "../../src/ledger/replay.ts";
import { ensurePending } from "../../src/ledger/receive.ts";
import { ingest } from "../../src/functions/etl/ingest.ts";
import { advance } from "../../src/functions/shared/advance.ts";
import { silentLog } from "../../src/functions/shared/log.ts";
import type { Starter } from "../../src/functions/shared/start-run.ts";
import { Invariants } from "./invariants.ts";
import { type Created, MemoryS3 } from "./memory-s3.ts";
import { type SourceContent, executeRun } from "./model-executor.ts";
import { type Clients, type Ending, type Faults, NO_FAULTS, Simulator } from "./simulator.ts";

export const SOURCE = "source";
export const TARGET = "target";
export const DATASETS = ["a", "b"] as const;

/** What people do to the source bucket. */
export type Action =
  | { readonly do: "put"; readonly key: string; readonly content: SourceContent }
  | { readonly do: "delete"; readonly key: string }
  /** Somebody wants the key's newest version loaded again. */
  | { readonly do: "replay"; readonly key: string }
  /** An event of the past arrives once more. */
  | { readonly do: "repeat"; readonly nth: number };

interface Message {
  readonly messageId: string;
  readonly body: string;
  inFlight: boolean;
}

interface JobRun {
  readonly Id: string;
  readonly Arguments: Record<string, string>;
  readonly StartedOn: Date;
  state: "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMEOUT";
}

/** The pipeline's main path around the real functions and a model of the job, under a simulator. */
export class World {
  readonly s3: MemoryS3;
  readonly simulator: Simulator;
  readonly invariants: Invariants;
  readonly #plan: PlanCopy;
  readonly #messages: Message[] = [];
  readonly #jobRuns: JobRun[] = [];
  readonly #sentBodies: string[] = [];
  #time = Date.parse("2026-03-01T00:00:00Z");
  readonly #replayed = new Set<string>();
  #names = 0;
  /** Nothing is lost or fails: then nothing may be left for the sweep to find. */
  #lossless = false;

  constructor(seed: number, options: { maxFiles: number; pageSize: number }) {
    this.s3 = new MemoryS3({ now: () => this.#now(), pageSize: options.pageSize });
    this.s3.createBucket(SOURCE, { versioned: true });
    this.s3.createBucket(TARGET, { versioned: false });
    this.invariants = new Invariants(this.s3);
    this.s3.onCreated = (created) => this.#created(created);
    this.#plan = planCopy(JSON.stringify(plan(options.maxFiles)));
    this.simulator = new Simulator(seed, {
      s3: (command) => this.s3.execute(command),
      glue: (command) => this.#glue(command),
    });
  }

  /** People act while things go wrong; then nothing goes wrong any more and everything comes to rest. */
  async play(actions: readonly Action[], faults: Faults): Promise<void> {
    this.#lossless = faults === NO_FAULTS;
    const { simulator } = this;
    const { random } = simulator;
    simulator.faults = faults;
    const left = [...actions];
    for (let calm = 0; calm < 60;) {
      if (left.length === 0) calm++;
      const action = random.chance(0.1) ? left.shift() : undefined;
      if (action) this.#act(action);
      if (random.chance(0.15)) this.#deliver();
      if (random.chance(0.03)) this.#loseSight();
      if (faults.crash > 0 && random.chance(0.02)) for (const dataset of DATASETS) this.#timeOut(dataset);
      if (random.chance(0.04)) this.#advance("looks after it", random.pick(DATASETS));
      await this.#step();
    }
    simulator.faults = NO_FAULTS;
    await this.#rest();
    // Whoever slept through it all wakes up late, and must do no harm.
    this.invariants.checkRest();
    simulator.wakeAll();
    while (simulator.orphaned) simulator.arrive();
    await this.#rest();
    this.invariants.checkRest();
  }

  #now(): Date {
    this.#time += 1 + this.simulator.random.below(2000);
    return new Date(this.#time);
  }

  async #step(): Promise<boolean> {
    this.#time += this.simulator.random.below(3000);
    return await this.simulator.step();
  }

  async #rest(): Promise<void> {
    for (let rounds = 0; rounds < 50; rounds++) {
      do {
        this.#deliver();
        while (this.simulator.ready) await this.#step();
        // Those whose function sleeps come back when their visibility timeout ends.
        for (const message of this.#messages) message.inFlight = false;
      } while (this.#messages.length > 0);
      // The sweep comes every few minutes.
      this.#time += 5 * 60_000;
      if (!(await this.#sweep())) return;
      if (this.#lossless) throw new Error("something was left for the sweep, and nothing had gone wrong");
    }
    throw new Error("the pipeline does not come to rest");
  }

  #act(action: Action): void {
    if (action.do === "put") {
      const Body = JSON.stringify(action.content);
      this.s3.execute(new PutObjectCommand({ Bucket: SOURCE, Key: action.key, Body }));
      this.simulator.history.push(`somebody puts ${action.key} ${Body}`);
    } else if (action.do === "delete") {
      this.s3.execute(new DeleteObjectCommand({ Bucket: SOURCE, Key: action.key }));
      this.simulator.history.push(`somebody deletes ${action.key}`);
    } else if (action.do === "replay") {
      const dataset = action.key.split("/")[0] ?? "";
      this.#replayed.add(action.key);
      this.#spawn("replay", async (starter) => {
        await replay(starter.ledger, dataset, action.key);
        await advance(starter, this.#plan, dataset);
      });
    } else {
      const body = this.#sentBodies[action.nth % Math.max(1, this.#sentBodies.length)];
      if (body !== undefined) this.#send(body);
    }
  }

  #created(created: Created): void {
    const { bucket, key, version } = created;
    if (bucket === TARGET) {
      this.simulator.check(() => this.invariants.checkWrite(created));
      if (parseMarkerKey(key)) this.#invokeCrawler(key, 2);
      return;
    }
    const object = { key: encodeURIComponent(key), size: version.content?.length, versionId: version.id };
    const record = {
      eventSource: "aws:s3",
      eventVersion: "2.6",
      eventName: "ObjectCreated:Put",
      s3: { bucket: { name: SOURCE }, object },
    };
    const body = JSON.stringify({ Records: [record] });
    this.#sentBodies.push(body);
    this.#send(body);
    if (this.simulator.random.chance(0.2)) this.#send(body);
  }

  #send(body: string): void {
    this.#messages.push({ messageId: `m${++this.#names}`, body, inFlight: false });
  }

  /** Hands some messages, in any order, to EtlFunction. */
  #deliver(): void {
    const { random } = this.simulator;
    const visible = this.#messages.filter(({ inFlight }) => !inFlight);
    if (visible.length === 0) return;
    const batch = Array.from({ length: 1 + random.below(4) }, () => random.pick(visible));
    const messages = [...new Set(batch)];
    for (const message of messages) message.inFlight = true;
    let failures: Set<string> = new Set(messages.map(({ messageId }) => messageId));
    this.#spawn(
      "etl",
      async (starter) => {
        // Only the members that the function reads.
        const event = { Records: messages } as unknown as Parameters<typeof ingest>[2];
        const { batchItemFailures } = await ingest(starter, this.#plan, event);
        failures = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      },
      () => {
        for (const message of messages) {
          if (failures.has(message.messageId)) message.inFlight = false;
          else if (this.#messages.includes(message)) this.#messages.splice(this.#messages.indexOf(message), 1);
        }
      },
    );
  }

  /** A message's visibility timeout ends while its function is still at work. */
  #loseSight(): void {
    for (const message of this.#messages) if (this.simulator.random.chance(0.5)) message.inFlight = false;
  }

  /** Lambda invokes asynchronously: again after an error, and then never more. */
  #invokeCrawler(markerKey: string, retries: number): void {
    const marker = parseMarkerKey(markerKey);
    if (!marker) return;
    if (this.simulator.faults !== NO_FAULTS && this.simulator.random.chance(0.1)) return;
    this.#spawn(
      "crawler",
      async (starter) => {
        const settlement = await settle(starter.ledger, marker.dataset, marker.run);
        if (settlement.kind === "settled") await advance(starter, this.#plan, marker.dataset);
      },
      (ending) => {
        if (ending.how !== "returned" && retries > 0) this.#invokeCrawler(markerKey, retries - 1);
      },
    );
  }

  #spawn(
    name: string,
    body: (starter: Starter, clients: Clients) => Promise<void>,
    ended: (ending: Ending) => void = () => {},
  ): void {
    const full = `${name}#${++this.#names}`;
    this.simulator.spawn(
      full,
      (clients) => body(this.#starter(clients), clients),
      (ending) => {
        if (ending.how === "threw") this.simulator.check(() => this.invariants.checkError(full, ending.error));
        ended(ending);
      },
    );
  }

  #starter(clients: Clients): Starter {
    return { ledger: this.#ledger(clients), glue: clients.glue, jobName: "job", log: silentLog };
  }

  #ledger({ s3 }: Clients): Ledger {
    return createLedger({
      client: s3,
      sourceBucket: SOURCE,
      targetBucket: TARGET,
      now: () => this.#now(),
      pause: async () => {},
    });
  }

  #glue(command: unknown): unknown {
    if (command instanceof StartJobRunCommand) {
      const jobRun: JobRun = {
        Id: `jr_${++this.#names}`,
        Arguments: command.input.Arguments ?? {},
        StartedOn: this.#now(),
        state: "RUNNING",
      };
      this.#jobRuns.push(jobRun);
      this.#runJob(jobRun);
      return { JobRunId: jobRun.Id };
    }
    if (command instanceof GetJobRunCommand) {
      const jobRun = this.#jobRuns.find(({ Id }) => Id === command.input.RunId);
      return { JobRun: { JobRunState: jobRun?.state, ErrorMessage: "it broke" } };
    }
    if (command instanceof GetJobRunsCommand) return { JobRuns: [...this.#jobRuns].reverse() };
    throw new TypeError("the simulation has no such request to Glue");
  }

  #runJob(jobRun: JobRun): void {
    const job = { ...jobOf(jobRun), jobRunId: jobRun.Id };
    this.#spawn(
      `job ${jobRun.Id}`,
      async ({ ledger }) => {
        await executeRun(ledger, job);
      },
      (ending) => {
        if (jobRun.state === "RUNNING") jobRun.state = ending.how === "returned" ? "SUCCEEDED" : "FAILED";
      },
    );
  }

  /** Glue gives up on a job that stands still; the process may wake up all the same. */
  #timeOut(dataset: string): void {
    for (const jobRun of this.#jobRuns) {
      const job = jobOf(jobRun);
      if (job.dataset === dataset && jobRun.state === "RUNNING") jobRun.state = "TIMEOUT";
    }
  }

  /**
   * What the sweep finds: states without their pending, a lease whose run has a marker, a run without a job at work,
   * things that wait.
   * False when there is nothing.
   */
  async #sweep(): Promise<boolean> {
    let found = false;
    for (const dataset of DATASETS) {
      const files = this.s3.current(TARGET);
      for (const object of this.#withoutPending(dataset)) {
        found = true;
        const current = this.s3.current(SOURCE).get(object.key)?.id;
        // A message comes back until its pending is written, unless its version is not the current one any more.
        if (current === object.newest.version && !this.#replayed.has(object.key)) {
          throw new Error(`${object.key} ${current} is pending, and nobody will find it`);
        }
        this.#spawn("sweep", ({ ledger }) => ensurePending(ledger, dataset, object));
      }
      const text = files.get(ledgerKeys.head(dataset))?.content;
      const active = text === undefined ? undefined : headDocument.parse(JSON.parse(text)).active?.run;
      const waits = [...files.keys()].some((key) => key.startsWith(ledgerKeys.pendingPrefix(dataset)));
      if (active === undefined && !waits) continue;
      found = true;
      const marker = [...files.keys()].find((key) => {
        const parsed = parseMarkerKey(key);
        return parsed?.dataset === dataset && parsed.run === active;
      });
      if (marker !== undefined) {
        this.#invokeCrawler(marker, 2);
        continue;
      }
      if (active !== undefined && this.simulator.random.chance(0.5)) this.#timeOut(dataset);
      this.#advance("sweep", dataset);
    }
    return found;
  }

  #advance(who: string, dataset: string): void {
    this.#spawn(who, async (starter) => {
      await advance(starter, this.#plan, dataset);
    });
  }

  #withoutPending(dataset: string): ObjectDocument[] {
    const files = this.s3.current(TARGET);
    return [...files]
      .filter(([key]) => key.startsWith(ledgerKeys.objectsPrefix(dataset)))
      .map(([, { content }]) => objectDocument.parse(JSON.parse(content)))
      .filter(({ key, newest }) => {
        const pending = ledgerKeys.pending(dataset, pendingId(key, newest.version, newest.try));
        return newest.state === "pending" && !files.has(pending);
      });
  }
}

function jobOf(jobRun: JobRun): { dataset: string; run: string; attempt: number } {
  return {
    dataset: jobRun.Arguments[JOB_ARGUMENTS.dataset] ?? "",
    run: jobRun.Arguments[JOB_ARGUMENTS.run] ?? "",
    attempt: Number(jobRun.Arguments[JOB_ARGUMENTS.attempt]),
  };
}

function plan(maxFiles: number): unknown {
  const sql = { spark: "x", duckdb: "x" };
  const dataset = (name: string) => ({
    name,
    prefix: `${name}/`,
    table: name,
    source: { format: "json", layout: "lines", recordsPath: [] },
    columns: [{ name: "x", from: ["x"], type: "string", nullable: true, text: sql, typed: sql }],
    rejectLimit: 0.1,
    quietRejects: 0,
    rules: [],
    transform: sql,
    output: [{ name: "x", type: "string" }],
    partitionBy: [],
    limits: { maxFiles, maxBytes: 1_000_000 },
  });
  return planSchema.parse({
    version: 1,
    pipeline: "model",
    datasets: Object.fromEntries(DATASETS.map((name) => [name, dataset(name)])),
  });
}
