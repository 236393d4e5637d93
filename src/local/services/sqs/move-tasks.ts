import type { DatabaseSync } from "node:sqlite";
import type { Timer } from "../../clock.ts";
import type { ServiceDeps } from "../../service.ts";
import { AwsError } from "../../service.ts";
import { transaction } from "../../sqlite.ts";
import { invalidParameterValue } from "./errors.ts";
import type { MessageStore } from "./messages.ts";
import type { Queue, QueueStore } from "./store.ts";

/** Messages moved per second when the caller names no rate; the highest rate a caller may name. */
const FULL_RATE = 500;
const STEP = 1_000;

type MoveStatus = "RUNNING" | "COMPLETED" | "CANCELLING" | "CANCELLED" | "FAILED";

export interface MoveTask {
  readonly handle: string;
  readonly status: MoveStatus;
  readonly sourceArn: string;
  readonly destinationArn: string | undefined;
  /** Messages per second, when the caller limited it. */
  readonly rate: number | undefined;
  readonly moved: number;
  readonly toMove: number;
  readonly failureReason: string | undefined;
  readonly startedAt: number;
}

/**
 * The redrive of dead-letter queues: moves the visible messages of one queue back to where they came from, or to one
 * destination, a second's worth at a time. A task goes on after a restart.
 */
export class MoveTasks {
  readonly #deps: ServiceDeps;
  readonly #database: DatabaseSync;
  readonly #queues: QueueStore;
  readonly #messages: MessageStore;
  readonly #arrived: (queue: Queue) => void;
  readonly #timers = new Map<string, Timer>();

  constructor(deps: ServiceDeps, queues: QueueStore, messages: MessageStore, arrived: (queue: Queue) => void) {
    this.#deps = deps;
    this.#database = queues.database;
    this.#queues = queues;
    this.#messages = messages;
    this.#arrived = arrived;
  }

  /** Takes up the tasks that were running when the runtime stopped. */
  resume(): void {
    const rows = this.#database.prepare("SELECT handle FROM move_tasks WHERE status = 'RUNNING'").all();
    for (const row of rows) this.#schedule(String(row["handle"]), 0);
  }

  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel();
  }

  start(source: Queue, destination: Queue | undefined, rate: number | undefined): MoveTask {
    if (rate !== undefined && (rate < 1 || rate > FULL_RATE)) {
      throw invalidParameterValue(
        `Value ${rate} for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between 1 and ${FULL_RATE}.`,
      );
    }
    if (this.#queues.sourcesOf(source).length === 0) {
      throw invalidParameterValue("Source queue must be configured as a Dead Letter Queue.");
    }
    if (this.list(source.arn).some((task) => task.status === "RUNNING")) {
      throw invalidParameterValue(
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
      );
    }
    const now = this.#deps.clock.now();
    const handle = Buffer.from(JSON.stringify({ taskId: this.#deps.ids.uuid(), sourceArn: source.arn })).toString(
      "base64",
    );
    this.#database
      .prepare("INSERT INTO move_tasks VALUES (?, 'RUNNING', ?, ?, ?, 0, ?, NULL, ?)")
      .run(handle, source.arn, destination?.arn ?? null, rate ?? null, this.#messages.counts(source, now).visible, now);
    this.#schedule(handle, 0);
    return this.#get(handle);
  }

  /** Newest first. */
  list(sourceArn: string): MoveTask[] {
    return this.#database
      .prepare("SELECT * FROM move_tasks WHERE source_arn = ? ORDER BY started_at DESC, rowid DESC")
      .all(sourceArn)
      .map((row) => toTask(row));
  }

  cancel(handle: string): MoveTask {
    const task = this.#get(handle);
    if (task.status !== "RUNNING") throw invalidParameterValue("Only active tasks can be cancelled.");
    this.#timers.get(handle)?.cancel();
    this.#timers.delete(handle);
    this.#update({ ...task, status: "CANCELLED" });
    return task;
  }

  #schedule(handle: string, delayMs: number): void {
    this.#timers.set(
      handle,
      this.#deps.clock.timer(delayMs, () => this.#step(handle)),
    );
  }

  #step(handle: string): void {
    this.#timers.delete(handle);
    const arrivals = new Set<Queue>();
    const next = transaction(this.#database, () => this.#moveSome(this.#get(handle), arrivals));
    for (const queue of arrivals) this.#arrived(queue);
    if (next.status === "RUNNING") this.#schedule(handle, STEP);
  }

  /** Moves one second's worth; what arrives is a new message: new id, new count, new sent time. */
  #moveSome(task: MoveTask, arrivals: Set<Queue>): MoveTask {
    const now = this.#deps.clock.now();
    const source = this.#queues.byArn(task.sourceArn);
    if (!source)
      return this.#update({ ...task, status: "FAILED", failureReason: "AWS.SimpleQueueService.NonExistentQueue" });
    const limit = task.rate ?? FULL_RATE;
    const batch = this.#messages.visible(source, limit, now);
    let moved = task.moved;
    for (const { id, message, sourceArn } of batch) {
      const arn = task.destinationArn ?? sourceArn;
      if (!arn)
        return this.#update({ ...task, moved, status: "FAILED", failureReason: "CouldNotDetermineMessageSource" });
      const to = this.#queues.byArn(arn);
      if (!to) {
        return this.#update({
          ...task,
          moved,
          status: "FAILED",
          failureReason: "AWS.SimpleQueueService.NonExistentQueue",
        });
      }
      this.#messages.remove(id);
      this.#messages.send(to, message, to.delay, now);
      arrivals.add(to);
      moved++;
    }
    return this.#update({ ...task, moved, status: batch.length < limit ? "COMPLETED" : "RUNNING" });
  }

  #update(task: MoveTask): MoveTask {
    this.#database
      .prepare("UPDATE move_tasks SET status = ?, moved = ?, failure_reason = ? WHERE handle = ?")
      .run(task.status, task.moved, task.failureReason ?? null, task.handle);
    return task;
  }

  #get(handle: string): MoveTask {
    const row = this.#database.prepare("SELECT * FROM move_tasks WHERE handle = ?").get(handle);
    if (!row) throw new AwsError("ResourceNotFoundException", "Task does not exist.");
    return toTask(row);
  }
}

function toTask(row: Record<string, unknown>): MoveTask {
  const text = (name: string) => (typeof row[name] === "string" ? row[name] : undefined);
  const number = (name: string) => (typeof row[name] === "number" ? row[name] : undefined);
  return {
    handle: text("handle") ?? "",
    status: text("status") as MoveStatus,
    sourceArn: text("source_arn") ?? "",
    destinationArn: text("destination_arn"),
    rate: number("rate"),
    moved: number("moved") ?? 0,
    toMove: number("to_move") ?? 0,
    failureReason: text("failure_reason"),
    startedAt: number("started_at") ?? 0,
  };
}
