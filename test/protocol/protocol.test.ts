import fc from "fast-check";
import { test } from "vitest";
import { type Faults, NO_FAULTS } from "./simulator.ts";
import { type Action, World } from "./world.ts";

const keys = ["a/1", "a/2", "a/3", "b/1"];
const content = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ bad: true as const }) },
  {
    weight: 4,
    arbitrary: fc
      .uniqueArray(fc.integer({ min: 0, max: 9 }), { maxLength: 3 })
      .map((values) => ({ rows: values.map((value) => [value % 2 ? "odd" : "even", value] as const) })),
  },
);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("put" as const), key: fc.constantFrom(...keys), content }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete" as const), key: fc.constantFrom(...keys) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("replay" as const), key: fc.constantFrom(...keys) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("repeat" as const), nth: fc.nat(20) }) },
);
const rate = (most: number) => fc.constantFrom(0, most / 4, most);
const faults: fc.Arbitrary<Faults> = fc.record({
  crash: rate(0.03),
  lostReply: rate(0.1),
  error: rate(0.05),
  conflict: rate(0.1),
  pause: rate(0.1),
});

const RUNS = Number(process.env.MILLRACE_PROTOCOL_RUNS ?? 200);

const history = {
  seed: fc.integer({ min: 0 }),
  actions: fc.array(action, { minLength: 1, maxLength: 14 }),
  maxFiles: fc.constantFrom(1, 2, 10),
  pageSize: fc.constantFrom(2, 1000),
};

interface History {
  readonly seed: number;
  readonly actions: readonly Action[];
  readonly maxFiles: number;
  readonly pageSize: number;
}

async function play({ seed, actions, maxFiles, pageSize }: History, faults: Faults): Promise<World> {
  const world = new World(seed, { maxFiles, pageSize });
  try {
    await world.play(actions, faults);
  } catch (error) {
    throw new Error(`${String(error)}\n${world.simulator.history.slice(-400).join("\n")}`, { cause: error });
  }
  return world;
}

test("every committed row is there exactly once, whatever crashes, repeats, overtakes or wakes up late", async () => {
  await fc.assert(
    fc.asyncProperty(fc.record({ ...history, faults }), async (one) => {
      await play(one, one.faults);
    }),
    { numRuns: RUNS },
  );
});

test("without faults nothing is left for a sweep, in whatever order events come and how often", async () => {
  await fc.assert(
    fc.asyncProperty(fc.record(history), async (one) => {
      await play(one, NO_FAULTS);
    }),
    { numRuns: RUNS },
  );
});
