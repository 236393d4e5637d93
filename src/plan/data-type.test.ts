import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lowerCaseNames, parseType, physicalType, printType, TypeSyntaxError } from "./data-type.ts";
import type { DataType } from "./data-type.ts";

const dataType: fc.Arbitrary<DataType> = fc.letrec<{ type: DataType; scalar: DataType }>((tie) => ({
  scalar: fc.oneof(
    fc.constantFrom("string", "boolean", "int", "bigint", "double", "date", "timestamp").map((kind) => parseType(kind)),
    fc
      .tuple(fc.integer({ min: 1, max: 38 }), fc.integer({ min: 0, max: 38 }))
      .map(([precision, scale]): DataType => ({ kind: "decimal", precision, scale: Math.min(scale, precision) })),
  ),
  type: fc.oneof(
    { depthSize: "small" },
    tie("scalar"),
    tie("type").map((element): DataType => ({ kind: "array", element })),
    fc.tuple(tie("scalar"), tie("type")).map(([key, value]): DataType => ({ kind: "map", key, value })),
    fc
      .uniqueArray(fc.tuple(fc.stringMatching(/^[a-z_][a-z0-9_]{0,5}$/), tie("type")), {
        minLength: 1,
        maxLength: 4,
        selector: ([name]) => name,
      })
      .map((fields): DataType => ({ kind: "struct", fields: fields.map(([name, type]) => ({ name, type })) })),
  ),
})).type;

test("what is printed reads as the same type", () => {
  fc.assert(
    fc.property(dataType, (type) => {
      expect(parseType(printType(type))).toEqual(type);
    }),
  );
});

test("blanks and capitals are people's, the catalog has none", () => {
  const type = parseType(" Array< Struct<Id: INT, Tags: map<string , array<string>>> > ");
  expect(printType(type)).toBe("array<struct<Id:int,Tags:map<string,array<string>>>>");
  expect(printType(lowerCaseNames(type))).toBe("array<struct<id:int,tags:map<string,array<string>>>>");
});

describe("a text that is no type says what to write", () => {
  test.each([
    ["integer", '"integer" is not a type', 'write "int"'],
    ["varchar", '"varchar" is not a type', 'write "string"'],
    ["decimal", "a decimal needs its precision and scale", 'write "decimal(10,2)"'],
    ["decimal(39,0)", "the precision of a decimal is 1 to 38", undefined],
    ["decimal(4,5)", "the scale of a decimal is at most its precision", undefined],
    ["array<int", 'expected ">" in "array<int", found its end', undefined],
    ["array", 'expected "<" in "array", found its end', undefined],
    ["map<array<int>,int>", "the key of a map is a scalar type", undefined],
    ["struct<a:int,A:int>", 'the struct has two fields named "A"', undefined],
    ["int x", 'unexpected "x" after the type in "int x"', undefined],
    ["", 'a type is missing in "" after ""', undefined],
  ])("%j", (text, message, hint) => {
    try {
      parseType(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(TypeSyntaxError);
      expect(error).toMatchObject({ message, hint });
    }
  });
});

test("one table says what a type is physically", () => {
  expect(physicalType(parseType("timestamp"))).toEqual({
    spark: "TIMESTAMP",
    duckdb: "TIMESTAMP",
    trino: "timestamp(3)",
    parquet: { physical: "INT64", logical: "TIMESTAMP_MICROS" },
  });
  expect(physicalType(parseType("array<struct<a:decimal(10,2),b:map<string,date>>>"))).toEqual({
    spark: "ARRAY<STRUCT<`a`: DECIMAL(10,2), `b`: MAP<STRING, DATE>>>",
    duckdb: 'STRUCT("a" DECIMAL(10,2), "b" MAP(VARCHAR, DATE))[]',
    trino: "array(row(a decimal(10,2), b map(varchar, date)))",
    parquet: null,
  });
  expect([9, 18, 19].map((p) => physicalType(parseType(`decimal(${p},0)`)).parquet?.physical)).toEqual([
    "INT32",
    "INT64",
    "FIXED_LEN_BYTE_ARRAY",
  ]);
});
