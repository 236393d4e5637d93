/**
 * Column types, in the spelling of the Glue catalog (Hive), and the one table of what each is physically.
 * Nothing else in the product may know that an `int` is an INTEGER in DuckDB or an INT32 in Parquet.
 */

export type ScalarKind = "string" | "boolean" | "int" | "bigint" | "double" | "date" | "timestamp";

export type StructField = { readonly name: string; readonly type: DataType };

/** One member per kind, so that a check of `kind` narrows. */
type ScalarType = { [K in ScalarKind]: { readonly kind: K } }[ScalarKind];

export type DataType =
  | ScalarType
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number }
  | { readonly kind: "array"; readonly element: DataType }
  | { readonly kind: "map"; readonly key: DataType; readonly value: DataType }
  | { readonly kind: "struct"; readonly fields: readonly StructField[] };

const SCALARS: readonly ScalarKind[] = ["string", "boolean", "int", "bigint", "double", "date", "timestamp"];

/** Every word that a type can begin with, for hints. */
export const TYPE_NAMES: readonly string[] = [...SCALARS, "decimal", "array", "map", "struct"];

/** Spellings that people bring from other systems, and ours. Used for hints only: the plan has one spelling. */
const OTHER_SPELLINGS: Readonly<Record<string, string>> = {
  integer: "int",
  int32: "int",
  smallint: "int",
  tinyint: "int",
  long: "bigint",
  int64: "bigint",
  number: "double",
  float: "double",
  real: "double",
  numeric: "decimal(p,s)",
  text: "string",
  varchar: "string",
  char: "string",
  str: "string",
  bool: "boolean",
  datetime: "timestamp",
  time: "string",
  list: "array<…>",
  object: "struct<…>",
  row: "struct<…>",
};

/** The text is not a type. `hint` says what to write instead, where that is known. */
export class TypeSyntaxError extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.name = "TypeSyntaxError";
    this.hint = hint;
  }
}

export function scalar(kind: ScalarKind): ScalarType {
  return { kind };
}

/** Reads a type such as `array<struct<id:bigint,at:timestamp>>`. Keeps the case of struct fields. */
export function parseType(text: string): DataType {
  const reader = new TypeReader(text);
  const type = reader.type();
  reader.end();
  return type;
}

/** Writes a type as the Glue catalog does: no blanks, lower-case keywords. */
export function printType(type: DataType): string {
  switch (type.kind) {
    case "decimal":
      return `decimal(${type.precision},${type.scale})`;
    case "array":
      return `array<${printType(type.element)}>`;
    case "map":
      return `map<${printType(type.key)},${printType(type.value)}>`;
    case "struct":
      return `struct<${type.fields.map((field) => `${field.name}:${printType(field.type)}`).join(",")}>`;
    default:
      return type.kind;
  }
}

export function sameType(a: DataType, b: DataType): boolean {
  return printType(a) === printType(b);
}

/** The catalog folds names to lower case, those of struct fields included. */
export function lowerCaseNames(type: DataType): DataType {
  switch (type.kind) {
    case "array":
      return { kind: "array", element: lowerCaseNames(type.element) };
    case "map":
      return { kind: "map", key: lowerCaseNames(type.key), value: lowerCaseNames(type.value) };
    case "struct":
      return {
        kind: "struct",
        fields: type.fields.map((field) => ({ name: field.name.toLowerCase(), type: lowerCaseNames(field.type) })),
      };
    default:
      return type;
  }
}

/** Types that hold other types. */
export type NestedType = Extract<DataType, { kind: "array" | "map" | "struct" }>;

export function isNested(type: DataType): type is NestedType {
  return type.kind === "array" || type.kind === "map" || type.kind === "struct";
}

/** What a scalar is in Parquet: its physical type and its logical annotation (null: none). */
export type ParquetType = { readonly physical: string; readonly logical: string | null };

export type PhysicalType = {
  /** Spark DDL, as in `CAST(x AS …)` and in schemas. */
  readonly spark: string;
  /** DuckDB, as in `CAST(x AS …)`. Timestamps are naive there and mean UTC. */
  readonly duckdb: string;
  /** Trino, as Athena's DML and result metadata name it. */
  readonly trino: string;
  /** Null for array, map and struct: their leaves have one each. */
  readonly parquet: ParquetType | null;
};

const SCALAR_TYPES: Readonly<Record<ScalarKind, PhysicalType>> = {
  string: {
    spark: "STRING",
    duckdb: "VARCHAR",
    trino: "varchar",
    parquet: { physical: "BYTE_ARRAY", logical: "STRING" },
  },
  boolean: { spark: "BOOLEAN", duckdb: "BOOLEAN", trino: "boolean", parquet: { physical: "BOOLEAN", logical: null } },
  int: { spark: "INT", duckdb: "INTEGER", trino: "integer", parquet: { physical: "INT32", logical: null } },
  bigint: { spark: "BIGINT", duckdb: "BIGINT", trino: "bigint", parquet: { physical: "INT64", logical: null } },
  double: { spark: "DOUBLE", duckdb: "DOUBLE", trino: "double", parquet: { physical: "DOUBLE", logical: null } },
  date: { spark: "DATE", duckdb: "DATE", trino: "date", parquet: { physical: "INT32", logical: "DATE" } },
  timestamp: {
    spark: "TIMESTAMP",
    duckdb: "TIMESTAMP",
    trino: "timestamp(3)",
    parquet: { physical: "INT64", logical: "TIMESTAMP_MICROS" },
  },
};

/** The table of physical types. */
export function physicalType(type: DataType): PhysicalType {
  switch (type.kind) {
    case "decimal": {
      const name = `DECIMAL(${type.precision},${type.scale})`;
      return {
        spark: name,
        duckdb: name,
        trino: name.toLowerCase(),
        parquet: { physical: decimalStorage(type.precision), logical: name },
      };
    }
    case "array": {
      const element = physicalType(type.element);
      return {
        spark: `ARRAY<${element.spark}>`,
        duckdb: `${element.duckdb}[]`,
        trino: `array(${element.trino})`,
        parquet: null,
      };
    }
    case "map": {
      const key = physicalType(type.key);
      const value = physicalType(type.value);
      return {
        spark: `MAP<${key.spark}, ${value.spark}>`,
        duckdb: `MAP(${key.duckdb}, ${value.duckdb})`,
        trino: `map(${key.trino}, ${value.trino})`,
        parquet: null,
      };
    }
    case "struct": {
      const fields = type.fields.map((field) => ({ name: field.name, type: physicalType(field.type) }));
      return {
        spark: `STRUCT<${fields.map((field) => `\`${field.name}\`: ${field.type.spark}`).join(", ")}>`,
        duckdb: `STRUCT(${fields.map((field) => `"${field.name}" ${field.type.duckdb}`).join(", ")})`,
        trino: `row(${fields.map((field) => `${field.name} ${field.type.trino}`).join(", ")})`,
        parquet: null,
      };
    }
    default:
      return SCALAR_TYPES[type.kind];
  }
}

/** Readers take any of the three; this is what Spark writes for a precision (its legacy format is off). */
function decimalStorage(precision: number): string {
  if (precision <= 9) return "INT32";
  if (precision <= 18) return "INT64";
  return "FIXED_LEN_BYTE_ARRAY";
}

class TypeReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  type(): DataType {
    const start = this.#at;
    const word = this.#word();
    const kind = word.toLowerCase();
    const simple = SCALARS.find((name) => name === kind);
    if (simple !== undefined) return scalar(simple);
    switch (kind) {
      case "decimal":
        return this.#decimal();
      case "array": {
        this.#expect("<");
        const element = this.type();
        this.#expect(">");
        return { kind, element };
      }
      case "map": {
        this.#expect("<");
        const key = this.type();
        if (isNested(key)) throw new TypeSyntaxError("the key of a map is a scalar type");
        this.#expect(",");
        const value = this.type();
        this.#expect(">");
        return { kind, key, value };
      }
      case "struct":
        return this.#struct();
      default: {
        const ours = OTHER_SPELLINGS[kind];
        if (word === "")
          throw new TypeSyntaxError(`a type is missing in "${this.#text}" after "${this.#text.slice(0, start)}"`);
        throw new TypeSyntaxError(`"${word}" is not a type`, ours === undefined ? undefined : `write "${ours}"`);
      }
    }
  }

  end(): void {
    this.#blanks();
    if (this.#at < this.#text.length) {
      throw new TypeSyntaxError(`unexpected "${this.#text.slice(this.#at)}" after the type in "${this.#text}"`);
    }
  }

  #decimal(): DataType {
    this.#blanks();
    if (this.#text[this.#at] !== "(") {
      throw new TypeSyntaxError("a decimal needs its precision and scale", 'write "decimal(10,2)"');
    }
    this.#at += 1;
    const precision = this.#number();
    this.#expect(",");
    const scale = this.#number();
    this.#expect(")");
    if (precision < 1 || precision > 38) throw new TypeSyntaxError("the precision of a decimal is 1 to 38");
    if (scale > precision) throw new TypeSyntaxError("the scale of a decimal is at most its precision");
    return { kind: "decimal", precision, scale };
  }

  #struct(): DataType {
    this.#expect("<");
    const fields: StructField[] = [];
    const seen = new Set<string>();
    do {
      const name = this.#word();
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
        throw new TypeSyntaxError(`"${name}" is no name for a field of a struct`, "use letters, digits and _");
      }
      if (seen.has(name.toLowerCase())) throw new TypeSyntaxError(`the struct has two fields named "${name}"`);
      seen.add(name.toLowerCase());
      this.#expect(":");
      fields.push({ name, type: this.type() });
    } while (this.#take(","));
    this.#expect(">");
    return { kind: "struct", fields };
  }

  #word(): string {
    this.#blanks();
    const word = /^\w*/.exec(this.#text.slice(this.#at))?.[0] ?? "";
    this.#at += word.length;
    return word;
  }

  #number(): number {
    const word = this.#word();
    if (!/^\d{1,3}$/.test(word)) throw new TypeSyntaxError(`expected a number in "${this.#text}", found "${word}"`);
    return Number(word);
  }

  #take(symbol: string): boolean {
    this.#blanks();
    if (this.#text[this.#at] !== symbol) return false;
    this.#at += 1;
    return true;
  }

  #expect(symbol: string): void {
    if (!this.#take(symbol)) {
      const found = this.#text.slice(this.#at, this.#at + 10);
      throw new TypeSyntaxError(
        `expected "${symbol}" in "${this.#text}", found ${found === "" ? "its end" : `"${found}"`}`,
      );
    }
  }

  #blanks(): void {
    while (this.#text[this.#at] === " ") this.#at += 1;
  }
}
