import { expect, test } from "vitest";
import { createTrace } from "./trace.ts";

const query = (id: string) => ({ type: "state", kind: "query", name: "primary", id, to: "RUNNING" }) as const;

test("waiting for what happened already takes it from the past, but for log lines", async () => {
  const trace = createTrace(() => 5);
  trace.emit(query("1"));
  trace.emit({ type: "log", logGroup: "g", logStream: "s", message: "early" });
  await expect(trace.waitFor((event) => event.type === "state", { includePast: true })).resolves.toEqual({
    at: 5,
    ...query("1"),
  });
  const line = trace.waitFor((event) => event.type === "log", { includePast: true });
  trace.emit({ type: "log", logGroup: "g", logStream: "s", message: "late" });
  await expect(line).resolves.toMatchObject({ message: "late" });
});

test("a wait ends with its signal, also with one that was aborted before", async () => {
  const trace = createTrace(() => 0);
  const controller = new AbortController();
  const options = { signal: controller.signal };
  const before = trace.waitFor(() => true, options);
  controller.abort(new Error("enough"));
  await expect(before).rejects.toThrow("enough");
  await expect(trace.waitFor(() => true, options)).rejects.toThrow("enough");
});
