import * as fc from "fast-check";
import { expect, test } from "vitest";
import { dependencyOrder } from "./graph.ts";

const names = fc.uniqueArray(fc.stringMatching(/^[A-Z][a-z]{0,3}$/), { minLength: 1, maxLength: 12 });

test("every resource comes after all it depends on", () => {
  const acyclic = names.chain((ids) =>
    fc
      .tuple(...ids.map((_, index) => fc.subarray(ids.slice(0, index))))
      // Shuffled, so that the order of the template does not give the answer away.
      .chain((edges) =>
        fc.shuffledSubarray(
          ids.map((id, index) => [id, new Set(edges[index])] as const),
          { minLength: ids.length },
        ),
      ),
  );
  fc.assert(
    fc.property(acyclic, (entries) => {
      const dependencies = new Map(entries);
      const { order } = dependencyOrder(dependencies);
      expect(order?.toSorted()).toEqual([...dependencies.keys()].toSorted());
      for (const [id, needs] of dependencies) {
        for (const need of needs) expect(order?.indexOf(need)).toBeLessThan(order?.indexOf(id) ?? -1);
      }
    }),
  );
});

test("a cycle is named in full, the whole way round", () => {
  const graph = new Map([
    ["Lonely", new Set<string>()],
    ["Bucket", new Set(["Policy", "Lonely"])],
    ["Policy", new Set(["Topic"])],
    ["Topic", new Set(["Bucket"])],
  ]);
  expect(dependencyOrder(graph).cycle).toEqual(["Bucket", "Policy", "Topic", "Bucket"]);
});

test("any cycle that is reported is really there", () => {
  const graph = names.chain((ids) =>
    fc.tuple(...ids.map((id) => fc.subarray(ids).map((needs) => [id, new Set(needs)] as const))),
  );
  fc.assert(
    fc.property(graph, (entries) => {
      const dependencies = new Map(entries);
      const { cycle, order } = dependencyOrder(dependencies);
      // Either everything has its place, or there is a way round.
      expect(order?.length ?? dependencies.size).toBe(dependencies.size);
      expect(cycle?.at(0)).toBe(cycle?.at(-1));
      cycle?.slice(1).forEach((id, index) => expect(dependencies.get(cycle[index] ?? "")).toContain(id));
    }),
  );
});

test("resources that do not depend on each other keep the template's order", () => {
  const graph = new Map(["C", "A", "B"].map((id) => [id, new Set<string>()]));
  expect(dependencyOrder(graph).order).toEqual(["C", "A", "B"]);
});
