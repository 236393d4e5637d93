/**
 * The runtime interface client: what runs in a function's process. It loads the handler, takes events from the Lambda
 * Runtime API and posts the answers, as the one of AWS's Node 24 runtime does
 * (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html,
 * https://github.com/aws/aws-lambda-nodejs-runtime-interface-client): only handlers that return a promise or a value.
 *
 * It imports nothing of ours but types: it must stand alone beside the guard when packaged.
 */
import { existsSync, writeSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "node:util";
import type { ChildClock } from "./guard.ts";

/** One line of JSON on this descriptor is one log event, so that a message with newlines stays whole. */
const LOG_FD = 3;
const API_VERSION = "2018-06-01";

interface InvocationContext {
  functionName: string | undefined;
  functionVersion: string | undefined;
  memoryLimitInMB: string | undefined;
  logGroupName: string | undefined;
  logStreamName: string | undefined;
  invokedFunctionArn: string | undefined;
  awsRequestId: string;
  clientContext: unknown;
  identity: unknown;
  getRemainingTimeInMillis(): number;
}

type UserHandler = (event: unknown, context: InvocationContext) => unknown;

let currentRequestId: string | undefined;

// --- logging --------------------------------------------------------------------------------------------------------

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] as const;
type Level = (typeof LEVELS)[number];

function patchConsole(): void {
  const json = process.env["AWS_LAMBDA_LOG_FORMAT"] === "JSON";
  const lowest = LEVELS.indexOf((process.env["AWS_LAMBDA_LOG_LEVEL"] ?? "TRACE") as Level);
  const logger =
    (level: Level) =>
    (message?: unknown, ...parameters: unknown[]) => {
      if (json && LEVELS.indexOf(level) < lowest) return;
      const time = new Date();
      const text = json ? jsonLine(time, level, message, parameters) : textLine(time, level, message, parameters);
      writeSync(LOG_FD, `${JSON.stringify({ time: time.getTime(), message: text })}\n`);
    };
  const methods = { trace: "TRACE", debug: "DEBUG", info: "INFO", log: "INFO", warn: "WARN", error: "ERROR" } as const;
  for (const [method, level] of Object.entries(methods)) Object.assign(console, { [method]: logger(level) });
  Object.assign(console, { fatal: logger("FATAL") });
}

function textLine(time: Date, level: Level, message: unknown, parameters: unknown[]): string {
  return `${time.toISOString()}\t${currentRequestId}\t${level}\t${format(message, ...parameters)}`;
}

function jsonLine(time: Date, level: Level, message: unknown, parameters: unknown[]): string {
  const head = { timestamp: time.toISOString(), level, requestId: currentRequestId };
  if (parameters.length > 0) {
    const error = parameters.find((parameter) => parameter instanceof Error);
    return JSON.stringify({ ...head, message: format(message, ...parameters), ...(error && errorMembers(error)) });
  }
  try {
    return JSON.stringify({ ...head, message }, (_, value: unknown) =>
      value instanceof Error ? Object.assign(errorMembers(value), value) : value,
    );
  } catch {
    return JSON.stringify({ ...head, message: format(message) });
  }
}

function errorMembers(error: Error): Record<string, unknown> {
  return {
    errorType: error.constructor.name,
    errorMessage: error.message,
    stackTrace: error.stack?.split("\n") ?? [],
  };
}

/** Everything logged so far is in the pipe: the host may close the invocation's log. */
function markLogsComplete(requestId: string): void {
  writeSync(LOG_FD, `${JSON.stringify({ done: requestId })}\n`);
}

function logError(title: string, error: Error): void {
  if (process.env["AWS_LAMBDA_LOG_FORMAT"] === "JSON") return console.error(error);
  const members = Object.assign({ errorType: error.name, errorMessage: error.message }, error, {
    stack: error.stack?.split("\n"),
  });
  console.error(`${title} \t${JSON.stringify(members)}`);
}

// --- errors ---------------------------------------------------------------------------------------------------------

function runtimeError(type: string, message: string, stack?: string): Error {
  const error = new Error(message);
  error.name = `Runtime.${type}`;
  error.stack = stack ?? `${error.name}: ${message}`;
  return error;
}

function errorBody(error: unknown): string {
  return JSON.stringify(
    error instanceof Error
      ? { errorType: error.name, errorMessage: error.message, trace: error.stack?.split("\n") ?? [] }
      : { errorType: typeof error, errorMessage: String(error), trace: [] },
  );
}

// --- the Runtime API ------------------------------------------------------------------------------------------------

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const [apiHost, apiPort] = (process.env["AWS_LAMBDA_RUNTIME_API"] ?? "").split(":");

function call(
  method: "GET" | "POST",
  apiPath: string,
  body?: string,
  headers: http.OutgoingHttpHeaders = {},
): Promise<{ headers: http.IncomingHttpHeaders; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host: apiHost, port: apiPort, agent, method, path: `/${API_VERSION}/runtime${apiPath}`, headers },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
        response.on("error", reject);
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

function postError(apiPath: string, error: unknown): Promise<unknown> {
  const type = error instanceof Error ? error.name : typeof error;
  return call("POST", apiPath, errorBody(error), { "Lambda-Runtime-Function-Error-Type": encodeURIComponent(type) });
}

// --- the handler ----------------------------------------------------------------------------------------------------

async function importModule(root: string, moduleRoot: string, moduleName: string): Promise<object> {
  const base = path.resolve(root, moduleRoot, moduleName);
  for (const extension of [".js", ".mjs", ".cjs"]) {
    if (existsSync(base + extension)) return (await import(pathToFileURL(base + extension).href)) as object;
  }
  // What AWS ends with too: resolution by Node's rules, whose error names what is missing.
  return createRequire(path.join(root, "index.js"))(base) as object;
}

async function loadHandler(): Promise<UserHandler> {
  const root = process.env["LAMBDA_TASK_ROOT"] ?? process.cwd();
  const name = process.env["_HANDLER"] ?? "";
  const fileName = path.basename(name);
  const match = /^([^.]*)\.(.*)$/.exec(fileName);
  if (name.includes("..") || !match) throw runtimeError("MalformedHandlerName", "Bad handler");
  const [, moduleName = "", handlerPath = ""] = match;

  let loaded: object;
  try {
    loaded = await importModule(root, name.slice(0, -fileName.length), moduleName);
  } catch (error) {
    if (error instanceof SyntaxError) throw runtimeError("UserCodeSyntaxError", String(error), error.stack);
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (error instanceof Error && (code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND")) {
      throw runtimeError("ImportModuleError", `Error: ${error.message}`, error.stack);
    }
    throw error;
  }

  const exported = lookUp(loaded, handlerPath) ?? lookUp("default" in loaded ? loaded.default : undefined, handlerPath);
  if (exported === undefined) throw runtimeError("HandlerNotFound", `${name} is undefined or not exported`);
  if (typeof exported !== "function") throw runtimeError("HandlerNotFound", `${name} is not a function`);
  if (exported.length >= 3) {
    if (process.env["AWS_EXECUTION_ENV"] === "AWS_Lambda_nodejs22.x") {
      throw runtimeError(
        "CallbackHandlerUnsupported",
        `${name} takes a callback: nodejs22.x runs such handlers on AWS, the local runtime (and nodejs24.x) does not. ` +
          "Return a promise instead.",
      );
    }
    throw runtimeError(
      "CallbackHandlerDeprecated",
      "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. " +
        "You need to modify this function to use a supported handler signature to use Node.js 24 or later. " +
        "For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.",
    );
  }
  return exported as UserHandler;
}

function lookUp(object: unknown, dottedPath: string): unknown {
  return dottedPath
    .split(".")
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object);
}

function contextOf(headers: http.IncomingHttpHeaders): InvocationContext {
  const text = (name: string) => headers[name] as string | undefined;
  const json = (name: string) => (text(name) === undefined ? undefined : (JSON.parse(text(name) ?? "") as unknown));
  const deadline = Number(text("lambda-runtime-deadline-ms"));
  return {
    functionName: process.env["AWS_LAMBDA_FUNCTION_NAME"],
    functionVersion: process.env["AWS_LAMBDA_FUNCTION_VERSION"],
    memoryLimitInMB: process.env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
    logGroupName: process.env["AWS_LAMBDA_LOG_GROUP_NAME"],
    logStreamName: process.env["AWS_LAMBDA_LOG_STREAM_NAME"],
    invokedFunctionArn: text("lambda-runtime-invoked-function-arn"),
    awsRequestId: text("lambda-runtime-aws-request-id") ?? "",
    clientContext: json("lambda-runtime-client-context"),
    identity: json("lambda-runtime-cognito-identity"),
    getRemainingTimeInMillis: () => deadline - new Date().getTime(),
  };
}

// --- the loop -------------------------------------------------------------------------------------------------------

function serialize(result: unknown): string {
  try {
    // A handler that returns nothing answers `null`.
    return JSON.stringify(result === undefined ? null : result) ?? "null";
  } catch (error) {
    throw runtimeError("MarshalResponse", error instanceof Error ? error.message : String(error));
  }
}

async function handleNext(handler: UserHandler): Promise<void> {
  const next = await call("GET", "/invocation/next");
  const context = contextOf(next.headers);
  currentRequestId = context.awsRequestId;
  const clock = (globalThis as Record<symbol, unknown>)[Symbol.for("local-lambda.clock")] as ChildClock | undefined;
  if (clock) clock.offset = Number(next.headers["local-runtime-clock-offset-ms"] ?? 0);
  const traceId = next.headers["lambda-runtime-trace-id"];
  if (typeof traceId === "string") process.env["_X_AMZN_TRACE_ID"] = traceId;
  else delete process.env["_X_AMZN_TRACE_ID"];

  const invocation = `/invocation/${context.awsRequestId}`;
  try {
    const body = serialize(await handler(JSON.parse(next.body), context));
    markLogsComplete(context.awsRequestId);
    await call("POST", `${invocation}/response`, body, { "Content-Type": "application/json" });
  } catch (error) {
    logError("Invoke Error", error instanceof Error ? error : new Error(String(error)));
    markLogsComplete(context.awsRequestId);
    await postError(`${invocation}/error`, error);
  }
}

/** An error outside the handler's promise ends the process, as in AWS; the caller learns of it. */
function dieOf(title: string, error: Error, exitCode: number): void {
  logError(title, error);
  const answer = currentRequestId === undefined ? "/init/error" : `/invocation/${currentRequestId}/error`;
  void postError(answer, error).finally(() => process.exit(exitCode));
}

patchConsole();
process.on("uncaughtException", (error) => dieOf("Uncaught Exception", error, 129));
process.on("unhandledRejection", (reason) => {
  const stack = reason instanceof Error ? reason.stack : undefined;
  dieOf("Unhandled Promise Rejection", runtimeError("UnhandledPromiseRejection", String(reason), stack), 128);
});

process.on("beforeExit", () => {
  // Nothing is left to happen, and the handler (or a top-level await) still waits.
  const message =
    "The Lambda runtime client detected an unexpected Node.js exit code. " +
    "This is most commonly caused by a Promise that was never settled. " +
    "For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes";
  dieOf("Unexpected Exit", runtimeError("NodeJsExit", message), 13);
});

let handler: UserHandler;
try {
  handler = await loadHandler();
} catch (error) {
  logError("Init Error", error instanceof Error ? error : new Error(String(error)));
  await postError("/init/error", error).catch(() => {});
  process.exit(1);
}
for (;;) {
  try {
    await handleNext(handler);
  } catch {
    // The Runtime API is gone, and with it the runtime: nobody waits for this process any more.
    process.exit(0);
  }
}
