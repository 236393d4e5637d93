import type { DatabaseSync, SQLOutputValue } from "node:sqlite";

export interface JobDefinition {
  readonly name: string;
  readonly roleArn: string;
  /** As the template or CreateJob gave it: a name or an ARN. */
  readonly role: string;
  readonly description: string | undefined;
  readonly scriptLocation: string;
  readonly pythonVersion: string;
  readonly glueVersion: string;
  readonly workerType: string;
  readonly numberOfWorkers: number;
  readonly timeoutMinutes: number;
  readonly maxRetries: number;
  readonly maxConcurrentRuns: number;
  readonly queuing: boolean;
  readonly executionClass: "STANDARD" | "FLEX";
  readonly defaultArguments: Readonly<Record<string, string>>;
  readonly nonOverridableArguments: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

export interface StoredJob extends JobDefinition {
  readonly createdOn: number;
  readonly lastModifiedOn: number;
}

export type RunState = "STARTING" | "RUNNING" | "STOPPING" | "STOPPED" | "SUCCEEDED" | "FAILED" | "TIMEOUT" | "WAITING";

/** Occupy one of the job's places. */
export const ACTIVE: readonly RunState[] = ["STARTING", "RUNNING", "STOPPING"];

export const TERMINAL: readonly RunState[] = ["STOPPED", "SUCCEEDED", "FAILED", "TIMEOUT"];

export interface JobRun {
  readonly id: string;
  readonly jobName: string;
  readonly state: RunState;
  readonly attempt: number;
  readonly previousRunId: string | undefined;
  /** As StartJobRun gave them. */
  readonly arguments: Readonly<Record<string, string>>;
  readonly timeoutMinutes: number;
  readonly workerType: string;
  readonly numberOfWorkers: number;
  readonly glueVersion: string;
  readonly queuing: boolean;
  readonly executionClass: "STANDARD" | "FLEX";
  readonly errorMessage: string | undefined;
  readonly stateDetail: string | undefined;
  readonly startedOn: number;
  readonly lastModifiedOn: number;
  readonly runningSince: number | undefined;
  readonly completedOn: number | undefined;
}

/** Jobs and their runs. */
export class JobStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    database.exec(`
      CREATE TABLE IF NOT EXISTS jobs (name TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS runs (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, job TEXT NOT NULL, state TEXT NOT NULL,
        document TEXT NOT NULL) STRICT;
      CREATE INDEX IF NOT EXISTS runs_by_job ON runs (job, sequence);
      CREATE INDEX IF NOT EXISTS runs_by_state ON runs (state)`);
  }

  job(name: string): StoredJob | undefined {
    const row = this.#database.prepare("SELECT document FROM jobs WHERE name = ?").get(name);
    return row && (document(row) as StoredJob);
  }

  /** Up to `limit` jobs in the order of their names, after `after`. */
  jobs(after: string, limit: number): StoredJob[] {
    return this.#database
      .prepare("SELECT document FROM jobs WHERE name > ? ORDER BY name LIMIT ?")
      .all(after, limit)
      .map((row) => document(row) as StoredJob);
  }

  putJob(job: StoredJob): StoredJob {
    this.#database
      .prepare("INSERT INTO jobs VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET document = excluded.document")
      .run(job.name, JSON.stringify(job));
    return job;
  }

  /** Deletes a job and its runs. */
  deleteJob(name: string): void {
    this.#database.prepare("DELETE FROM jobs WHERE name = ?").run(name);
    this.#database.prepare("DELETE FROM runs WHERE job = ?").run(name);
  }

  run(id: string): JobRun | undefined {
    const row = this.#database.prepare("SELECT document FROM runs WHERE id = ?").get(id);
    return row && (document(row) as JobRun);
  }

  putRun(run: JobRun): JobRun {
    this.#database
      .prepare(
        `INSERT INTO runs (id, job, state, document) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, document = excluded.document`,
      )
      .run(run.id, run.jobName, run.state, JSON.stringify(run));
    return run;
  }

  /** Up to `limit` runs of a job, the newest first, that came before the run number `before`. */
  runs(jobName: string, before: number, limit: number): { sequence: number; run: JobRun }[] {
    return this.#database
      .prepare("SELECT sequence, document FROM runs WHERE job = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?")
      .all(jobName, before, limit)
      .map((row) => ({ sequence: Number(row["sequence"]), run: document(row) as JobRun }));
  }

  /** Runs in any of these states, of one job or of all, the oldest first. */
  inState(states: readonly RunState[], jobName?: string): JobRun[] {
    const marks = states.map(() => "?").join(", ");
    return this.#database
      .prepare(`SELECT document FROM runs WHERE state IN (${marks}) AND (? IS NULL OR job = ?) ORDER BY sequence`)
      .all(...states, jobName ?? null, jobName ?? null)
      .map((row) => document(row) as JobRun);
  }
}

function document(row: Record<string, SQLOutputValue>): unknown {
  return JSON.parse(String(row["document"]));
}
