import type { Name } from "./ast.ts";
import type { Type } from "./types.ts";

/** What a table name of a query stands for. */
export type TableEntry =
  | {
      readonly kind: "table";
      /** `[catalog, database, table]` */
      readonly name: readonly [string, string, string];
      readonly columns: readonly TableColumn[];
    }
  | {
      readonly kind: "view";
      readonly name: readonly [string, string, string];
      /** The view's query, and the database that its names without one belong to. */
      readonly sql: string;
      readonly database: string;
      readonly columns: readonly TableColumn[];
    }
  /** Rows known already, such as those of `information_schema`. */
  | {
      readonly kind: "rows";
      readonly name: readonly [string, string, string];
      readonly columns: readonly TableColumn[];
      readonly rows: readonly (readonly (string | number | null)[])[];
    };

export interface TableColumn {
  readonly name: string;
  readonly type: Type;
  readonly partitionKey?: boolean;
  /** `"$path"` and its like: there when it is asked for by name. */
  readonly hidden?: boolean;
}

/** Finds tables. `undefined`: nobody has looked yet; `null`: there is no such table. */
export type Lookup = (name: readonly Name[], database: string | undefined) => TableEntry | null | undefined;

/** A translation needs a table that nobody has looked up yet. Look it up and translate again. */
export class TableNeeded extends Error {
  readonly table: readonly Name[];
  readonly database: string | undefined;

  constructor(table: readonly Name[], database: string | undefined) {
    super(`The table ${table.map((part) => part.text).join(".")} is needed.`);
    this.table = table;
    this.database = database;
  }
}
