import { expect, test } from "vitest";
import { nearest } from "./suggest.ts";

test.each([
  ["trasnform", ["transform", "translate"], "transform"],
  ["ORIGN", ["origin", "destination"], "origin"],
  ["a", ["b"], "b"],
  ["xyz", ["origin"], undefined],
  ["date", [], undefined],
])("the nearest to %s in %j is %s", (written, candidates, wanted) => {
  expect(nearest(written, candidates)).toBe(wanted);
});
