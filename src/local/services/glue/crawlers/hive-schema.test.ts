import * as fc from "fast-check";
import { expect, test } from "vitest";
import { typeText as hiveText, type HiveType } from "./hive-schema.ts";
import { parseHiveType } from "../../../../sql/trino/hive-type.ts";
import { typeText } from "../../../../sql/trino/types.ts";

test.each([
  ["string", "varchar"],
  ["varchar(10)", "varchar(10)"],
  ["INT", "integer"],
  ["float", "real"],
  ["decimal(10, 2)", "decimal(10,2)"],
  ["decimal", "decimal(10,0)"],
  ["binary", "varbinary"],
  ["array<struct<A:int,b:map<string,array<date>>>>", "array(row(a integer, b map(varchar, array(date))))"],
  ["struct< `x y` : timestamp >", "row(x y timestamp(3))"],
])("%s is read as %s", (hive, trino) => {
  const type = parseHiveType(hive);
  expect(type && typeText(type)).toBe(trino);
});

test.each(["uniontype<int,string>", "array<int", "struct<a>", "decimal(39,2)", "int int", ""])(
  "%s is no type",
  (text) => {
    expect(parseHiveType(text)).toBeUndefined();
  },
);

test("every type that a crawler writes is readable", () => {
  const { type } = fc.letrec<{ type: HiveType }>((tie) => ({
    type: fc.oneof(
      { maxDepth: 4 },
      fc
        .constantFrom("int", "bigint", "double", "string", "decimal(10,2)", "timestamp", "boolean")
        .map((name): HiveType => ({ kind: "scalar", name })),
      tie("type").map((element): HiveType => ({ kind: "array", element })),
      fc.tuple(tie("type"), tie("type")).map(([key, value]): HiveType => ({ kind: "map", key, value })),
      fc
        .array(fc.record({ name: fc.stringMatching(/^[a-z_]\w{0,8}$/), type: tie("type") }), {
          minLength: 1,
          maxLength: 4,
        })
        .map((fields): HiveType => ({
          kind: "struct",
          fields: fields.map((field) => ({ ...field, name: field.name.toLowerCase() })),
        })),
    ),
  }));
  fc.assert(
    fc.property(type, (hive) => {
      expect(parseHiveType(hiveText(hive))).toBeDefined();
    }),
  );
});
