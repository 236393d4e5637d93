import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Bus, RoleSession } from "../bus.ts";
import { RuntimeClock } from "../clock.ts";
import { createIds } from "../ids.ts";
import { AwsError, type ServiceDeps } from "../service.ts";
import { openState } from "../state.ts";
import { createTrace, type Trace } from "../trace.ts";
import type { FunctionConfiguration } from "./function-configuration.ts";
import { LambdaHost } from "./host.ts";
import { residentMemory } from "./memory.ts";

const SESSION: RoleSession = {
  principal: { kind: "service", service: "lambda.amazonaws.com", sourceArn: "" },
  accessKeyId: "AK",
  secretAccessKey: "SK",
  sessionToken: "ST",
};

let directory: string;
let clock: RuntimeClock;
let trace: Trace;
let host: LambdaHost;
let state: ReturnType<typeof openState>;
/** What reached the log groups, in order. */
let logs: { group: string; stream: string; message: string }[];
let refuseLogs: boolean;
let requests = 0;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "lambda-host-"));
  logs = [];
  refuseLogs = false;
  clock = new RuntimeClock();
  trace = createTrace(() => clock.now());
  state = openState(path.join(directory, "state"));
  host = new LambdaHost(deps(), { accountConcurrency: 3 });
});

afterEach(async () => {
  await host.stop();
  clock.close();
  state.close();
  rmSync(directory, { recursive: true, force: true });
});

function deps(): ServiceDeps {
  const bus: Bus = {
    call: ((name: string, input: { logGroupName: string; logStreamName: string; logEvents: { message: string }[] }) => {
      if (refuseLogs) return Promise.reject(new AwsError("AccessDeniedException", "no"));
      if (name === "logs:PutLogEvents") {
        for (const { message } of input.logEvents) {
          logs.push({ group: input.logGroupName, stream: input.logStreamName, message });
        }
      }
      return Promise.resolve({});
    }) as unknown as Bus["call"], // One function in place of an overloaded one.
    allowed: () => Promise.resolve(true),
    objectFile: () => Promise.reject(new Error("not used")),
    assumeRole: () => Promise.resolve(SESSION),
  };
  return {
    clock,
    ids: createIds("host"),
    trace,
    state,
    bus,
    environment: { account: "1", region: "eu-west-1", partition: "aws", endpoint: () => "http://127.0.0.1:4566" },
    assets: { find: () => undefined },
  };
}

function configure(code: string, settings: Partial<FunctionConfiguration> = {}): FunctionConfiguration {
  const bundle = path.join(directory, "bundle");
  mkdirSync(bundle, { recursive: true });
  writeFileSync(path.join(bundle, "index.mjs"), code);
  return {
    functionName: "f",
    functionArn: "arn:aws:lambda:eu-west-1:1:function:f",
    revisionId: "1",
    directory: bundle,
    handler: "index.handler",
    runtime: "nodejs24.x",
    roleArn: "role",
    timeoutSeconds: 10,
    memoryMiB: 128,
    variables: {},
    logging: { group: "/aws/lambda/f", format: "Text", applicationLevel: undefined, systemLevel: undefined },
    reservedConcurrency: undefined,
    ...settings,
  };
}

async function invoke(configuration: FunctionConfiguration, event: unknown = {}) {
  const requestId = `request-${++requests}`;
  const result = await host.invoke(configuration, { requestId, payload: JSON.stringify(event) });
  return { ...result, requestId, answer: JSON.parse(result.payload) as Record<string, unknown> };
}

describe("a function's process", () => {
  test("has Lambda's variables, the function's own, and nothing of the runtime's", async () => {
    process.env["MUST_NOT_LEAK"] = "1";
    const { answer } = await invoke(
      configure("export const handler = async () => process.env;", { variables: { MINE: "1", TZ: "Asia/Tokyo" } }),
    );
    delete process.env["MUST_NOT_LEAK"];
    expect(Object.keys(answer).toSorted()).toEqual([
      "AWS_ACCESS_KEY_ID",
      "AWS_DEFAULT_REGION",
      "AWS_ENDPOINT_URL",
      "AWS_EXECUTION_ENV",
      "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
      "AWS_LAMBDA_FUNCTION_NAME",
      "AWS_LAMBDA_FUNCTION_VERSION",
      "AWS_LAMBDA_INITIALIZATION_TYPE",
      "AWS_LAMBDA_LOG_FORMAT",
      "AWS_LAMBDA_LOG_GROUP_NAME",
      "AWS_LAMBDA_LOG_STREAM_NAME",
      "AWS_LAMBDA_RUNTIME_API",
      "AWS_REGION",
      "AWS_SECRET_ACCESS_KEY",
      "AWS_SESSION_TOKEN",
      "AWS_XRAY_CONTEXT_MISSING",
      "HOME",
      "LAMBDA_RUNTIME_DIR",
      "LAMBDA_TASK_ROOT",
      "LANG",
      "MINE",
      "PATH",
      "TMPDIR",
      "TZ",
      "_HANDLER",
    ]);
    expect(answer).toMatchObject({
      AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
      AWS_ENDPOINT_URL: "http://127.0.0.1:4566",
      AWS_SESSION_TOKEN: "ST",
      TZ: "Asia/Tokyo",
      AWS_LAMBDA_LOG_STREAM_NAME: expect.stringMatching(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/) as string,
    });
  });

  test("gives the handler Lambda's context", async () => {
    const configuration = configure(
      "export const handler = async (_, c) => ({ ...c, left: c.getRemainingTimeInMillis() });",
    );
    const { answer, requestId } = await invoke(configuration);
    expect(answer).toMatchObject({
      functionName: "f",
      functionVersion: "$LATEST",
      memoryLimitInMB: "128",
      invokedFunctionArn: "arn:aws:lambda:eu-west-1:1:function:f",
      awsRequestId: requestId,
      logGroupName: "/aws/lambda/f",
    });
    expect(answer["left"]).toBeGreaterThan(5_000);
    expect(answer["left"]).toBeLessThanOrEqual(10_000);
  });

  test("is kept warm for the next invocation, and ended when it was idle for long", async () => {
    const configuration = configure("let n = 0; export const handler = async () => ({ n: ++n, pid: process.pid });");
    const first = await invoke(configuration);
    const second = await invoke(configuration);
    expect(second.answer).toEqual({ n: 2, pid: first.answer["pid"] });
    await clock.advance(6 * 60_000);
    expect((await invoke(configuration)).answer["n"]).toBe(1);
  });

  test("stands still between invocations, as in Lambda", { skip: process.platform !== "linux" }, async () => {
    const { answer } = await invoke(configure("export const handler = async () => ({ pid: process.pid });"));
    const status = () => readFileSync(`/proc/${String(answer["pid"])}/stat`, "utf8").split(") ")[1]?.[0];
    await vi.waitFor(() => expect(status()).toBe("T"));
    expect((await invoke(configure("export const handler = async () => ({ pid: process.pid });"))).answer).toEqual(
      answer,
    );
  });

  test("runs by the runtime's clock, told anew with each invocation", async () => {
    await clock.advance(24 * 3600_000);
    const configuration = configure(
      `export const handler = async () => ({
        now: Date.now(), made: new Date().getTime(), given: new Date(5).getTime(), text: Date(),
        is: new Date() instanceof Date && new Date().constructor === Date, utc: Date.UTC(1970, 0),
      });`,
    );
    const { answer } = await invoke(configuration);
    expect(Math.abs(Number(answer["now"]) - clock.now())).toBeLessThan(5_000);
    expect(Math.abs(Number(answer["made"]) - clock.now())).toBeLessThan(5_000);
    expect(answer).toMatchObject({ given: 5, is: true, utc: 0 });
    expect(String(answer["text"])).toContain(String(new Date(clock.now()).getFullYear()));
    await clock.advance(60_000);
    expect(Math.abs(Number((await invoke(configuration)).answer["now"]) - clock.now())).toBeLessThan(5_000);
  });

  test("reaches no host but 127.0.0.1, and the error names the host it wanted", async () => {
    const configuration = configure(
      `import http from "node:http"; import dgram from "node:dgram"; import tls from "node:tls";
      const error = (start) => new Promise((resolve) => start().on("error", (e) => resolve([e.name, e.message])));
      export const handler = async () => ({
        http: await error(() => http.get("http://sqs.us-east-1.amazonaws.com/")),
        tls: await error(() => tls.connect(443, "s3.amazonaws.com")),
        fetch: await fetch("https://example.com/").catch((e) => [e.cause.name, e.cause.message]),
        dgram: await new Promise((resolve) => {
          try { dgram.createSocket("udp4").send("x", 53, "8.8.8.8"); resolve("sent"); }
          catch (e) { resolve([e.name, e.message]); }
        }),
        metadata: await error(() => http.get("http://169.254.169.254/latest/")),
      });`,
    );
    const { answer, logTail } = await invoke(configuration, {});
    const refused = (host: string) => ["HostRefusedError", expect.stringContaining(`connection to ${host} refused`)];
    expect(answer).toEqual({
      http: refused("sqs.us-east-1.amazonaws.com:80"),
      tls: refused("s3.amazonaws.com:443"),
      fetch: refused("example.com:443"),
      dgram: refused("8.8.8.8"),
      metadata: refused("169.254.169.254:80"),
    });
    expect(logTail).toContain("connection to example.com:443 refused");
  });
});

describe("what fails", () => {
  test.each([
    [
      "a handler that throws",
      "export const handler = async () => { throw new TypeError('boom'); };",
      "TypeError",
      "boom",
    ],
    [
      "a rejection nobody handles",
      "export const handler = async () => { Promise.reject(new Error('lost')); await new Promise(() => {}); };",
      "Runtime.UnhandledPromiseRejection",
      "Error: lost",
    ],
    [
      "an exception outside the handler",
      "export const handler = () => new Promise(() => setImmediate(() => { throw new Error('out'); }));",
      "Error",
      "out",
    ],
    [
      "a promise that never settles",
      "export const handler = () => new Promise(() => {});",
      "Runtime.NodeJsExit",
      "a Promise that was never settled",
    ],
    [
      "a value that is not JSON",
      "export const handler = async () => 1n;",
      "Runtime.MarshalResponse",
      "Do not know how to serialize a BigInt",
    ],
    [
      "a missing export",
      "export const other = 1;",
      "Runtime.HandlerNotFound",
      "index.handler is undefined or not exported",
    ],
    ["a syntax error", "export const handler = (;", "Runtime.UserCodeSyntaxError", "SyntaxError"],
    ["a missing module", "import 'not-there'; export const handler = 1;", "Runtime.ImportModuleError", "not-there"],
    ["an error while loading", "throw new RangeError('at load'); export const handler = 1;", "RangeError", "at load"],
    [
      "a callback handler",
      "export const handler = (event, context, callback) => callback(null, 1);",
      "Runtime.CallbackHandlerDeprecated",
      "removed support for callback-based",
    ],
    [
      "process.exit",
      "export const handler = async () => process.exit(3);",
      "Runtime.ExitError",
      "Runtime exited with error: exit status 3",
    ],
    [
      "process.exit(0)",
      "export const handler = async () => process.exit(0);",
      "Runtime.ExitError",
      "Runtime exited without providing a reason",
    ],
  ])("%s is an error of the function, with AWS's type", async (_, code, errorType, message) => {
    const result = await invoke(configure(code));
    expect(result.status).toBe("error");
    expect(result.answer).toMatchObject({ errorType, errorMessage: expect.stringContaining(message) as string });
  });

  test("a process that dies in the middle of a log line leaves what it wrote of it", async () => {
    const code = `import { writeSync } from "node:fs";
      export const handler = async () => { writeSync(3, '{"time":1,"message":"half a l'); process.exit(1); };`;
    const result = await invoke(configure(code));
    expect(result.answer).toMatchObject({ errorType: "Runtime.ExitError" });
    expect(result.logTail).toContain('{"time":1,"message":"half a l\n');
  });

  test("nodejs22.x says why a callback handler is not run", async () => {
    const code = "export const handler = (event, context, callback) => callback(null, 1);";
    const { answer } = await invoke(configure(code, { runtime: "nodejs22.x" }));
    expect(answer["errorMessage"]).toContain("nodejs22.x runs such handlers on AWS, the local runtime");
  });

  test("after a failed process the next invocation has a new one", async () => {
    const configuration = configure("export const handler = async (e) => e.die ? process.exit(1) : 'alive';");
    expect((await invoke(configuration, { die: true })).status).toBe("error");
    expect((await invoke(configuration)).answer).toBe("alive");
  });

  test("a busy loop is killed at the timeout, and the log says so", async () => {
    const result = await invoke(configure("export const handler = async () => { for (;;); };", { timeoutSeconds: 1 }));
    expect(result.status).toBe("timeout");
    expect(result.answer).toEqual({
      errorType: "Sandbox.Timedout",
      errorMessage: `RequestId: ${result.requestId} Error: Task timed out after 1.00 seconds`,
    });
    expect(result.logTail).toContain(`${result.requestId} Task timed out after 1.00 seconds`);
    expect(result.logTail).toContain("Status: timeout");
  });

  test.each([
    ["buffers", "const all = []; for (;;) all.push(Buffer.alloc(4e6, 1));"],
    ["objects", "const all = []; for (;;) all.push([{}, {}, {}]);"],
  ])("%s over the memory limit are its end", async (_, code) => {
    const result = await invoke(configure(`export const handler = async () => { ${code} };`));
    expect(result.answer).toMatchObject({
      errorType: "Runtime.ExitError",
      errorMessage: expect.stringMatching(/Runtime exited with error: signal: (killed|aborted)/) as string,
    });
  });
});

describe("concurrency", () => {
  /** A function whose invocations end when the test says so. */
  async function gate(): Promise<{
    code: string;
    open: () => void;
    waiting: (count: number) => Promise<void>;
    server: Server;
  }> {
    const sockets: Socket[] = [];
    let arrived = () => {};
    const server = createServer((socket) => {
      sockets.push(socket);
      arrived();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    return {
      code: `import net from "node:net";
        export const handler = () => new Promise((resolve) => net.connect(${port}, "127.0.0.1").resume().on("close", () => resolve(process.pid)));`,
      open: () => sockets.forEach((socket) => socket.end()),
      waiting: (count) =>
        new Promise((resolve) => {
          arrived = () => sockets.length >= count && resolve();
          arrived();
        }),
      server,
    };
  }

  test("invocations at the same time have a process each", async () => {
    const { code, open, waiting, server } = await gate();
    const configuration = configure(code);
    const both = Promise.all([invoke(configuration), invoke(configuration)]);
    await waiting(2);
    expect(host.busy("f")).toBe(2);
    open();
    const [first, second] = await both;
    expect(first.answer).not.toBe(second.answer);
    server.close();
  });

  test("more than the function's or the account's limit is throttled, with the reason", async () => {
    const { code, open, waiting, server } = await gate();
    const going = [invoke(configure(code, { reservedConcurrency: 1 }))];
    await waiting(1);
    await expect(invoke(configure(code, { reservedConcurrency: 1 }))).rejects.toMatchObject({
      code: "TooManyRequestsException",
      fields: { Reason: "ReservedFunctionConcurrentInvocationLimitExceeded" },
    });
    going.push(invoke(configure(code)), invoke(configure(code)));
    await waiting(3);
    await expect(invoke(configure(code))).rejects.toMatchObject({
      fields: { Reason: "ConcurrentInvocationLimitExceeded" },
    });
    open();
    await Promise.all(going);
    server.close();
  });

  test("a changed revision runs in a new process", async () => {
    const code = "export const handler = async () => process.pid;";
    const first = await invoke(configure(code));
    const second = await invoke(configure(code, { revisionId: "2" }));
    expect(second.answer).not.toBe(first.answer);
  });
});

describe("logs", () => {
  /** Resolves when the log has a line that the pattern matches. */
  const logged = (pattern: RegExp) => vi.waitFor(() => expect(logs.map((l) => l.message).join("")).toMatch(pattern));

  test("hold Lambda's lines around the function's, a message with newlines in one event", async () => {
    const code = `export const handler = async () => {
      console.log("two\\nlines", { a: 1 }); process.stdout.write("raw 1\\nraw 2\\n"); console.warn("careful"); };`;
    const { requestId } = await invoke(configure(code));
    await logged(/REPORT/);
    expect(logs[0]).toMatchObject({ group: "/aws/lambda/f", stream: expect.stringContaining("[$LATEST]") as string });
    const messages = logs.map(({ message }) => message);
    expect(messages.at(0)).toBe(`START RequestId: ${requestId} Version: $LATEST\n`);
    const own = messages.slice(1, -2);
    expect(own.filter((line) => line.startsWith("raw"))).toEqual(["raw 1\n", "raw 2\n"]);
    expect(own.filter((line) => !line.startsWith("raw"))).toEqual([
      expect.stringMatching(new RegExp(`^\\d{4}-.*Z\t${requestId}\tINFO\ttwo\nlines { a: 1 }$`)),
      expect.stringMatching(new RegExp(`Z\t${requestId}\tWARN\tcareful$`)),
    ]);
    expect(messages.at(-2)).toBe(`END RequestId: ${requestId}\n`);
    expect(messages.at(-1)).toMatch(
      new RegExp(
        `^REPORT RequestId: ${requestId}\tDuration: \\d+\\.\\d\\d ms\tBilled Duration: \\d+ ms\tMemory Size: 128 MB\tMax Memory Used: \\d+ MB\tInit Duration: \\d+\\.\\d\\d ms\t\n$`,
      ),
    );
  });

  test("in JSON have a level, and only those that the levels let through", async () => {
    const code = `export const handler = async () => {
      console.debug("no"); console.info({ a: 1 }); console.error("failed", new RangeError("r")); };`;
    const logging = { group: "custom", format: "JSON", applicationLevel: "INFO", systemLevel: "INFO" } as const;
    const { requestId } = await invoke(configure(code, { logging }));
    await logged(/platform\.report/);
    const events = logs.map(({ message }) => JSON.parse(message) as Record<string, unknown>);
    expect(events).toMatchObject([
      { type: "platform.start", record: { requestId, version: "$LATEST" } },
      { level: "INFO", requestId, message: { a: 1 } },
      {
        level: "ERROR",
        requestId,
        errorType: "RangeError",
        errorMessage: "r",
        stackTrace: expect.any(Array) as string[],
      },
      { type: "platform.report", record: { requestId, status: "success", metrics: { memorySizeMB: 128 } } },
    ]);
  });

  test("that the role may not write are lost, and nothing else is", async () => {
    refuseLogs = true;
    const configuration = configure("export const handler = async () => 1;");
    expect((await invoke(configuration)).answer).toBe(1);
    expect((await invoke(configuration)).answer).toBe(1);
    expect(logs).toEqual([]);
  });
});

describe("the end", () => {
  test("of an invocation is the end of the watch on its memory, also when a look at it was going on", async () => {
    const waiting = new Set<unknown>();
    const timer = clock.timer.bind(clock);
    // A look at the memory begins just before every cancellation: as late as it can.
    vi.spyOn(clock, "timer").mockImplementation((delay, fire, options) => {
      if (delay > 250) return timer(delay, fire, options);
      const fired = () => {
        if (waiting.delete(made)) fire();
      };
      const made = timer(delay, fired, options);
      waiting.add(made);
      return { cancel: () => (fired(), made.cancel()) };
    });
    await invoke(configure("export const handler = async () => 1;"));
    await host.stop();
    await vi.waitFor(() => expect(waiting.size).toBe(0));
    await residentMemory(process.pid);
    await new Promise((resolve) => setImmediate(resolve));
    expect(waiting.size).toBe(0);
  });

  test("stop leaves no process", async () => {
    const { answer } = await invoke(configure("export const handler = async () => process.pid;"));
    await host.stop();
    expect(() => process.kill(Number(answer), 0)).toThrow(/ESRCH/);
  });

  test("a runtime that is killed takes its functions along, even one in a busy loop", async () => {
    // The connection of the busy function closes when, and only when, its process has gone.
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const connected = new Promise<Socket>((resolve) => server.once("connection", resolve));
    const configuration = configure(
      `import net from "node:net";
      export const handler = () => new Promise(() => net.connect(${(server.address() as AddressInfo).port}, "127.0.0.1", () => { for (;;); }));`,
      { timeoutSeconds: 900 },
    );
    const script = path.join(directory, "runtime.ts");
    writeFileSync(script, RUNTIME);
    const runtime = spawn(process.execPath, [script, import.meta.dirname, JSON.stringify(configuration), directory], {
      stdio: "inherit",
    });
    const socket = await connected;
    const closed = new Promise((resolve) =>
      socket
        .resume()
        .on("error", () => {})
        .on("close", () => resolve(true)),
    );
    runtime.kill("SIGKILL");
    expect(await closed).toBe(true);
    server.close();
  });
});

/** A runtime with nothing but a Lambda host, which invokes a function. */
const RUNTIME = `
const [, , lambda, configuration, directory] = process.argv;
const { LambdaHost } = await import(lambda + "/host.ts");
const { RuntimeClock } = await import(lambda + "/../clock.ts");
const { createIds } = await import(lambda + "/../ids.ts");
const { openState } = await import(lambda + "/../state.ts");
const host = new LambdaHost({
  clock: new RuntimeClock(), ids: createIds(), trace: { emit() {} }, state: openState(directory + "/other-state"),
  bus: { assumeRole: async () => ({}), call: async () => ({}) },
  environment: { account: "1", region: "eu-west-1", partition: "aws", endpoint: () => "http://127.0.0.1:1" },
});
await host.invoke(JSON.parse(configuration), { requestId: "r", payload: "{}" });
`;
