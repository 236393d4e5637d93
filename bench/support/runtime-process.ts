/**
 * A runtime in a process of its own, started on a cloud assembly. Tells the parent when it is ready, and its size when
 * asked. Arguments: state directory, assembly directory.
 */
import { createDuckDbEngine } from "../../src/etl/duckdb/engine.ts";
import { startRuntime } from "../../src/local/runtime.ts";

const [stateDirectory = "", assembly = ""] = process.argv.slice(2);
const runtime = await startRuntime({ stateDirectory, port: 0, engine: createDuckDbEngine() });
await runtime.deploy(assembly);
const { endpoint, region, credentials } = runtime;
process.send?.({ endpoint, region, credentials });

process.on("message", (message) => {
  if (message === "size") {
    globalThis.gc?.();
    process.send?.({ rss: process.memoryUsage.rss() });
  } else {
    void runtime.stop().then(() => process.disconnect());
  }
});
