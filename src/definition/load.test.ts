import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loadPipeline } from "../etl/compile/load-pipeline.ts";
import { loadDefinition } from "./load.ts";
import { DefinitionError } from "./problems.ts";

let root: string;
let folder: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), "millrace-definition-"));
});
beforeEach(async () => {
  folder = await mkdtemp(path.join(root, "p-"));
});
afterAll(() => rm(root, { recursive: true }));

async function write(name: string, text: string): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, text);
  return file;
}

async function problemsOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DefinitionError)) throw new Error("there is no problem", { cause: error });
  return error.message.replaceAll(`${folder}/`, "");
}

const YAML = `
name: shop
datasets:
  orders:
    columns: { id: int, amount: "decimal(10,2)" }
`;

describe("a definition of a few lines", () => {
  test("has a default for everything else", async () => {
    const { definition } = await loadDefinition(await write("millrace.config.yaml", YAML));
    expect(definition).toEqual({
      name: "shop",
      alerts: undefined,
      batchingWindowSeconds: 0,
      workers: 2,
      logRetentionDays: 30,
      keepOldVersionsDays: 30,
      datasets: [
        {
          name: "orders",
          prefix: "orders/",
          source: {
            format: "csv",
            header: true,
            delimiter: ",",
            quote: '"',
            encoding: "utf-8",
            nullText: [""],
            unknownColumns: "reject",
            missingColumns: "reject",
          },
          columns: [
            { name: "id", from: ["id"], type: { kind: "int" }, nullable: true, format: undefined },
            {
              name: "amount",
              from: ["amount"],
              type: { kind: "decimal", precision: 10, scale: 2 },
              nullable: true,
              format: undefined,
            },
          ],
          rules: [],
          transform: "select * from source",
          partitionBy: [],
          rejectLimit: 0.1,
          quietRejects: 0,
          maxFiles: 1000,
          maxBytes: 10 * 1024 ** 3,
        },
      ],
    });
  });

  test("takes sizes, times and shares as people write them", async () => {
    const { definition } = await loadDefinition(
      await write(
        "millrace.config.yaml",
        `${YAML}    rejectLimit: 2.5 %\n    limits: { maxBytes: 64 MiB, maxFiles: 20 }\nbatching: { window: 2 minutes }\nretention: { logs: 14 days, oldVersions: 90 d }\n`,
      ),
    );
    expect(definition).toMatchObject({ batchingWindowSeconds: 120, logRetentionDays: 14, keepOldVersionsDays: 90 });
    expect(definition.datasets[0]).toMatchObject({ rejectLimit: 0.025, maxBytes: 64 * 1024 ** 2, maxFiles: 20 });
  });
});

describe("TypeScript", () => {
  test("imports millrace without node_modules, and is read anew each time", async () => {
    const file = await write(
      "millrace.config.ts",
      'import { definePipeline } from "millrace";\nconst type: string = "int";\nconsole.log("hello");\n' +
        'export default definePipeline({ name: "shop", datasets: { orders: { columns: { id: type } } } });\n',
    );
    expect((await loadDefinition(folder)).definition.datasets[0]?.columns[0]?.type.kind).toBe("int");
    await writeFile(file, 'export default { name: "shop", datasets: { orders: { columns: { id: "date" } } } };');
    expect((await loadDefinition(folder)).definition.datasets[0]?.columns[0]?.type.kind).toBe("date");
  });

  test.each([
    ["export default {\n  name: 'x',\n  datasets: {{ }\n};\n", /^millrace\.config\.ts:3: SyntaxError/],
    ["enum A { b }\nexport default {};\n", /^millrace\.config\.ts:1: SyntaxError[^]*hint: use types only/],
    ["const a = 1;\na.b.c();\nexport default {};\n", /^millrace\.config\.ts:2:5: TypeError/],
    ["import 'nowhere';\nexport default {};\n", /Cannot find package 'nowhere'/],
    ["export const a = 1;\n", /no default export[^]*export default definePipeline/],
    [
      "export default { name: 'x', datasets: { a: { transform: () => 1 } } };\n",
      /datasets\.a\.transform: it is a function/,
    ],
    ["process.exit(3);\n", /ended with code 3/],
  ])("that is wrong is reported by file and line: %j", async (text, message) => {
    await write("millrace.config.ts", text);
    expect(await problemsOf(loadDefinition(folder))).toMatch(message);
  });
});

describe("mistakes are told in the user's terms", () => {
  test("with path, line and column, the nearest name and a hint, all at once", async () => {
    const file = await write(
      "millrace.config.yaml",
      `name: shop
datasets:
  orders:
    source: { format: cvs, seperator: ";" }
    columns:
      id: integer
      amount: { type: decimal, nulable: false }
    transfrm: select * from source
    rejectLimit: 120
`,
    );
    expect(await problemsOf(loadDefinition(file))).toBe(
      `millrace.config.yaml:4:15: datasets.orders.source.format: "cvs" is none of "csv", "json", "parquet"
  hint: did you mean "csv"?
millrace.config.yaml:4:28: datasets.orders.source.seperator: there is no field "seperator"
  hint: fields are prefix, format, header, delimiter, quote, encoding, nullText, unknownColumns, missingColumns, layout, records
millrace.config.yaml:6:7: datasets.orders.columns.id: "integer" is not a type
  hint: write "int"
millrace.config.yaml:7:17: datasets.orders.columns.amount.type: a decimal needs its precision and scale
  hint: write "decimal(10,2)"
millrace.config.yaml:7:32: datasets.orders.columns.amount.nulable: there is no field "nulable"
  hint: did you mean "nullable"?
millrace.config.yaml:9:5: datasets.orders.rejectLimit: "120" is not a share
  hint: write "10 %", or 0.1
millrace.config.yaml:8:5: datasets.orders.transfrm: there is no field "transfrm"
  hint: did you mean "transform"?`,
    );
  });

  test("names that S3, Glue or the pipeline cannot take", async () => {
    await write(
      "millrace.config.json",
      JSON.stringify({
        name: "My Shop",
        datasets: {
          "Order-Lines": { columns: { id: "int", ID: "int", "Order ID": "int", _run: "int" } },
          loads: { columns: { id: "int" } },
        },
      }),
    );
    const problems = await problemsOf(loadDefinition(folder));
    expect(problems).toContain(
      'name: "My Shop" cannot be part of a bucket\'s name\n  hint: use small letters, digits and single hyphens: "my-shop"',
    );
    expect(problems).toContain(
      'datasets.Order-Lines: "Order-Lines" cannot be the name of a table\n  hint: use small letters, digits and _: "order_lines"',
    );
    expect(problems).toContain('datasets.Order-Lines.columns.ID: "id" is the same name');
    expect(problems).toContain('write from: "_run"');
    expect(problems).toContain('order_id: { type: "…", from: "Order ID" }');
    expect(problems).toContain('datasets.loads: "loads" is a table of the pipeline itself');
  });

  test("prefixes that overlap", async () => {
    await write(
      "millrace.config.yaml",
      "name: shop\ndatasets:\n  a: { source: { prefix: in }, columns: { id: int } }\n  b: { source: { prefix: in/b/ }, columns: { id: int } }\n",
    );
    expect(await problemsOf(loadDefinition(folder))).toBe(
      'millrace.config.yaml:4:18: datasets.b.source.prefix: keys under "in/b/" would belong to a ("in/") too\n  hint: give each dataset a folder of its own',
    );
  });

  test.each([
    ["source: { format: json, header: true }", "source.header: this is an option of csv, and the format is json"],
    [
      "source: { format: json, layout: document }",
      'source.records: it is missing\n  hint: name the list of records in the document, such as "features"',
    ],
    ['source: { delimiter: "||" }', "source.delimiter: the delimiter is one character"],
    ['source: { delimiter: "§" }', "source.delimiter: the delimiter is one character, of ASCII"],
    ["columns: { id: array<int> }", "columns.id: a CSV field cannot be an array\n  hint: declare it as string"],
    ["columns: { id: { type: int, format: yyyy } }", "columns.id.format: an int has no format"],
    ["columns: {}", "columns: there is no column"],
    ["columns: { id: 5 }", "columns.id: it must be a text or an object, and is 5"],
    [
      "limits: { maxBytes: 64 bananas }",
      'limits.maxBytes: "64 bananas" is not a size\n  hint: write, for example, "64 MiB"',
    ],
  ])("%s", async (member, message) => {
    const columns = member.startsWith("columns") ? "" : "columns: { id: int }, ";
    await write("millrace.config.yaml", `name: shop\ndatasets:\n  a: { ${columns}${member} }\n`);
    expect(await problemsOf(loadDefinition(folder))).toContain(`datasets.a.${message}`);
  });

  test("YAML and JSON that do not parse", async () => {
    const file = await write("millrace.config.yaml", "name: shop\nname: twice\n");
    expect(await problemsOf(loadDefinition(file))).toMatch(/^millrace\.config\.yaml:2:1: Map keys must be unique/);
  });

  test("a definition that is not there, or there twice", async () => {
    expect(await problemsOf(loadDefinition(folder))).toContain("there is no millrace.config.ts in");
    await write("millrace.config.yaml", YAML);
    await write("millrace.config.json", "{}");
    expect(await problemsOf(loadDefinition(folder))).toContain("there are two definitions");
    expect(await problemsOf(loadDefinition(path.join(folder, "no.yaml")))).toContain("there is no");
  });
});

describe("SQL of a definition", () => {
  test("is reported with its place in the file and in the SQL", async () => {
    await write(
      "millrace.config.yaml",
      `name: shop
datasets:
  orders:
    columns: { id: int, placed: { type: date, format: dd.MMMM.yyyy } }
    rules: { "id is small": "ide < 5" }
    transform: |
      select id,
        id + 1 as next
      from source
    partitionBy: [nxt]
`,
    );
    expect(await problemsOf(loadPipeline(folder))).toBe(
      `millrace.config.yaml:4:47: datasets.orders.columns.placed.format: "MMMM" in the format "dd.MMMM.yyyy" is not supported
  hint: use yyyy, yy, MM, M, MMM, dd, d, HH, H, hh, h, a, mm, m, ss, s, XXX, XX, E and S, unix_seconds or unix_millis; literal letters go in single quotes
millrace.config.yaml:5:14: datasets.orders.rules["id is small"]: there is no column "ide" (line 1, column 1 of the SQL)
  hint: did you mean id?
millrace.config.yaml:6:5: datasets.orders.transform: + of int can overflow, which stops the run (line 2, column 3 of the SQL)
  hint: write try_add(a, b), which gives NULL there, or cast one side to bigint`,
    );
  });

  test("partitions must be columns, of types that can be folders", async () => {
    await write(
      "millrace.config.yaml",
      "name: shop\ndatasets:\n  orders:\n    columns: { at: timestamp, id: int }\n    partitionBy: [att, at]\n",
    );
    expect(await problemsOf(loadPipeline(folder))).toBe(
      `millrace.config.yaml:5:19: datasets.orders.partitionBy[0]: the transform has no column "att"
  hint: did you mean "at"?
millrace.config.yaml:5:24: datasets.orders.partitionBy[1]: a timestamp cannot be a folder's name
  hint: add a column such as to_date(…) AS day`,
    );
  });
});
