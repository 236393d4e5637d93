import { Cursor } from "./cursor.ts";

/** What kind of statement it is, before anything of it is understood: Athena tells these apart by the first words. */
export interface StatementKind {
  /** As GetQueryExecution says it. */
  readonly type: "DML" | "DDL" | "UTILITY";
  readonly subtype: string;
  /** A query, whose result is a table. */
  readonly isQuery: boolean;
}

const UTILITIES: Readonly<Record<string, string>> = {
  DESCRIBE: "DESCRIBE",
  DESC: "DESCRIBE",
  SHOW: "SHOW",
  EXPLAIN: "EXPLAIN",
};
const DML = ["INSERT", "UPDATE", "DELETE", "MERGE", "UNLOAD", "OPTIMIZE", "VACUUM", "PREPARE", "EXECUTE", "DEALLOCATE"];

/** Never fails: what nobody knows is taken for DDL, whose parser then says what is wrong with it. */
export function classify(sql: string): StatementKind {
  let words: string[];
  try {
    const cursor = new Cursor(sql, "hive");
    let skipped = 0;
    while (cursor.atSymbol("(", skipped)) skipped++;
    words = [0, 1, 2, 3].map((at) => cursor.peek(skipped + at).upper);
    if (["SELECT", "WITH", "VALUES", "TABLE"].includes(words[0] ?? ""))
      return { type: "DML", subtype: "SELECT", isQuery: true };
    if (words[0] === "CREATE" && words[1] === "TABLE" && createsAsSelect(cursor)) {
      return { type: "DML", subtype: "CREATE_TABLE_AS_SELECT", isQuery: false };
    }
  } catch {
    words = [/^\s*(\w+)/u.exec(sql)?.[1]?.toUpperCase() ?? ""];
    if (["SELECT", "WITH", "VALUES"].includes(words[0] ?? "")) return { type: "DML", subtype: "SELECT", isQuery: true };
  }
  const [first = "", second = "", third = "", fourth = ""] = words;
  if (DML.includes(first)) return { type: "DML", subtype: first, isQuery: false };
  if (first === "SHOW") {
    const what = second === "CREATE" ? `CREATE_${third}` : second;
    return { type: "UTILITY", subtype: `SHOW_${what}`, isQuery: false };
  }
  const utility = UTILITIES[first];
  if (utility) return { type: "UTILITY", subtype: utility, isQuery: false };
  if (first === "MSCK") return { type: "DDL", subtype: "MSCK_REPAIR_TABLE", isQuery: false };
  const object =
    [second, third, fourth].find((word) => ["TABLE", "VIEW", "DATABASE", "SCHEMA"].includes(word)) ?? second;
  return { type: "DDL", subtype: `${first}_${object}`.replace("SCHEMA", "DATABASE"), isQuery: false };
}

function createsAsSelect(cursor: Cursor): boolean {
  for (let at = 0; cursor.peek(at).kind !== "end"; at++) {
    if (cursor.peek(at).upper !== "AS" || cursor.peek(at).kind !== "word") continue;
    let next = at + 1;
    while (cursor.atSymbol("(", next)) next++;
    if (["SELECT", "WITH", "VALUES", "TABLE"].includes(cursor.peek(next).upper)) return true;
  }
  return false;
}
