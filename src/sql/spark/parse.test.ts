import { describe, expect, test } from "vitest";
import { parseType } from "../../plan/data-type.ts";
import { compileSparkCondition, compileSparkExpression, compileSparkSelect } from "./compile-select.ts";
import { SparkSqlError } from "./errors.ts";

const COLUMNS = [
  { name: "id", type: parseType("int") },
  { name: "total", type: parseType("bigint") },
  { name: "amount", type: parseType("decimal(10,2)") },
  { name: "ratio", type: parseType("double") },
  { name: "name", type: parseType("string") },
  { name: "at", type: parseType("timestamp") },
  { name: "day", type: parseType("date") },
  { name: "items", type: parseType("array<struct<sku:string,price:double>>") },
  { name: "tags", type: parseType("map<string,string>") },
];

function refusal(compile: () => unknown): { message: string; hint: string | undefined; position: [number, number] } {
  try {
    compile();
  } catch (error) {
    if (!(error instanceof SparkSqlError)) throw error;
    return { message: error.message, hint: error.hint, position: [error.start, error.end] };
  }
  throw new Error("it compiled");
}

const refuseSelect = (sql: string) => refusal(() => compileSparkSelect(sql, COLUMNS));
const refuse = (sql: string) => refusal(() => compileSparkExpression(sql, COLUMNS, "x"));

describe("a transform is row-wise", () => {
  test.each([
    ["select distinct id from source", "DISTINCT is not row-wise"],
    ["select id from source order by id", "ORDER BY is not row-wise"],
    ["select id from source limit 5", "LIMIT is not row-wise"],
    ["select id from source where id > 1 group by id", "GROUP BY is not row-wise"],
    ["select id from source join other on true", "joins are not row-wise"],
    ["select id from source, other", "joins are not row-wise"],
    ["select id from source union all select id from source", "UNION is not row-wise"],
    ["select id from (select * from source)", "subqueries are not row-wise"],
    ["select (select 1) as x from source", "subqueries are not row-wise"],
    ["select id in (select 1) as x from source", "subqueries are not row-wise"],
    ["select exists (select 1) as x from source", "subqueries are not row-wise"],
    ["select count(*) as n from source", "count(*) is an aggregate"],
    ["select count(distinct id) as n from source", "count(DISTINCT …) is an aggregate"],
    ["select max(id) as n from source", "max is an aggregate"],
    ["select sum(id) over (partition by name) as n from source", "window functions are not row-wise"],
    ["select row_number() as n from source", "row_number is a window function"],
  ])("%s", (sql, message) => {
    const refused = refuseSelect(sql);
    expect(refused.message).toBe(message);
    expect(refused.hint).toContain("Athena view");
  });

  test.each(["rand()", "uuid()", "current_date()", "now()", "input_file_name()"])("%s is not deterministic", (sql) => {
    expect(refuse(sql).message).toContain("gives another answer each time");
  });

  test("WITH and other tables are refused", () => {
    expect(refuseSelect("with a as (select 1) select * from a").message).toBe("WITH is not supported");
    expect(refuseSelect("select * from orders")).toMatchObject({
      message: 'there is no table "orders"',
      hint: "a transform reads FROM source, the records of the file",
    });
  });
});

describe("what can stop a run because of one row is refused, and the way out is named", () => {
  test.each([
    ["id + 1", "write try_add(a, b)"],
    ["total * 2", "write try_multiply(a, b)"],
    ["- id", "write try_subtract(0, …)"],
    ["abs(id)", "write abs(cast(… AS bigint))"],
    ["1 / id", "write try_divide(a, b)"],
    ["id % total", "write try_mod(a, b)"],
    ["cast(name as int)", "write try_cast(… AS int)"],
    ["name::date", "write try_cast(… AS date)"],
    ["cast(total as int)", "write try_cast(… AS int)"],
    ["cast(amount as decimal(4,2))", "write try_cast(… AS decimal(4,2))"],
    ["items[0]", "write get(array, index)"],
    ["element_at(items, 1)", "write try_element_at(…)"],
    ["id > name", "try_cast(… AS int)"],
    ["to_timestamp(name)", "try_cast(… AS timestamp)"],
    ["amount / 2", "cast one side to double"],
    ["timestamp_seconds(total)", "unix_seconds"],
  ])("%s", (sql, hint) => {
    expect(refuse(sql).hint).toContain(hint);
  });

  test.each([
    ["id / 60", "double"],
    ["id % 24 + 1", "int"],
    ["cast(id as bigint) * 60", "bigint"],
    ["year(day) * 100 + month(day)", "int"],
    ["length(name) + 0", "int"],
    ["amount * 1.19", "decimal(14,4)"],
    ["ratio * 2", "double"],
    ["cast(id % 100 as decimal(4,1))", "decimal(4,1)"],
    ["abs(id % 7)", "int"],
    ["total DIV 1000", "bigint"],
  ])("%s cannot, by the bounds of its operands", (sql, type) => {
    expect(compileSparkExpression(sql, COLUMNS, "x").type).toEqual(parseType(type));
  });

  test("bounds are not believed beyond a type", () => {
    expect(refuse("id % 10 + 2147483640").message).toContain("can overflow");
    expect(compileSparkExpression("id % 10 + 2147483637", COLUMNS, "x").type.kind).toBe("int");
  });
});

describe("names", () => {
  test("are found without regard to case, qualified or not", () => {
    for (const name of ["ID", "source.id", "SOURCE.`Id`"]) {
      expect(compileSparkExpression(name, COLUMNS, "x").sql.spark).toBe("`id`");
    }
  });

  test("that are not known get the nearest that is, and the place", () => {
    expect(refuse("1 + amuont")).toEqual({
      message: 'there is no column "amuont"',
      hint: "did you mean amount?",
      position: [4, 10],
    });
    expect(refuse("sustring(name, 1, 2)")).toMatchObject({ hint: "did you mean substring?", position: [0, 8] });
    expect(refuse("transform(items, i -> i.skew)")).toMatchObject({ hint: "it has sku, price" });
  });

  test("a later column may use an earlier one", () => {
    const { duckdbSql } = compileSparkSelect("select year(day) as y, y % 10 as decade from source", COLUMNS);
    expect(duckdbSql).toContain(`% 10) AS "decade"`);
  });

  test("columns need names, once each, and not the pipeline's", () => {
    expect(refuseSelect("select upper(name) from source").hint).toBe("write … AS name");
    expect(refuseSelect("select *, id from source").message).toBe('two columns are named "id"');
    expect(refuseSelect("select id as _run from source").message).toContain("pipeline's own");
    expect(refuseSelect("select null as x from source").hint).toBe("write CAST(NULL AS string)");
  });

  test("* is spelled out, and can leave columns out", () => {
    const { output } = compileSparkSelect("select * except (items, tags, at), id as twin from source s", COLUMNS);
    expect(output.map(({ name }) => name)).toEqual(["id", "total", "amount", "ratio", "name", "day", "twin"]);
    expect(refuseSelect("select * except (nme) from source").hint).toBe("did you mean name?");
  });
});

describe("syntax", () => {
  test.each([
    ["not id = 1 and name is null or ratio > 1", "((NOT (`id` = 1)) AND (`name` IS NULL))"],
    ["id % 2 = 0 and id between 1 and 2 or name like 'a%'", "OR"],
    ["-id % 3 = 1", "can't"],
  ])("binds as Spark's grammar does: %s", (sql, part) => {
    if (part === "can't") expect(refuse(sql).message).toContain("smallest number");
    else expect(compileSparkCondition(sql, COLUMNS, "a rule").spark).toContain(part);
  });

  test.each([
    ["'it''s'", "two texts side by side"],
    ["'open", "the text has no closing quote"],
    ["1 +", "expected an expression, found the end of the SQL"],
    ["id = = 1", 'expected an expression, found "="'],
    ["(id, 1)", 'expected ")", found ","'],
    ["id ? 1", 'expected the end of the expression, found "?"'],
    ["12abc", '"12abc" is not a number'],
    ["5S", "numbers that end in S are of a type that columns cannot have"],
    ["X'1F'", "X literals are not supported"],
    ["id << 1", "shift operators are not supported"],
    ["id & 1", "the operator & is not supported"],
    ["interval 1 day", "an interval stands only after + or - of a date or timestamp"],
    ["day + interval 1 fortnight", '"fortnight" is no unit of an interval'],
    ["x -> x", "a lambda stands only as an argument of a function such as transform or filter"],
    ["date '2024-02-30'", "'2024-02-30' is not a date"],
    ["name like 'a\\\\b'", '"\\" in the pattern escapes nothing'],
    ["cast(id as integr)", '"integr" is not a type'],
  ])("refuses %s", (sql, message) => {
    expect(refuse(sql).message).toBe(message);
  });

  test("errors know their line and column", () => {
    const sql = "select id,\n  nme as n\nfrom source";
    try {
      compileSparkSelect(sql, COLUMNS);
      expect.unreachable();
    } catch (error) {
      expect((error as SparkSqlError).position(sql)).toEqual({ line: 2, column: 3 });
    }
  });

  test("texts with quotes, backslashes and names with quotes survive printing", () => {
    const { sql } = compileSparkExpression("concat('a\\'b\\\\', \"c\\\"\", name)", COLUMNS, "x");
    expect(sql.spark).toContain("'a\\'b\\\\'");
    expect(sql.duckdb).toContain("'a''b\\'");
  });
});
