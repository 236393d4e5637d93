import { DuckDBBlobValue, DuckDBInstance } from "@duckdb/node-api";
import type { DuckDBConnection, DuckDBResult, DuckDBValue } from "@duckdb/node-api";
import type { ChildOptions, Parameter, Request, Response, WireError } from "./protocol.ts";
import { plainValue, printInstantsInUtc } from "./values.ts";

/** What a child can do besides SQL, by name; see `DuckDbProcess.invoke`. */
export type Extras = Readonly<Record<string, (input: never) => unknown>>;

/** Extensions are never fetched: without a network DuckDB would wait for each of them, and with one it would run them. */
const SEALED = {
  autoinstall_known_extensions: "false",
  autoload_known_extensions: "false",
  allow_community_extensions: "false",
};

interface Statement {
  connection: DuckDBConnection;
  /** Chunks the reader asked for and did not get yet. */
  credit: number;
  /** The reader has left; what comes of the statement interests nobody. */
  cancelled: boolean;
  interrupted: boolean;
  wake: () => void;
}

/** Serves DuckDB to the parent over IPC, until the parent goes away. The main function of a child process. */
export async function serveDuckDb(extras: Extras = {}): Promise<void> {
  // SIGKILL rather than exit(): running queries must not be torn down in order while their threads work.
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  // Ctrl-C reaches the whole process group; when to end is the parent's decision.
  process.on("SIGINT", () => {});
  const connections = new Map<number, DuckDBConnection>();
  const statements = new Map<number, Statement>();

  let instance: DuckDBInstance;
  try {
    const options = JSON.parse(process.argv.at(-1) ?? "{}") as ChildOptions;
    printInstantsInUtc();
    instance = await DuckDBInstance.create(":memory:", { ...options.configuration, ...SEALED });
    const connection = await instance.connect();
    for (const sql of options.setup) await connection.run(sql);
    connection.closeSync();
  } catch (error) {
    await send({ kind: "failed", error: wireError(error) });
    process.exit(1);
  }
  process.on("message", (request: Request) => {
    handle(request).catch((error: unknown) => send({ id: request.id, kind: "error", error: wireError(error) }));
  });
  await send({ kind: "ready" });

  async function handle(request: Request): Promise<void> {
    switch (request.kind) {
      case "connect":
        connections.set(request.connection, await instance.connect());
        return done(request.id);
      case "disconnect":
        connections.get(request.connection)?.closeSync();
        connections.delete(request.connection);
        return done(request.id);
      case "execute":
        return execute(request.id, find(request.connection), request.sql, request.parameters);
      case "interrupt":
        await interruptAll((statement) => statement.connection === connections.get(request.connection));
        return done(request.id);
      case "more": {
        const statement = statements.get(request.id);
        if (statement) statement.credit += request.chunks;
        return statement?.wake();
      }
      case "cancel": {
        const statement = statements.get(request.id);
        if (!statement) return;
        statement.cancelled = true;
        statement.wake();
        return interruptAll((other) => other === statement);
      }
      case "invoke": {
        const extra = extras[request.name];
        if (!extra) throw new Error(`This DuckDB process cannot "${request.name}".`);
        return done(request.id, await extra(request.input as never));
      }
    }
  }

  function find(id: number): DuckDBConnection {
    const connection = connections.get(id);
    if (!connection) throw new Error("The connection is closed.");
    return connection;
  }

  /** Until they have ended: an interrupt that comes before DuckDB has begun with a statement is lost. */
  async function interruptAll(which: (statement: Statement) => boolean): Promise<void> {
    const running = () => [...statements.values()].filter(which);
    for (let left = running(); left.length > 0; left = running()) {
      for (const statement of left) {
        statement.interrupted = true;
        statement.connection.interrupt();
        statement.wake();
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async function execute(
    id: number,
    connection: DuckDBConnection,
    sql: string,
    parameters: readonly Parameter[],
  ): Promise<void> {
    const statement: Statement = { connection, credit: 0, cancelled: false, interrupted: false, wake: () => {} };
    statements.set(id, statement);
    try {
      const result = await connection.stream(sql, parameters.length > 0 ? parameters.map(bindable) : undefined);
      await send({ id, kind: "columns", columns: columnsOf(result) });
      while (!statement.cancelled) {
        if (statement.interrupted) throw new Error("INTERRUPT Error: Interrupted!");
        if (statement.credit === 0) {
          await new Promise<void>((resolve) => (statement.wake = resolve));
          continue;
        }
        const chunk = await result.fetchChunk();
        if (!chunk || chunk.rowCount === 0) break;
        statement.credit--;
        await send({ id, kind: "rows", rows: chunk.getRows().map((row) => row.map(plainValue)) });
      }
    } finally {
      statements.delete(id);
    }
    return done(id);
  }

  function done(id: number, value?: unknown): Promise<void> {
    return send({ id, kind: "done", value });
  }
}

function columnsOf(result: DuckDBResult) {
  const types = result.columnTypes();
  return result.columnNames().map((name, index) => ({ name, type: types[index]?.alias ?? String(types[index]) }));
}

function bindable(parameter: Parameter): DuckDBValue {
  return parameter instanceof Uint8Array ? new DuckDBBlobValue(parameter) : parameter;
}

function wireError(error: unknown): WireError {
  if (!(error instanceof Error)) return { message: String(error), details: {} };
  return { message: error.message, details: Object.fromEntries(Object.entries(error)) };
}

/** Resolves once the message is on its way, so that a fast query does not pile up messages for a slow reader. */
function send(response: Response): Promise<void> {
  return new Promise((resolve) => {
    if (!process.connected) return resolve();
    process.send?.(response, undefined, undefined, () => resolve());
  });
}
