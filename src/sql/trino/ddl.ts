import { Cursor } from "./cursor.ts";
import { notSupported } from "./errors.ts";

/** Athena's DDL and utility statements, which are Hive's, parsed. Names are in lower case. */
export type DdlStatement =
  | {
      kind: "createDatabase";
      name: string;
      ifNotExists: boolean;
      comment?: string;
      location?: string;
      properties: Properties;
    }
  | { kind: "dropDatabase"; name: string; ifExists: boolean; cascade: boolean }
  | { kind: "createTable"; table: TableName; ifNotExists: boolean; definition: TableDefinition }
  | { kind: "createView"; table: TableName; replace: boolean; sql: string }
  | { kind: "drop"; what: "TABLE" | "VIEW"; table: TableName; ifExists: boolean }
  | {
      kind: "addPartitions";
      table: TableName;
      ifNotExists: boolean;
      partitions: { spec: Properties; location?: string }[];
    }
  | { kind: "dropPartitions"; table: TableName; ifExists: boolean; specs: Properties[] }
  | { kind: "renamePartition"; table: TableName; from: Properties; to: Properties }
  | { kind: "addColumns" | "replaceColumns"; table: TableName; columns: ColumnDefinition[] }
  | { kind: "setLocation"; table: TableName; partition?: Properties; location: string }
  | { kind: "setProperties"; table: TableName; properties: Properties }
  | { kind: "repair"; table: TableName }
  | { kind: "showDatabases"; pattern?: string }
  | { kind: "showTables" | "showViews"; database?: string; pattern?: string }
  | { kind: "showColumns" | "showPartitions" | "showCreateTable" | "showCreateView"; table: TableName }
  | { kind: "showProperties"; table: TableName; property?: string }
  | { kind: "describe"; table: TableName; mode: "plain" | "extended" | "formatted" };

export type Properties = Readonly<Record<string, string>>;

export interface TableName {
  readonly database: string | undefined;
  readonly name: string;
}

export interface ColumnDefinition {
  readonly name: string;
  /** As the catalog writes it: `struct<a:int,b:array<string>>`. */
  readonly type: string;
  readonly comment?: string;
}

export interface TableDefinition {
  readonly external: boolean;
  readonly columns: readonly ColumnDefinition[];
  readonly partitionKeys: readonly ColumnDefinition[];
  readonly comment?: string;
  readonly serde?: string;
  readonly serdeProperties: Properties;
  /** ROW FORMAT DELIMITED: its properties are `serdeProperties`. */
  readonly delimited: boolean;
  readonly storedAs?: string;
  readonly inputFormat?: string;
  readonly outputFormat?: string;
  readonly location?: string;
  readonly properties: Properties;
}

/** Parses one statement; a mistake in it is a `TrinoError` with its place. */
export function parseDdl(sql: string): DdlStatement {
  const parser = new DdlParser(new Cursor(sql, "hive"));
  return parser.statement();
}

class DdlParser {
  readonly #cursor: Cursor;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  statement(): DdlStatement {
    const cursor = this.#cursor;
    const statement = this.#statement();
    if (statement.kind !== "createView") cursor.expectEnd();
    return statement;
  }

  #statement(): DdlStatement {
    const cursor = this.#cursor;
    if (cursor.word("CREATE")) return this.#create();
    if (cursor.word("DROP")) return this.#drop();
    if (cursor.word("ALTER")) return this.#alter();
    if (cursor.word("MSCK")) {
      cursor.expectWord("REPAIR", "TABLE");
      return { kind: "repair", table: this.#table() };
    }
    if (cursor.word("SHOW")) return this.#show();
    if (cursor.oneOf("DESCRIBE", "DESC")) return this.#describe();
    throw cursor.unexpected("'SELECT', 'CREATE', 'DROP', 'ALTER', 'MSCK', 'SHOW', 'DESCRIBE'");
  }

  #create(): DdlStatement {
    const cursor = this.#cursor;
    const { position } = cursor;
    if (cursor.oneOf("DATABASE", "SCHEMA")) return this.#createDatabase();
    const replace = cursor.word("OR", "REPLACE");
    for (const word of ["PROTECTED", "MULTI"])
      if (cursor.atWords(word)) throw notSupported(`CREATE ${word} … VIEW`, position);
    if (cursor.word("VIEW")) {
      const table = this.#table();
      cursor.expectWord("AS");
      const sql = cursor.sql.slice(cursor.peek().start).replace(/;\s*$/u, "").trim();
      return { kind: "createView", table, replace, sql };
    }
    const external = cursor.word("EXTERNAL");
    cursor.expectWord("TABLE");
    return this.#createTable(external);
  }

  #createDatabase(): DdlStatement {
    const cursor = this.#cursor;
    const ifNotExists = cursor.word("IF", "NOT", "EXISTS");
    const name = this.#name();
    const comment = cursor.word("COMMENT") ? cursor.string() : undefined;
    const location = cursor.word("LOCATION") ? cursor.string() : undefined;
    const properties = cursor.word("WITH", "DBPROPERTIES") ? this.#properties() : {};
    return { kind: "createDatabase", name, ifNotExists, comment, location, properties };
  }

  #createTable(external: boolean): DdlStatement {
    const cursor = this.#cursor;
    const ifNotExists = cursor.word("IF", "NOT", "EXISTS");
    const table = this.#table();
    if (cursor.atWords("LIKE")) throw notSupported("CREATE TABLE LIKE", cursor.position);
    const columns = cursor.atSymbol("(") ? this.#columns() : [];
    const definition = {
      external,
      columns,
      partitionKeys: [] as ColumnDefinition[],
      serdeProperties: {} as Record<string, string>,
      delimited: false,
      properties: {} as Properties,
    };
    const clauses: Partial<
      Record<"comment" | "serde" | "storedAs" | "inputFormat" | "outputFormat" | "location", string>
    > = {};
    for (;;) {
      const { position } = cursor;
      if (cursor.word("COMMENT")) clauses.comment = cursor.string();
      else if (cursor.word("PARTITIONED", "BY")) definition.partitionKeys = this.#partitionKeys();
      else if (cursor.atWords("CLUSTERED")) throw notSupported("CLUSTERED BY … INTO BUCKETS", position);
      else if (cursor.word("ROW", "FORMAT", "SERDE")) {
        clauses.serde = cursor.string();
        if (cursor.word("WITH", "SERDEPROPERTIES")) Object.assign(definition.serdeProperties, this.#properties());
      } else if (cursor.word("ROW", "FORMAT", "DELIMITED")) {
        definition.delimited = true;
        Object.assign(definition.serdeProperties, this.#delimiters());
      } else if (cursor.word("WITH", "SERDEPROPERTIES")) Object.assign(definition.serdeProperties, this.#properties());
      else if (cursor.word("STORED", "AS", "INPUTFORMAT")) {
        clauses.inputFormat = cursor.string();
        cursor.expectWord("OUTPUTFORMAT");
        clauses.outputFormat = cursor.string();
      } else if (cursor.word("STORED", "AS")) clauses.storedAs = cursor.take().upper;
      else if (cursor.word("LOCATION")) clauses.location = cursor.string();
      else if (cursor.word("TBLPROPERTIES")) definition.properties = this.#properties();
      else return { kind: "createTable", table, ifNotExists, definition: { ...definition, ...clauses } };
    }
  }

  /** Hive's names of the delimiters, as LazySimpleSerDe's properties. */
  #delimiters(): Record<string, string> {
    const cursor = this.#cursor;
    const properties: Record<string, string> = {};
    for (;;) {
      if (cursor.word("FIELDS", "TERMINATED", "BY")) {
        properties["field.delim"] = cursor.string();
        properties["serialization.format"] = properties["field.delim"];
        if (cursor.word("ESCAPED", "BY")) properties["escape.delim"] = cursor.string();
      } else if (cursor.word("ESCAPED", "BY")) properties["escape.delim"] = cursor.string();
      else if (cursor.word("COLLECTION", "ITEMS", "TERMINATED", "BY")) properties["collection.delim"] = cursor.string();
      else if (cursor.word("MAP", "KEYS", "TERMINATED", "BY")) properties["mapkey.delim"] = cursor.string();
      else if (cursor.word("LINES", "TERMINATED", "BY")) properties["line.delim"] = cursor.string();
      else if (cursor.word("NULL", "DEFINED", "AS")) properties["serialization.null.format"] = cursor.string();
      else return properties;
    }
  }

  #drop(): DdlStatement {
    const cursor = this.#cursor;
    if (cursor.oneOf("DATABASE", "SCHEMA")) {
      const ifExists = cursor.word("IF", "EXISTS");
      const name = this.#name();
      const cascade = cursor.oneOf("CASCADE", "RESTRICT") === "CASCADE";
      return { kind: "dropDatabase", name, ifExists, cascade };
    }
    const what = cursor.oneOf("TABLE", "VIEW");
    if (!what) throw cursor.unexpected("'TABLE', 'VIEW', 'DATABASE', 'SCHEMA'");
    const ifExists = cursor.word("IF", "EXISTS");
    return { kind: "drop", what, table: this.#table(), ifExists };
  }

  #alter(): DdlStatement {
    const cursor = this.#cursor;
    const { position } = cursor;
    if (!cursor.word("TABLE")) throw notSupported(`ALTER ${cursor.peek().upper}`, position);
    const table = this.#table();
    if (cursor.word("ADD", "COLUMNS")) return { kind: "addColumns", table, columns: this.#columns() };
    if (cursor.word("REPLACE", "COLUMNS")) return { kind: "replaceColumns", table, columns: this.#columns() };
    if (cursor.word("ADD")) {
      const ifNotExists = cursor.word("IF", "NOT", "EXISTS");
      const partitions: { spec: Properties; location?: string }[] = [];
      while (cursor.word("PARTITION")) {
        const spec = this.#partitionSpec();
        const location = cursor.word("LOCATION") ? cursor.string() : undefined;
        partitions.push({ spec, location });
        cursor.symbol(",");
      }
      if (partitions.length === 0) throw cursor.unexpected("'COLUMNS', 'PARTITION'");
      return { kind: "addPartitions", table, ifNotExists, partitions };
    }
    if (cursor.word("DROP")) {
      const ifExists = cursor.word("IF", "EXISTS");
      const specs = cursor.list(() => {
        cursor.expectWord("PARTITION");
        return this.#partitionSpec();
      });
      return { kind: "dropPartitions", table, ifExists, specs };
    }
    const partition = cursor.word("PARTITION") ? this.#partitionSpec() : undefined;
    if (cursor.word("SET", "LOCATION")) return { kind: "setLocation", table, partition, location: cursor.string() };
    if (!partition && cursor.word("SET", "TBLPROPERTIES"))
      return { kind: "setProperties", table, properties: this.#properties() };
    if (partition && cursor.word("RENAME", "TO", "PARTITION")) {
      return { kind: "renamePartition", table, from: partition, to: this.#partitionSpec() };
    }
    throw cursor.unexpected("'ADD', 'DROP', 'REPLACE COLUMNS', 'SET LOCATION', 'SET TBLPROPERTIES', 'PARTITION'");
  }

  #show(): DdlStatement {
    const cursor = this.#cursor;
    const { position } = cursor;
    if (cursor.oneOf("DATABASES", "SCHEMAS")) return { kind: "showDatabases", pattern: this.#pattern() };
    const listing = cursor.oneOf("TABLES", "VIEWS");
    if (listing) {
      const database = cursor.oneOf("IN", "FROM") ? this.#name() : undefined;
      return { kind: listing === "TABLES" ? "showTables" : "showViews", database, pattern: this.#pattern() };
    }
    if (cursor.word("COLUMNS")) {
      if (!cursor.oneOf("IN", "FROM")) throw cursor.unexpected("'IN', 'FROM'");
      const table = this.#table();
      const database = cursor.oneOf("IN", "FROM") ? this.#name() : table.database;
      return { kind: "showColumns", table: { ...table, database } };
    }
    if (cursor.word("PARTITIONS")) return { kind: "showPartitions", table: this.#table() };
    if (cursor.word("CREATE", "TABLE")) return { kind: "showCreateTable", table: this.#table() };
    if (cursor.word("CREATE", "VIEW")) return { kind: "showCreateView", table: this.#table() };
    if (cursor.word("TBLPROPERTIES")) {
      const table = this.#table();
      const property = cursor.atSymbol("(") ? cursor.parenthesized(() => cursor.string()) : undefined;
      return { kind: "showProperties", table, property };
    }
    throw notSupported(`SHOW ${cursor.peek().upper}`, position);
  }

  #describe(): DdlStatement {
    const cursor = this.#cursor;
    const mode = cursor.oneOf("EXTENDED", "FORMATTED")?.toLowerCase() as "extended" | "formatted" | undefined;
    const table = this.#table();
    if (cursor.atWords("PARTITION")) throw notSupported("DESCRIBE … PARTITION", cursor.position);
    return { kind: "describe", table, mode: mode ?? "plain" };
  }

  /** Hive's pattern: `*` for any characters, `|` between alternatives. */
  #pattern(): string | undefined {
    const cursor = this.#cursor;
    if (cursor.word("LIKE")) return cursor.string();
    return cursor.peek().kind === "string" ? cursor.string() : undefined;
  }

  #columns(): ColumnDefinition[] {
    return this.#cursor.parenthesized(() => this.#cursor.list(() => this.#column()));
  }

  #column(): ColumnDefinition {
    const name = this.#name();
    const type = this.#type();
    return { name, type, ...(this.#cursor.word("COMMENT") && { comment: this.#cursor.string() }) };
  }

  #partitionKeys(): ColumnDefinition[] {
    return this.#columns();
  }

  /** The type's own text, without spaces and in lower case, as the catalog keeps it. */
  #type(): string {
    const cursor = this.#cursor;
    let text = this.#name();
    if (cursor.atSymbol("(")) {
      const digits = cursor.parenthesized(() => cursor.list(() => cursor.take().text));
      return `${text}(${digits.join(",")})`;
    }
    if (!cursor.symbol("<")) return text;
    const items = cursor.list(() => {
      if (text !== "struct") return this.#type();
      const field = this.#name();
      cursor.expectSymbol(":");
      return `${field}:${this.#type()}`;
    });
    cursor.expectSymbol(">");
    text = `${text}<${items.join(",")}>`;
    return text;
  }

  #partitionSpec(): Properties {
    const cursor = this.#cursor;
    const entries = cursor.parenthesized(() =>
      cursor.list((): [string, string] => {
        const key = this.#name();
        cursor.expectSymbol("=");
        const token = cursor.take();
        if (!["string", "integer", "decimal"].includes(token.kind))
          throw notSupported("A partition value that is not a literal", token.position);
        return [key, token.text];
      }),
    );
    return Object.fromEntries(entries);
  }

  #properties(): Properties {
    const cursor = this.#cursor;
    const entries = cursor.parenthesized(() =>
      cursor.list((): [string, string] => {
        const key = cursor.string();
        cursor.expectSymbol("=");
        return [key, cursor.string()];
      }),
    );
    return Object.fromEntries(entries);
  }

  #table(): TableName {
    const cursor = this.#cursor;
    const first = this.#name();
    if (!cursor.symbol(".")) return { database: undefined, name: first };
    const second = this.#name();
    if (!cursor.symbol(".")) return { database: first, name: second };
    return { database: second, name: this.#name() };
  }

  /** Hive's names: also most of Trino's reserved words, and quoted texts where people write Trino's way. */
  #name(): string {
    const cursor = this.#cursor;
    const token = cursor.peek();
    if (
      token.kind !== "word" &&
      token.kind !== "backquoted" &&
      !(token.kind === "string" && cursor.sql[token.start] === '"')
    ) {
      throw cursor.unexpected("<identifier>");
    }
    return cursor.take().text.toLowerCase();
  }
}
