import {
  array,
  BIGINT,
  BOOLEAN,
  DATE,
  DOUBLE,
  INTEGER,
  map,
  REAL,
  TIMESTAMP,
  VARBINARY,
  VARCHAR,
  decimal,
} from "./types.ts";
import type { Field, Type } from "./types.ts";

/**
 * A column type of the catalog (Hive's: `struct<a:int,b:array<string>>`) as the Trino type that Athena reads it as.
 * Undefined for what Athena cannot read (`uniontype<…>`, a misspelt name).
 * https://docs.aws.amazon.com/athena/latest/ug/data-types.html
 */
export function parseHiveType(text: string): Type | undefined {
  const reader = new HiveTypeReader(text.trim());
  const type = reader.type();
  return type && reader.atEnd() ? type : undefined;
}

const SIMPLE: Readonly<Record<string, Type>> = {
  boolean: BOOLEAN,
  tinyint: { kind: "tinyint" },
  smallint: { kind: "smallint" },
  int: INTEGER,
  integer: INTEGER,
  bigint: BIGINT,
  float: REAL,
  real: REAL,
  double: DOUBLE,
  string: VARCHAR,
  varchar: VARCHAR,
  binary: VARBINARY,
  date: DATE,
  timestamp: TIMESTAMP,
  decimal: decimal(10, 0),
};

class HiveTypeReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    return this.#at === this.#text.length;
  }

  type(): Type | undefined {
    const name = this.#match(/\s*([a-z]+)\s*/iuy)?.toLowerCase();
    if (!name) return undefined;
    switch (name) {
      case "array": {
        const [element] = this.#angled(() => this.type()) ?? [];
        return element && array(element);
      }
      case "map": {
        const [key, value] = this.#angled(() => this.type()) ?? [];
        return key && value && map(key, value);
      }
      case "struct": {
        const fields = this.#angled(() => this.#field());
        return fields && { kind: "row", fields };
      }
      case "decimal": {
        const digits = this.#match(/\(\s*(\d+\s*(?:,\s*\d+)?)\s*\)/uy);
        const [precision = 10, scale = 0] = digits?.split(",").map(Number) ?? [];
        return precision <= 38 && scale <= precision ? decimal(precision, scale) : undefined;
      }
      case "varchar":
      case "char": {
        const length = this.#match(/\(\s*(\d+)\s*\)/uy);
        if (length === undefined) return name === "varchar" ? VARCHAR : undefined;
        return { kind: name, length: Number(length) };
      }
      default:
        return SIMPLE[name];
    }
  }

  #field(): Field | undefined {
    const name = this.#match(/\s*(?:`([^`]*)`|([^:<>,`]+))\s*:/uy);
    const type = name === undefined ? undefined : this.type();
    return type && { name: name?.trim().toLowerCase(), type };
  }

  /** `<item,item,…>`; undefined when an item is. */
  #angled<T>(item: () => T | undefined): T[] | undefined {
    if (this.#match(/\s*(<)/uy) === undefined) return undefined;
    const items: T[] = [];
    do {
      const next = item();
      if (next === undefined) return undefined;
      items.push(next);
    } while (this.#match(/\s*(,)/uy) !== undefined);
    return this.#match(/\s*(>)\s*/uy) === undefined ? undefined : items;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (!match) return undefined;
    this.#at = pattern.lastIndex;
    return match.slice(1).find((group) => group !== undefined);
  }
}
