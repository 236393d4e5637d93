import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { functionReference } from "./reference.ts";

/** Without the blanks and dashes that align a table. */
const unaligned = (text: string) => text.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---");

test("docs/reference/functions.md is what the function table says (node src/sql/spark/reference.ts prints it)", async () => {
  const written = await readFile(new URL("../../../docs/reference/functions.md", import.meta.url), "utf8");
  expect(unaligned(written)).toBe(unaligned(functionReference()));
});
