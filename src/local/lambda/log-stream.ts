import type { Bus } from "../bus.ts";
import type { Clock, Timer } from "../clock.ts";
import { AwsError, type Principal } from "../service.ts";

const FLUSH_AFTER_MS = 100;
/** Limits of PutLogEvents (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html). */
const MAX_EVENTS = 10_000;
const MAX_BYTES = 1_048_576;
const EVENT_OVERHEAD = 26;

interface LogEvent {
  timestamp: number;
  message: string;
}

/**
 * The log stream of one process: an execution environment of a function, or a job run. Lines are written in order and in
 * batches, as the role of the function or job: a role that may not write logs has none, as in AWS, and nothing else fails.
 */
export class LogStreamWriter {
  readonly group: string;
  readonly stream: string;
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #principal: Principal;
  #buffer: LogEvent[] = [];
  #timer: Timer | undefined;
  #flushing: Promise<void> = Promise.resolve();
  #created = false;
  #denied = false;

  constructor(deps: { bus: Bus; clock: Clock }, group: string, stream: string, principal: Principal) {
    this.#bus = deps.bus;
    this.#clock = deps.clock;
    this.group = group;
    this.stream = stream;
    this.#principal = principal;
  }

  /** Adds one event; `timestamp` in milliseconds of runtime time. */
  write(message: string, timestamp = this.#clock.now()): void {
    // CloudWatch Logs refuses empty messages.
    if (this.#denied || message === "") return;
    // Events of a batch must be in order; the process's own clock may be a moment behind.
    const earliest = this.#buffer.at(-1)?.timestamp ?? 0;
    this.#buffer.push({ timestamp: Math.max(timestamp, earliest), message });
    this.#timer ??= this.#clock.timer(FLUSH_AFTER_MS, () => void this.flush(), { background: true });
  }

  /** Resolves when everything written so far is in the log group, or was refused. Never rejects. */
  flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const events = this.#buffer;
    if (events.length === 0) return this.#flushing;
    this.#buffer = [];
    const release = this.#clock.hold();
    this.#flushing = this.#flushing.then(() => this.#put(events)).finally(release);
    return this.#flushing;
  }

  async #put(events: LogEvent[]): Promise<void> {
    const target = { logGroupName: this.group, logStreamName: this.stream };
    try {
      if (!this.#created) await this.#create(target);
      this.#created = true;
      for (const logEvents of batches(events)) {
        await this.#bus.call("logs:PutLogEvents", { ...target, logEvents }, this.#principal);
      }
    } catch {
      // The refused call is in the trace, with its reason and the role that lacks the permission.
      this.#denied = true;
    }
  }

  async #create(target: { logGroupName: string; logStreamName: string }): Promise<void> {
    try {
      await this.#bus.call("logs:CreateLogStream", target, this.#principal);
    } catch (error) {
      if (!(error instanceof AwsError) || error.code !== "ResourceNotFoundException") throw error;
      await this.#bus.call("logs:CreateLogGroup", { logGroupName: this.group }, this.#principal).catch(ignoreExisting);
      await this.#bus.call("logs:CreateLogStream", target, this.#principal);
    }
  }
}

function ignoreExisting(error: unknown): void {
  // Another process of the same function or job was faster.
  if (!(error instanceof AwsError) || error.code !== "ResourceAlreadyExistsException") throw error;
}

function* batches(events: LogEvent[]): Generator<LogEvent[]> {
  let batch: LogEvent[] = [];
  let bytes = 0;
  for (const { timestamp, message } of events) {
    const fitting = truncate(message, MAX_BYTES - EVENT_OVERHEAD);
    const size = Buffer.byteLength(fitting) + EVENT_OVERHEAD;
    if (batch.length === MAX_EVENTS || bytes + size > MAX_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push({ timestamp, message: fitting });
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

function truncate(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  return new TextDecoder().decode(Buffer.from(text).subarray(0, bytes)).replace(/�$/, "");
}
