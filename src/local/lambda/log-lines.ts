import type { FunctionConfiguration } from "./function-configuration.ts";
import { VERSION } from "./function-configuration.ts";

/** What Lambda itself says about an invocation, when it is over. */
export interface Report {
  readonly requestId: string;
  readonly status: "success" | "error" | "timeout";
  readonly errorType: string | undefined;
  readonly durationMs: number;
  /** Of the cold start that this invocation had to wait for. */
  readonly initDurationMs: number | undefined;
  readonly maxMemoryBytes: number;
}

/**
 * The lines that Lambda adds to a function's log, in the function's log format
 * (https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html).
 */
export class LogLines {
  readonly #json: boolean;
  readonly #systemLevel: number;
  readonly #memoryMiB: number;

  constructor({ logging, memoryMiB }: Pick<FunctionConfiguration, "logging" | "memoryMiB">) {
    this.#json = logging.format === "JSON";
    this.#systemLevel = SYSTEM_LEVELS.indexOf(logging.systemLevel ?? "INFO");
    this.#memoryMiB = memoryMiB;
  }

  start(time: number, requestId: string): string[] {
    if (this.#json) return this.#event(time, "INFO", "platform.start", { requestId, version: VERSION });
    return [`START RequestId: ${requestId} Version: ${VERSION}\n`];
  }

  timedOut(time: number, requestId: string, seconds: number): string[] {
    // With JSON the report's status says so.
    if (this.#json) return [];
    return [`${new Date(time).toISOString()} ${requestId} Task timed out after ${seconds.toFixed(2)} seconds\n`];
  }

  initFailed(time: number, durationMs: number, status: "error" | "timeout", errorType: string | undefined): string[] {
    if (this.#json) {
      return this.#event(time, "INFO", "platform.initReport", {
        initializationType: "on-demand",
        phase: "init",
        status,
        ...(errorType !== undefined && { errorType }),
        metrics: { durationMs },
      });
    }
    const type = errorType === undefined ? "" : `\tError Type: ${errorType}`;
    return [`INIT_REPORT Init Duration: ${durationMs.toFixed(2)} ms\tPhase: init\tStatus: ${status}${type}\n`];
  }

  end(time: number, report: Report): string[] {
    const { requestId, status, errorType, durationMs, initDurationMs } = report;
    // The initialisation is billed too, since August 2025.
    const billed = Math.max(1, Math.ceil(durationMs + (initDurationMs ?? 0)));
    const maxMemory = Math.min(this.#memoryMiB, Math.ceil(report.maxMemoryBytes / 2 ** 20));
    if (this.#json) {
      const error = errorType === undefined ? {} : { errorType };
      return [
        ...this.#event(time, "DEBUG", "platform.runtimeDone", {
          requestId,
          status,
          ...error,
          metrics: { durationMs },
        }),
        ...this.#event(time, "INFO", "platform.report", {
          requestId,
          metrics: {
            durationMs,
            billedDurationMs: billed,
            memorySizeMB: this.#memoryMiB,
            maxMemoryUsedMB: maxMemory,
            ...(initDurationMs !== undefined && { initDurationMs }),
          },
          status,
          ...error,
        }),
      ];
    }
    const columns = [
      `REPORT RequestId: ${requestId}`,
      `Duration: ${durationMs.toFixed(2)} ms`,
      `Billed Duration: ${billed} ms`,
      `Memory Size: ${this.#memoryMiB} MB`,
      `Max Memory Used: ${maxMemory} MB`,
    ];
    if (initDurationMs !== undefined) columns.push(`Init Duration: ${initDurationMs.toFixed(2)} ms`);
    // A handler that threw has no status in the text format; what Lambda itself ended has one.
    if (status === "timeout") columns.push("Status: timeout");
    else if (errorType?.startsWith("Runtime.")) columns.push("Status: error", `Error Type: ${errorType}`);
    return [`END RequestId: ${requestId}\n`, `${columns.join("\t")}\t\n`];
  }

  #event(time: number, level: SystemLevel, type: string, record: Record<string, unknown>): string[] {
    if (SYSTEM_LEVELS.indexOf(level) < this.#systemLevel) return [];
    return [JSON.stringify({ time: new Date(time).toISOString(), type, record })];
  }
}

const SYSTEM_LEVELS = ["DEBUG", "INFO", "WARN"] as const;
type SystemLevel = (typeof SYSTEM_LEVELS)[number];
