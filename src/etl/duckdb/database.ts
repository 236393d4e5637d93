import {
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBIntegerVector,
  DuckDBScalarFunction,
  INTEGER,
} from "@duckdb/node-api";

export interface DatabaseOptions {
  /** Bytes that DuckDB may use before it spills. */
  readonly memoryBytes: number;
  /** Where it spills to. */
  readonly temporaryDirectory: string;
  readonly threads?: number;
  /** Statements that the plan's expressions need: macros. */
  readonly setup?: readonly string[];
}

/** Rows and bad rows of each file of a scan, by the file's number; filled while the statement runs. */
export class Observation {
  readonly rows: Float64Array;
  readonly bad: Float64Array;

  constructor(files: number) {
    this.rows = new Float64Array(files);
    this.bad = new Float64Array(files);
  }
}

/** One DuckDB in this process, with what a scan needs around it. */
export interface Database {
  readonly connection: DuckDBConnection;
  /** An appender with a connection of its own: it must be able to write while `connection` streams. */
  appender(table: string): Promise<DuckDBAppender>;
  /** Runs a statement; its rows as arrays of JSON values (64-bit numbers and decimals as texts). */
  rows(sql: string): Promise<readonly (readonly unknown[])[]>;
  /**
   * Runs a statement that uses `observe`, and returns what was observed. One pass instead of two: a second scan, only
   * to count, is a fifth of a load.
   */
  observed(sql: string, files: number): Promise<{ rows: readonly (readonly unknown[])[]; counts: Observation }>;
  /** Runs `work` with rows in the order of their files, which costs memory and time: a load does without. */
  inOrder<T>(work: () => Promise<T>): Promise<T>;
  /** A name that nothing in this database has yet. */
  unique(prefix: string): string;
  close(): void;
}

const OBSERVER = "millrace_observe";

/** SQL that tells about a row of a file, and is whether it is bad. `bad` must not be NULL. */
export function observe(file: string, bad: string): string {
  return `${OBSERVER}(${file} * 2 + CAST((${bad}) AS INTEGER)) = 1`;
}

/** Extensions are never fetched: without a network DuckDB would wait for each, and with one it would run them. */
const SEALED = {
  autoinstall_known_extensions: "false",
  autoload_known_extensions: "false",
  allow_community_extensions: "false",
};

/**
 * Optimizers that a load cannot do with. A filter that moves below the projection that types would type every value
 * twice; a scan that becomes the build side of the join with the list of files would be held in memory whole.
 */
const UNWANTED_OPTIMIZERS = "filter_pushdown,join_order,build_side_probe_side";

export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const instance = await DuckDBInstance.create(":memory:", {
    ...SEALED,
    memory_limit: `${Math.floor(options.memoryBytes / 1024 / 1024)}MiB`,
    temp_directory: options.temporaryDirectory,
    ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
  });
  const connection = await instance.connect();
  const writer = await instance.connect();
  let counts = new Observation(0);
  let names = 0;
  connection.registerScalarFunction(observer(() => counts));
  await connection.run("SET preserve_insertion_order = false");
  // A partition whose file was closed for another's sake gets a second file: DuckDB's own 100 make many small ones.
  await connection.run("SET partitioned_write_max_open_files = 1000");
  await connection.run("SET TimeZone = 'UTC'");
  await connection.run(`SET disabled_optimizers = '${UNWANTED_OPTIMIZERS}'`);
  for (const statement of options.setup ?? []) await connection.run(statement);

  const rows = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJson();
  return {
    connection,
    rows,
    appender: (table) => writer.createAppender(table),
    async observed(sql, files) {
      counts = new Observation(files);
      return { rows: await rows(sql), counts };
    },
    async inOrder(work) {
      await connection.run("SET preserve_insertion_order = true");
      try {
        return await work();
      } finally {
        await connection.run("SET preserve_insertion_order = false");
      }
    },
    unique: (prefix) => `${prefix}_${names++}`,
    close() {
      writer.closeSync();
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/**
 * Called by DuckDB's threads, on this one, for each vector of at most 2,048 rows. One INTEGER in and one out: of all
 * types of vectors this binding reads and writes it fastest.
 */
function observer(counts: () => Observation): DuckDBScalarFunction {
  return DuckDBScalarFunction.create({
    name: OBSERVER,
    parameterTypes: [INTEGER],
    returnType: INTEGER,
    // Not a function of its arguments alone: DuckDB may neither fold it nor call it for a row twice.
    volatile: true,
    mainFunction(_info, chunk, output) {
      const { rows, bad } = counts();
      const codes = chunk.getColumnVector(0) as DuckDBIntegerVector;
      const result = output as DuckDBIntegerVector;
      const length = chunk.rowCount;
      for (let i = 0; i < length; i++) {
        const code = codes.getItem(i) ?? 0;
        const file = code >> 1;
        const flag = code & 1;
        rows[file] = (rows[file] ?? 0) + 1;
        bad[file] = (bad[file] ?? 0) + flag;
        result.setItem(i, flag);
      }
      result.flush();
    },
  });
}
