import { describe, expect, test } from "vitest";
import { csvPlan } from "../../../test/support/small-plans.ts";
import type { Plan } from "../../plan/plan.ts";
import type { ObjectEvent } from "../shared/s3-event.ts";
import { route } from "./route.ts";

const plan: Plan = {
  version: 1,
  pipeline: "shop",
  datasets: {
    orders: csvPlan({ name: "orders", prefix: "orders/" }),
    returns: csvPlan({ name: "returns", prefix: "orders/returns/" }),
  },
};
const event = (change: Partial<ObjectEvent> = {}): ObjectEvent => ({
  name: "ObjectCreated:Put",
  bucket: "drop",
  key: "orders/a.csv",
  size: 10,
  version: "v1",
  ...change,
});

describe("an event leads to", () => {
  test("the dataset whose prefix is the longest", () => {
    expect(route(plan, "drop", event())).toMatchObject({ kind: "dataset", dataset: "orders" });
    const returned = event({ key: "orders/returns/a.csv" });
    expect(route(plan, "drop", returned)).toMatchObject({ kind: "dataset", dataset: "returns" });
  });

  test("every way an object can be created, and no other event", () => {
    for (const name of ["Put", "Post", "Copy", "CompleteMultipartUpload"]) {
      expect(route(plan, "drop", event({ name: `ObjectCreated:${name}` })).kind).toBe("dataset");
    }
    expect(route(plan, "drop", event({ name: "ObjectRemoved:Delete" })).kind).toBe("acknowledge");
  });

  test("nothing for a folder marker, but an empty file is a file", () => {
    expect(route(plan, "drop", event({ key: "orders/", size: 0 })).kind).toBe("acknowledge");
    expect(route(plan, "drop", event({ key: "orders/empty.csv", size: 0 })).kind).toBe("dataset");
    expect(route(plan, "drop", event({ key: "orders/odd/", size: 7 })).kind).toBe("dataset");
  });

  test("the list of ignored objects when no dataset takes it, with the prefixes that there are", () => {
    expect(route(plan, "drop", event({ key: "order/a.csv" }))).toEqual({
      kind: "ignore",
      key: "order/a.csv",
      version: "v1",
      reason: "no dataset takes it: prefixes are orders/, orders/returns/",
    });
  });

  test("an error when the stack is wired wrongly", () => {
    expect(() => route(plan, "drop", event({ bucket: "other" }))).toThrow("this pipeline reads drop");
    expect(() => route(plan, "drop", event({ version: undefined }))).toThrow("not versioned");
  });
});
