import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ChildOptions, Column, Parameter, Request, Response, WireError } from "./protocol.ts";

export type { Column, Parameter } from "./protocol.ts";

export interface DuckDbOptions {
  /** As DuckDB writes it: `512MB`. Default: DuckDB's own, 80 % of the machine's memory. */
  memoryLimit?: string;
  /** Default: one per core. */
  threads?: number;
  /** Where queries spill to. Without it nothing spills: DuckDB's own default is a directory in the current one. */
  tempDirectory?: string;
  /**
   * The only directories that SQL may read or write; also locks the configuration, so that SQL cannot lift it.
   * Without it every path is open.
   */
  allowedDirectories?: readonly string[];
  /** Statements run once after the start, before the sandbox is closed: macros, settings. */
  setup?: readonly string[];
  /** The child's main module, which calls `serveDuckDb`. Default: plain DuckDB. */
  module?: URL;
}

export interface QueryOptions {
  /** Interrupts the query; it then rejects with the signal's reason. */
  signal?: AbortSignal;
}

export interface QueryResult {
  columns: Column[];
  /** Values as `values.ts` documents. */
  rows: unknown[][];
}

/** An error that DuckDB (or the child) reported: its own text, and any details beside it. */
export class DuckDbError extends Error {
  readonly details: Readonly<Record<string, unknown>>;

  constructor(error: WireError) {
    super(error.message);
    this.name = "DuckDbError";
    this.details = error.details;
  }
}

/** The child process is gone. `cause` of everything that was pending. */
export class DuckDbExit extends Error {
  override readonly name = "DuckDbExit";
}

interface Pending {
  receive(response: Response): void;
  fail(error: Error): void;
}

/** Chunks (2,048 rows) that may be under way to a reader. */
const READ_AHEAD = 4;

/** In `dist`, the build puts this entry point beside the bundle. */
const CHILD = new URL(import.meta.url.endsWith(".ts") ? "./child.ts" : "./child.js", import.meta.url);

/**
 * One in-memory DuckDB in a process of its own: a query that crashes or runs out of memory takes nothing else with it
 * (and terminating a thread in the middle of a query would abort the whole process).
 *
 * Tables, views and macros are shared by all connections; temporary ones and a transaction belong to their connection.
 * Queries of the process itself each take a free connection, so they run side by side.
 */
export class DuckDbProcess {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #idle: DuckDbConnection[] = [];
  readonly #busy = new Set<DuckDbConnection>();
  readonly #exited: Promise<void>;
  #lastId = 0;
  #exit: DuckDbExit | undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", (response: Response) => {
      if ("id" in response) this.#pending.get(response.id)?.receive(response);
    });
    this.#exited = new Promise((resolve) => {
      child.once("exit", (code, signal) => {
        this.#gone(signal ? `was killed by ${signal}` : `ended with code ${code}`);
        resolve();
      });
    });
  }

  /** Starts the child and waits until it answers. Rejects when the options or `setup` are refused. */
  static async start(options: DuckDbOptions = {}): Promise<DuckDbProcess> {
    const childOptions: ChildOptions = {
      configuration: {
        ...(options.memoryLimit === undefined ? {} : { memory_limit: options.memoryLimit }),
        ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
        temp_directory: options.tempDirectory ?? "",
      },
      setup: ["SET TimeZone = 'UTC'", ...(options.setup ?? []), ...sandbox(options.allowedDirectories)],
    };
    const child = fork(fileURLToPath(options.module ?? CHILD), [JSON.stringify(childOptions)], {
      execPath: process.execPath,
      execArgv: [],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => {
        reject(new DuckDbExit(`The DuckDB process ended before it was ready (${signal ?? `code ${code}`}).`));
      });
      child.once("message", (response: Response) => {
        if (response.kind === "failed") reject(new DuckDbError(response.error));
        else resolve();
      });
    });
    return new DuckDbProcess(child);
  }

  /** The child's process id. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Settles when the child has ended, for whatever reason. */
  get exited(): Promise<void> {
    return this.#exited;
  }

  /** A connection of its own, for temporary tables and transactions. Close it. */
  async connect(): Promise<DuckDbConnection> {
    const connection = new DuckDbConnection(this.#transport, ++this.#lastId);
    await connection.open();
    return connection;
  }

  /** Runs `sql` (several statements: the last one's result) and collects its rows. */
  query(sql: string, parameters: readonly Parameter[] = [], options: QueryOptions = {}): Promise<QueryResult> {
    return this.#borrow((connection) => connection.query(sql, parameters, options));
  }

  /** Runs `sql` for its effect. */
  async run(sql: string, options: QueryOptions = {}): Promise<void> {
    await this.query(sql, [], options);
  }

  /** The result's chunks of rows as they come; the query waits for a slow reader. Leaving the loop interrupts it. */
  async *stream(
    sql: string,
    parameters: readonly Parameter[] = [],
    options: QueryOptions & { onColumns?: (columns: Column[]) => void } = {},
  ): AsyncGenerator<unknown[][], void, undefined> {
    const connection = await this.#take();
    try {
      yield* connection.stream(sql, parameters, options);
    } finally {
      this.#release(connection);
    }
  }

  /** Calls one of the `extras` that the child's module serves. */
  async invoke(name: string, input: unknown): Promise<unknown> {
    return this.#transport.ask({ id: 0, kind: "invoke", name, input });
  }

  /** Interrupts every query of the process itself that is running; each rejects with DuckDB's "INTERRUPT Error". */
  async interrupt(): Promise<void> {
    await Promise.all([...this.#busy].map((connection) => connection.interrupt()));
  }

  /** Ends the child at once, running queries included; they reject. */
  async close(): Promise<void> {
    this.#gone("was closed");
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  async #borrow<T>(work: (connection: DuckDbConnection) => Promise<T>): Promise<T> {
    const connection = await this.#take();
    try {
      return await work(connection);
    } finally {
      this.#release(connection);
    }
  }

  async #take(): Promise<DuckDbConnection> {
    const connection = this.#idle.pop() ?? (await this.connect());
    this.#busy.add(connection);
    return connection;
  }

  #release(connection: DuckDbConnection): void {
    this.#busy.delete(connection);
    this.#idle.push(connection);
  }

  #gone(how: string): void {
    if (this.#exit) return;
    this.#exit = new DuckDbExit(`The DuckDB process ${how}.`);
    for (const pending of this.#pending.values()) pending.fail(this.#exit);
    this.#pending.clear();
  }

  readonly #transport: Transport = {
    nextId: () => ++this.#lastId,
    post: (request) => {
      if (this.#exit) throw this.#exit;
      this.#child.send(request, (error) => {
        // The exit handler, which comes after, tells everyone who waits; there is nobody else to tell.
        if (error) this.#gone(`cannot be reached (${error.message})`);
      });
    },
    listen: (id, pending) => this.#pending.set(id, pending),
    forget: (id) => this.#pending.delete(id),
    ask: (request) =>
      new Promise((resolve, reject) => {
        const id = ++this.#lastId;
        const settle = (finish: () => void) => {
          this.#pending.delete(id);
          finish();
        };
        this.#pending.set(id, {
          receive: (response) => {
            if (response.kind === "done") settle(() => resolve(response.value));
            if (response.kind === "error") settle(() => reject(new DuckDbError(response.error)));
          },
          fail: (error) => settle(() => reject(error)),
        });
        try {
          this.#transport.post({ ...request, id });
        } catch (error) {
          settle(() => reject(error));
        }
      }),
  };
}

interface Transport {
  nextId(): number;
  post(request: Request): void;
  listen(id: number, pending: Pending): void;
  forget(id: number): void;
  ask(request: Request): Promise<unknown>;
}

/** One connection of a `DuckDbProcess`. Its statements run one after the other. */
export class DuckDbConnection {
  readonly #transport: Transport;
  readonly #id: number;

  constructor(transport: Transport, id: number) {
    this.#transport = transport;
    this.#id = id;
  }

  async open(): Promise<void> {
    await this.#transport.ask({ id: 0, kind: "connect", connection: this.#id });
  }

  async query(sql: string, parameters: readonly Parameter[] = [], options: QueryOptions = {}): Promise<QueryResult> {
    const result: QueryResult = { columns: [], rows: [] };
    const onColumns = (columns: Column[]) => (result.columns = columns);
    for await (const rows of this.stream(sql, parameters, { ...options, onColumns })) {
      for (const row of rows) result.rows.push(row);
    }
    return result;
  }

  async run(sql: string, options: QueryOptions = {}): Promise<void> {
    await this.query(sql, [], options);
  }

  async *stream(
    sql: string,
    parameters: readonly Parameter[] = [],
    options: QueryOptions & { onColumns?: (columns: Column[]) => void } = {},
  ): AsyncGenerator<unknown[][], void, undefined> {
    const { signal, onColumns } = options;
    signal?.throwIfAborted();
    const id = this.#transport.nextId();
    const queue: unknown[][][] = [];
    let finished = false;
    let failure: Error | undefined;
    let wake = () => {};
    let released = () => {};
    const finish = (error?: Error) => {
      finished = true;
      failure = error;
      this.#transport.forget(id);
      wake();
      released();
    };
    this.#transport.listen(id, {
      receive: (response) => {
        if (response.kind === "columns") onColumns?.(response.columns);
        else if (response.kind === "rows") queue.push(response.rows);
        else if (response.kind === "done") finish();
        else if (response.kind === "error") finish(new DuckDbError(response.error));
        wake();
      },
      fail: finish,
    });
    const cancel = () => {
      if (!finished) this.#transport.post({ id, kind: "cancel" });
    };
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      this.#transport.post({ id, kind: "execute", connection: this.#id, sql, parameters });
      this.#transport.post({ id, kind: "more", chunks: READ_AHEAD });
      for (;;) {
        const rows = queue.shift();
        if (rows) {
          if (!finished) this.#transport.post({ id, kind: "more", chunks: 1 });
          yield rows;
        } else if (finished) {
          signal?.throwIfAborted();
          if (failure) throw failure;
          return;
        } else {
          await new Promise<void>((resolve) => (wake = resolve));
        }
      }
    } finally {
      signal?.removeEventListener("abort", cancel);
      cancel();
      // The connection is free again only when the child has let go of the statement.
      if (!finished) await new Promise<void>((resolve) => (released = resolve));
    }
  }

  /** Interrupts what is running on this connection; it rejects with DuckDB's "INTERRUPT Error". */
  async interrupt(): Promise<void> {
    await this.#transport.ask({ id: 0, kind: "interrupt", connection: this.#id });
  }

  async close(): Promise<void> {
    await this.#transport.ask({ id: 0, kind: "disconnect", connection: this.#id });
  }
}

function sandbox(directories: readonly string[] | undefined): string[] {
  if (!directories) return [];
  const list = directories.map((directory) => `'${directory.replaceAll("'", "''")}'`).join(", ");
  return [`SET allowed_directories = [${list}]`, "SET enable_external_access = false", "SET lock_configuration = true"];
}
