import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  BatchStopJobRunCommand,
  CreateJobCommand,
  type CreateJobCommandInput,
  DeleteJobCommand,
  GetJobCommand,
  GetJobRunCommand,
  GetJobRunsCommand,
  GetJobsCommand,
  GlueClient,
  StartJobRunCommand,
  type StartJobRunCommandInput,
} from "@aws-sdk/client-glue";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startLocalServices, type LocalServices } from "../../../../../test/support/local-services.ts";
import type { JobEngine, JobEngineRun } from "../../../job-engine.ts";
import type { Service, ServiceDeps } from "../../../service.ts";
import { createJobs } from "./service.ts";

/** Writes what it was given to stdout and fails, waits or ends as its argument says. */
const SCRIPT = `
import { writeFileSync } from "node:fs";
const argv = process.argv.slice(2);
const option = (name) => argv[argv.indexOf(name) + 1];
console.log(JSON.stringify({ argv, env: process.env }));
const mode = argv.includes("--mode-of-test") ? option("--mode-of-test") : "end";
if (mode === "fail") { console.error("ValueError: no such column"); process.exit(1); }
if (mode === "wait") setInterval(() => {}, 1000);
`;

/** A real engine, small: the script is JavaScript, its last line on stderr is the error. */
const engine: JobEngine = {
  run: (run: JobEngineRun) =>
    new Promise((resolve) => {
      const argv = Object.entries(run.arguments).flat();
      const child = spawn(process.execPath, [run.scriptPath, ...argv], {
        env: run.environment,
        cwd: run.workDirectory,
      });
      let errors = "";
      child.stdout.on("data", (data) => run.log("output", String(data).trimEnd()));
      child.stderr.on("data", (data) => {
        errors += String(data);
        run.log("error", String(data).trimEnd());
      });
      const kill = () => child.kill("SIGKILL");
      run.signal.addEventListener("abort", kill, { once: true });
      if (run.signal.aborted) kill();
      child.on("close", (code) => {
        resolve(code === 0 ? { succeeded: true } : { succeeded: false, errorMessage: errors.trim() || "killed" });
      });
    }),
};

let directory: string;
let local: LocalServices;
let glue: GlueClient;
let role: string;
let published: { Source: string; DetailType: string; Detail: string }[];
let logged: { logGroupName: string; logStreamName: string; logEvents: { message: string }[] }[];

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "jobs-test-"));
  writeFileSync(path.join(directory, "script.mjs"), SCRIPT);
  published = [];
  logged = [];
});

afterEach(async () => {
  await local.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Glue as a service with jobs alone. */
function createGlue(deps: ServiceDeps): Service {
  return { name: "glue", sdk: () => import("@aws-sdk/client-glue"), ...createJobs(deps, engine) };
}

/** Stand-ins for the services that jobs call, which keep what they were given. */
const neighbours = [
  (): Service => ({
    name: "events",
    sdk: () => import("@aws-sdk/client-eventbridge"),
    operations: { PutEvents: (input: { Entries: typeof published }) => void published.push(...input.Entries) },
    resources: {},
  }),
  (): Service => ({
    name: "logs",
    sdk: () => import("@aws-sdk/client-cloudwatch-logs"),
    operations: {
      CreateLogStream: () => ({}),
      PutLogEvents: (input: (typeof logged)[number]) => void logged.push(input),
    },
    resources: {},
  }),
  (): Service & { objectFile(bucket: string, key: string): unknown } => ({
    name: "s3",
    sdk: () => import("@aws-sdk/client-s3"),
    operations: {},
    resources: {},
    objectFile: (_, key) => ({ path: path.join(directory, key) }),
  }),
];

async function start(options: { state?: string } = {}): Promise<void> {
  const fresh = options.state === undefined || !existsSync(options.state);
  local = await startLocalServices({ services: [...neighbours, createGlue], ...options });
  glue = local.client(GlueClient);
  if (fresh) role = await local.role("job", "glue.amazonaws.com");
}

async function createJob(settings: Partial<CreateJobCommandInput> = {}): Promise<void> {
  await glue.send(
    new CreateJobCommand({
      Name: "job",
      Role: role,
      Command: { Name: "glueetl", ScriptLocation: "s3://scripts/script.mjs" },
      GlueVersion: "6.0",
      WorkerType: "G.1X",
      NumberOfWorkers: 2,
      ...settings,
    }),
  );
}

async function startRun(mode = "end", settings: Partial<StartJobRunCommandInput> = {}): Promise<string> {
  const Arguments = { "--mode-of-test": mode, ...settings.Arguments };
  const { JobRunId } = await glue.send(new StartJobRunCommand({ JobName: "job", ...settings, Arguments }));
  return JobRunId ?? "";
}

async function getRun(RunId: string) {
  const { JobRun } = await glue.send(new GetJobRunCommand({ JobName: "job", RunId }));
  return JobRun;
}

/** Resolves when the run came to the state, even if it did before. */
function reached(id: string, ...states: string[]) {
  return local.trace.waitFor((event) => event.type === "state" && event.id === id && states.includes(event.to), {
    includePast: true,
  });
}

/** The events about runs that reached the bus; resolves when there are so many. */
async function events(count: number): Promise<{ DetailType: string; detail: unknown }[]> {
  while (published.length < count) {
    await local.trace.waitFor((event) => event.type === "call" && event.operation === "PutEvents");
  }
  return published.map(({ DetailType, Detail }) => ({ DetailType, detail: JSON.parse(Detail) as unknown }));
}

describe("a run", () => {
  test("goes from STARTING to RUNNING to SUCCEEDED, and its event says so", async () => {
    await start();
    await createJob();
    const id = await startRun();
    expect(id).toMatch(/^jr_[0-9a-f]{64}$/);
    await reached(id, "SUCCEEDED");
    const states: string[] = [];
    await local.trace.waitFor(
      (event) => {
        if (event.type === "state" && event.id === id) states.push(event.to);
        return states.length === 3;
      },
      { includePast: true },
    );
    expect(states).toEqual(["STARTING", "RUNNING", "SUCCEEDED"]);
    expect(await getRun(id)).toMatchObject({
      Id: id,
      Attempt: 0,
      JobName: "job",
      JobRunState: "SUCCEEDED",
      Timeout: 480,
      WorkerType: "G.1X",
      NumberOfWorkers: 2,
      MaxCapacity: 2,
      LogGroupName: "/aws-glue/jobs",
      GlueVersion: "6.0",
    });
    expect(await events(1)).toEqual([
      {
        DetailType: "Glue Job State Change",
        detail: {
          jobName: "job",
          severity: "INFO",
          state: "SUCCEEDED",
          jobRunId: id,
          message: "Job run succeeded",
        },
      },
    ]);
  });

  test("sees its arguments: fixed ones win over the run's, the run's over the defaults, and Glue adds its own", async () => {
    await start();
    await createJob({
      DefaultArguments: { "--a": "default", "--b": "default", "--c": "default" },
      NonOverridableArguments: { "--c": "fixed" },
    });
    const id = await startRun("end", { Arguments: { "--b": "run", "--c": "run" } });
    await reached(id, "SUCCEEDED");
    expect((await getRun(id))?.Arguments).toEqual({ "--mode-of-test": "end", "--b": "run", "--c": "run" });
    const { argv, env } = JSON.parse(logged[0]?.logEvents[0]?.message ?? "") as { argv: string[]; env: object };
    const pairs = Object.fromEntries(argv.flatMap((name, index) => (index % 2 ? [] : [[name, argv[index + 1]]])));
    expect(pairs).toMatchObject({
      "--a": "default",
      "--b": "run",
      "--c": "fixed",
      "--JOB_NAME": "job",
      "--JOB_RUN_ID": id,
    });
    expect(logged[0]).toMatchObject({ logGroupName: "/aws-glue/jobs/output", logStreamName: id });
    expect(Object.keys(env).toSorted()).toEqual([
      "AWS_ACCESS_KEY_ID",
      "AWS_DEFAULT_REGION",
      "AWS_ENDPOINT_URL",
      "AWS_REGION",
      "AWS_SECRET_ACCESS_KEY",
      "AWS_SESSION_TOKEN",
    ]);
  });

  test("that fails is FAILED with its message, in the run, the event and the error log", async () => {
    await start();
    await createJob();
    const id = await startRun("fail");
    await reached(id, "FAILED");
    expect(await getRun(id)).toMatchObject({ JobRunState: "FAILED", ErrorMessage: "ValueError: no such column" });
    const [event] = await events(1);
    expect(event?.detail).toMatchObject({ severity: "ERROR", state: "FAILED", message: "ValueError: no such column" });
    const errors = logged.find(({ logGroupName }) => logGroupName === "/aws-glue/jobs/error");
    expect(errors?.logEvents[0]?.message).toBe("ValueError: no such column");
  });

  test("over its Timeout is TIMEOUT, and its process is gone", async () => {
    await start();
    await createJob({ Timeout: 5 });
    const id = await startRun("wait");
    await reached(id, "RUNNING");
    await local.clock.advance(5 * 60_000);
    await reached(id, "TIMEOUT");
    const [event] = await events(1);
    expect(event?.detail).toMatchObject({ severity: "WARN", state: "TIMEOUT", message: "Job run timed out" });
    expect((await getRun(id))?.ExecutionTime).toBeGreaterThanOrEqual(300);
  });

  test("that is stopped goes over STOPPING to STOPPED; one that has ended cannot be", async () => {
    await start();
    await createJob();
    const id = await startRun("wait");
    await reached(id, "RUNNING");
    const stop = (...JobRunIds: string[]) => glue.send(new BatchStopJobRunCommand({ JobName: "job", JobRunIds }));
    expect(await stop(id, "jr_none")).toMatchObject({
      SuccessfulSubmissions: [{ JobName: "job", JobRunId: id }],
      Errors: [{ JobRunId: "jr_none", ErrorDetail: { ErrorCode: "EntityNotFoundException" } }],
    });
    await reached(id, "STOPPING");
    await reached(id, "STOPPED");
    expect((await events(1))[0]?.detail).toMatchObject({ state: "STOPPED", message: "Job run stopped" });
    expect((await stop(id)).Errors?.[0]?.ErrorDetail?.ErrorCode).toBe("JobRunInTerminalStateException");
  });

  test("is retried by Glue as often as MaxRetries says, each attempt a run with an event", async () => {
    await start();
    await createJob({ MaxRetries: 1 });
    const id = await startRun("fail");
    await reached(`${id}_attempt_1`, "FAILED");
    expect(await getRun(`${id}_attempt_1`)).toMatchObject({ Attempt: 1, PreviousRunId: id });
    expect(await events(2)).toHaveLength(2);
    const { JobRuns } = await glue.send(new GetJobRunsCommand({ JobName: "job" }));
    expect(JobRuns?.map(({ Id }) => Id)).toEqual([`${id}_attempt_1`, id]);
  });

  test("whose script is missing, or whose role cannot be assumed, fails and says why", async () => {
    await start();
    await createJob({ Role: "nobody" });
    const id = await startRun();
    await reached(id, "FAILED");
    expect((await getRun(id))?.ErrorMessage).toContain("role/nobody");
  });
});

describe("the limit of concurrent runs", () => {
  test("refuses a start, in Glue's words", async () => {
    await start();
    await createJob();
    await startRun("wait");
    await expect(startRun()).rejects.toMatchObject({
      name: "ConcurrentRunsExceededException",
      message: "Concurrent runs exceeded for job",
      $metadata: { httpStatusCode: 400 },
    });
  });

  test("with queuing lets the run wait, and starts it when a place is free", async () => {
    await start();
    await createJob({ JobRunQueuingEnabled: true });
    const first = await startRun("wait");
    const second = await startRun("end");
    expect(await getRun(second)).toMatchObject({ JobRunState: "WAITING", StateDetail: expect.any(String) as string });
    await glue.send(new BatchStopJobRunCommand({ JobName: "job", JobRunIds: [first] }));
    await reached(second, "SUCCEEDED");
    expect((await getRun(second))?.StateDetail).toBeUndefined();
  });
});

describe("the end of the runtime", () => {
  test("leaves a run that was going on FAILED at the next start, with its event, and takes up what waited", async () => {
    const state = path.join(directory, "state");
    await start({ state });
    await createJob({ JobRunQueuingEnabled: true });
    const running = await startRun("wait");
    const waiting = await startRun("end");
    await reached(running, "RUNNING");
    await local.close();
    await start({ state });
    expect(await getRun(running)).toMatchObject({
      JobRunState: "FAILED",
      ErrorMessage: expect.stringContaining("the local runtime was stopped or killed") as string,
    });
    expect((await events(1))[0]?.detail).toMatchObject({ state: "FAILED", jobRunId: running });
    await reached(waiting, "SUCCEEDED");
  });
});

describe("definitions", () => {
  test("are kept, described and deleted", async () => {
    await start();
    await createJob({ Description: "d", ExecutionProperty: { MaxConcurrentRuns: 3 } });
    const { Job } = await glue.send(new GetJobCommand({ JobName: "job" }));
    expect(Job).toMatchObject({
      Name: "job",
      Description: "d",
      Role: role,
      ExecutionProperty: { MaxConcurrentRuns: 3 },
      Command: { Name: "glueetl", ScriptLocation: "s3://scripts/script.mjs", PythonVersion: "3" },
      MaxRetries: 0,
    });
    await expect(createJob()).rejects.toMatchObject({ name: "AlreadyExistsException" });
    const { Jobs } = await glue.send(new GetJobsCommand({}));
    expect(Jobs).toHaveLength(1);
    await glue.send(new DeleteJobCommand({ JobName: "job" }));
    await expect(startRun()).rejects.toMatchObject({
      name: "EntityNotFoundException",
      message: "Failed to start job run due to missing metadata",
    });
  });

  test("refuse by name what the local runtime cannot do, and what Glue does not take", async () => {
    await start();
    const refused = async (settings: Partial<CreateJobCommandInput>) => {
      await expect(createJob(settings)).rejects.toMatchObject({ name: "InvalidInputException" });
      return createJob(settings).catch((error: Error) => error.message);
    };
    expect(await refused({ DefaultArguments: { "--job-bookmark-option": "job-bookmark-enable" } })).toContain(
      "bookmark",
    );
    expect(await refused({ Connections: { Connections: ["c"] } })).toContain("Connections");
    expect(await refused({ Command: { Name: "pythonshell", ScriptLocation: "s3://b/k" } })).toContain("pythonshell");
    expect(await refused({ NumberOfWorkers: 1 })).toContain("at least 2");
    expect(await refused({ GlueVersion: "7.0" })).toContain("7.0");
    expect(await refused({ DefaultArguments: { "--JOB_NAME": "x" } })).toContain("--JOB_NAME");
    expect(await refused({ JobRunQueuingEnabled: true, MaxRetries: 1 })).toContain("MaxRetries");
  });

  test("come from a template as aws-cdk-lib writes it, numbers as text too", async () => {
    await start();
    const provider = local.dispatcher.services.get("glue")?.resources["AWS::Glue::Job"];
    const properties = {
      Command: { Name: "glueetl", PythonVersion: "3", ScriptLocation: "s3://scripts/script.mjs" },
      DefaultArguments: {
        "--job-language": "python",
        "--enable-continuous-cloudwatch-log": "true",
        "--enable-metrics": "",
        "--enable-observability-metrics": "true",
      },
      ExecutionProperty: { MaxConcurrentRuns: "3" },
      GlueVersion: "6.0",
      JobRunQueuingEnabled: true,
      MaxRetries: 0,
      Name: "job",
      NumberOfWorkers: 2,
      Role: role,
      Timeout: 60,
      WorkerType: "G.1X",
    };
    const request = { logicalId: "Job", stackName: "s", generatedName: () => "generated" };
    const made = await provider?.provision({ ...request, properties: provider.schema.parse(properties) as never });
    expect(made?.physicalId).toBe("job");
    await reached(await startRun(), "SUCCEEDED");
    expect(() => provider?.schema.parse({ ...properties, MaintenanceWindow: "Sun:1" })).toThrow(/MaintenanceWindow/);
  });

  test("the script is read as the job's role", async () => {
    await start();
    await createJob();
    const read = local.trace.waitFor((event) => event.type === "call" && event.service === "s3");
    await startRun();
    expect(await read).toMatchObject({
      operation: "GetObject",
      resource: "scripts/script.mjs",
      principal: expect.stringMatching(/assumed-role\/job\/GlueJobRunnerSession$/) as string,
    });
  });
});
