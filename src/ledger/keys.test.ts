import fc from "fast-check";
import { expect, test } from "vitest";
import {
  childRuns,
  compareRuns,
  keyHash,
  ledgerKeys,
  parseAttemptKey,
  parseMarkerKey,
  parsePendingId,
  parsePendingKey,
  pendingId,
  rootRun,
  runId,
} from "./keys.ts";

test("runs are ordered by age: by number, and the halves of a split one after it and before the next", () => {
  const [first, second] = childRuns("000012");
  const inOrder = [
    runId(2),
    runId(11),
    runId(12),
    first,
    `${first}.1`,
    `${first}.2`,
    second,
    runId(13),
    runId(1_000_000),
  ];
  expect([...inOrder].sort().sort(compareRuns)).toEqual(inOrder);
  expect([...inOrder].reverse().sort(compareRuns)).toEqual(inOrder);
  expect(compareRuns(first, first)).toBe(0);
});

test("up to a million runs, names sort as runs do", () => {
  const run = fc.tuple(fc.integer({ min: 1, max: 999_999 }), fc.array(fc.constantFrom(1, 2), { maxLength: 3 }));
  fc.assert(
    fc.property(run, run, ([a, x], [b, y]) => {
      const [left, right] = [[runId(a), ...x].join("."), [runId(b), ...y].join(".")];
      expect(Math.sign(compareRuns(left, right))).toBe(left === right ? 0 : left < right ? -1 : 1);
    }),
  );
});

test("the run that has the lease is the root of what it was split into", () => {
  expect(rootRun("000012.1.2")).toBe("000012");
  expect(rootRun("000012")).toBe("000012");
});

test("names of pendings lead back to their object, version and try", () => {
  const id = pendingId("in/ü [x].csv", "v.1-2", 7);
  const key = ledgerKeys.pending("orders", id);
  expect(parsePendingKey(key)).toEqual({ id, keyHash: keyHash("in/ü [x].csv") });
  expect(ledgerKeys.objectOfHash("orders", keyHash("in/ü [x].csv"))).toBe(ledgerKeys.object("orders", "in/ü [x].csv"));
  expect(parsePendingId(id)).toEqual({ version: `${keyHash("in/ü [x].csv")}-${keyHash("v.1-2")}`, tryNumber: 7 });
});

test("markers and attempts are told from other keys by their names", () => {
  const marker = { dataset: "orders", day: "2026-11-24", run: "000012.1" };
  expect(parseMarkerKey(ledgerKeys.marker(marker.dataset, marker.day, marker.run))).toEqual(marker);
  expect(parseMarkerKey("ledger/published/orders/day=2026-11-24/000012.jsonl")).toBeUndefined();
  expect(parseMarkerKey("ledger/commits/orders/day=2026-11-24/000012.jsonl.tmp")).toBeUndefined();
  expect(parseAttemptKey(ledgerKeys.attempt("orders", "000012", 3))).toBe(3);
  expect(parseAttemptKey(ledgerKeys.manifest("orders", "000012"))).toBeUndefined();
});

test("two datasets share no place in staging", () => {
  expect(ledgerKeys.staging("a", "000001", "jr_1").startsWith(ledgerKeys.stagingPrefix("a", "000001"))).toBe(true);
  expect(ledgerKeys.staging("b", "000001", "jr_1").startsWith(ledgerKeys.stagingPrefix("a", "000001"))).toBe(false);
  expect(ledgerKeys.staging("a", "000001.1", "jr_1").startsWith(ledgerKeys.stagingPrefix("a", "000001"))).toBe(false);
});
