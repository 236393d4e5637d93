import { isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Document } from "yaml";
import { DefinitionError } from "./problems.ts";
import type { Problem } from "./problems.ts";

/** Finds where in the file the thing at a path is, from 1. */
export type Locator = (path: readonly (string | number)[]) => { line: number; column: number } | undefined;

/** Reads YAML, of which JSON is a part. Throws a `DefinitionError` with line and column. */
export function readYaml(text: string, file: string): { value: unknown; locate: Locator } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const problems = document.errors.map((error): Problem => {
      const { line, col } = lines.linePos(error.pos[0]);
      return { path: [], file, line, column: col, message: error.message };
    });
    throw new DefinitionError(problems);
  }
  return { value: document.toJS(), locate: (path) => locate(document, lines, path) };
}

/** The nearest that exists: a missing member is reported where its parent stands, an unknown one at its own name. */
function locate(
  document: Document,
  lines: LineCounter,
  path: readonly (string | number)[],
): { line: number; column: number } | undefined {
  let node: unknown = document.contents;
  let offset = isNode(node) ? node.range?.[0] : undefined;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(part),
      );
      if (pair === undefined) break;
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
      if (isNode(node)) offset = node.range?.[0] ?? offset;
    } else {
      break;
    }
  }
  if (offset === undefined) return undefined;
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}
