import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Ids } from "../../ids.ts";
import { AwsError } from "../../service.ts";
import { transaction } from "../../sqlite.ts";
import { invalidParameterValue, messageNotInflight, receiptHandleIsInvalid } from "./errors.ts";
import type { StoredAttributes } from "./message-attributes.ts";
import type { Queue } from "./store.ts";

/** A standard queue hands out at most this many messages that were not deleted yet. */
const MAX_IN_FLIGHT = 120_000;
/** A message may stay in flight for 12 hours from its receive, however often its visibility is changed. */
const MAX_VISIBILITY = 43_200_000;

export interface NewMessage {
  readonly body: string;
  readonly attributes: StoredAttributes;
  readonly senderId: string;
  readonly traceHeader: string | undefined;
}

export interface ReceivedMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly attributes: StoredAttributes;
  readonly senderId: string;
  readonly traceHeader: string | undefined;
  /** Milliseconds since the epoch, as the two below. */
  readonly sentAt: number;
  readonly firstReceivedAt: number;
  readonly receiveCount: number;
  readonly sourceArn: string | undefined;
}

/** A message that was moved to the dead-letter queue instead of being handed out. */
export interface RedrivenMessage {
  readonly messageId: string;
  readonly to: Queue;
}

export interface QueueCounts {
  readonly visible: number;
  readonly notVisible: number;
  readonly delayed: number;
  readonly oldestSentAt: number | undefined;
}

interface MessageRow {
  id: number;
  queue: string;
  message_id: string;
  body: string;
  attributes: string;
  sender_id: string;
  trace_header: string | null;
  sent_at: number;
  visible_at: number;
  in_flight: number;
  receive_count: number;
  receives_here: number;
  first_received_at: number | null;
  received_at: number | null;
  receipt: string | null;
  source_arn: string | null;
}

/**
 * The messages of all queues: one row each, in one of three states told by two columns. `visible_at` in the past:
 * visible. In the future: in flight when `in_flight`, else delayed. Every method is one step that happens or does not.
 */
export class MessageStore {
  readonly #database: DatabaseSync;
  readonly #ids: Ids;
  readonly #insert: StatementSync;
  readonly #candidates: StatementSync;
  readonly #hand: StatementSync;
  readonly #byId: StatementSync;
  readonly #delete: StatementSync;
  readonly #inFlight: StatementSync;
  readonly #nextVisible: StatementSync;

  constructor(database: DatabaseSync, ids: Ids) {
    this.#database = database;
    this.#ids = ids;
    this.#insert = database.prepare(
      `INSERT INTO messages (queue, message_id, body, attributes, sender_id, trace_header, sent_at, visible_at, source_arn)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#candidates = database.prepare(
      "SELECT * FROM messages WHERE queue = ? AND visible_at <= ? AND sent_at > ? ORDER BY visible_at, id LIMIT ?",
    );
    this.#hand = database.prepare(
      `UPDATE messages SET visible_at = ?, in_flight = 1, receipt = ?, received_at = ?, first_received_at = ?,
         receive_count = receive_count + 1, receives_here = receives_here + 1 WHERE id = ?`,
    );
    this.#byId = database.prepare("SELECT * FROM messages WHERE id = ?");
    this.#delete = database.prepare("DELETE FROM messages WHERE id = ?");
    this.#inFlight = database.prepare(
      "SELECT count(*) AS n FROM messages WHERE queue = ? AND visible_at > ? AND in_flight = 1",
    );
    this.#nextVisible = database.prepare(
      "SELECT min(visible_at) AS at FROM messages WHERE queue = ? AND visible_at > ?",
    );
  }

  /** Puts a message into a queue, visible after `delay` seconds; gives its message id. */
  send(queue: Queue, message: NewMessage, delay: number, now: number, sourceArn?: string): string {
    const messageId = this.#ids.uuid();
    this.#insert.run(
      queue.name,
      messageId,
      message.body,
      JSON.stringify(message.attributes),
      message.senderId,
      message.traceHeader ?? null,
      now,
      now + delay * 1_000,
      sourceArn ?? null,
    );
    return messageId;
  }

  /**
   * Takes up to `max` visible messages and hides them for `visibility` seconds. One that was received
   * `maxReceiveCount` times already moves to the dead-letter queue instead: a move needs a receive, an idle queue
   * moves nothing.
   */
  receive(
    queue: Queue,
    options: { max: number; visibility: number; deadLetterQueue: Queue | undefined },
    now: number,
  ): { messages: ReceivedMessage[]; redriven: RedrivenMessage[] } {
    return transaction(this.#database, () => {
      if (Number(this.#inFlight.get(queue.name, now)?.["n"] ?? 0) >= MAX_IN_FLIGHT) {
        throw new AwsError("OverLimit", "Too many messages in flight.");
      }
      const taken = new Set<number>();
      const messages: ReceivedMessage[] = [];
      const redriven: RedrivenMessage[] = [];
      const oldest = now - queue.retention * 1_000;
      while (messages.length < options.max) {
        const limit = options.max - messages.length + taken.size;
        const rows = this.#candidates.all(queue.name, now, oldest, limit) as unknown as MessageRow[];
        const fresh = rows.filter((row) => !taken.has(row.id));
        if (fresh.length === 0) break;
        for (const row of fresh) {
          const { deadLetterQueue } = options;
          if (queue.redrive && deadLetterQueue && row.receives_here >= queue.redrive.maxReceiveCount) {
            this.#move(row, deadLetterQueue, queue.arn, now);
            redriven.push({ messageId: row.message_id, to: deadLetterQueue });
          } else {
            taken.add(row.id);
            messages.push(this.#handOut(row, now, options.visibility));
          }
        }
      }
      return { messages, redriven };
    });
  }

  #handOut(row: MessageRow, now: number, visibility: number): ReceivedMessage {
    const receipt = this.#ids.hex(16);
    const firstReceivedAt = row.first_received_at ?? now;
    this.#hand.run(now + visibility * 1_000, receipt, now, firstReceivedAt, row.id);
    return {
      messageId: row.message_id,
      receiptHandle: encodeHandle({ queue: row.queue, id: row.id, receipt }),
      body: row.body,
      attributes: JSON.parse(row.attributes) as StoredAttributes,
      senderId: row.sender_id,
      traceHeader: row.trace_header ?? undefined,
      sentAt: row.sent_at,
      firstReceivedAt,
      receiveCount: row.receive_count + 1,
      sourceArn: row.source_arn ?? undefined,
    };
  }

  /** Keeps message id, sent time and the count of all receives, as a redrive on AWS does. */
  #move(row: MessageRow, to: Queue, sourceArn: string, now: number): void {
    this.#database
      .prepare(
        `UPDATE messages SET queue = ?, visible_at = ?, in_flight = 0, receipt = NULL, receives_here = 0, source_arn = ?
         WHERE id = ?`,
      )
      .run(to.name, now, sourceArn, row.id);
  }

  /**
   * Deletes by receipt handle. A handle of an earlier receive, or of a message that is gone, succeeds and deletes
   * nothing. Says whether a message went.
   */
  delete(queue: Queue, handle: string): boolean {
    const row = this.#find(queue, handle);
    if (!row || row.receipt !== decodeHandle(handle).receipt) return false;
    this.#delete.run(row.id);
    return true;
  }

  /** Hides a message in flight for `seconds` from now; 0 makes it visible at once. */
  changeVisibility(queue: Queue, handle: string, seconds: number, now: number): void {
    const row = this.#find(queue, handle);
    if (!row) {
      throw invalidParameterValue(
        `Value ${handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.`,
      );
    }
    if (row.receipt !== decodeHandle(handle).receipt || row.in_flight === 0 || row.visible_at <= now) {
      throw messageNotInflight();
    }
    const until = now + seconds * 1_000;
    if (until - (row.received_at ?? now) > MAX_VISIBILITY) {
      throw invalidParameterValue(
        `Value ${seconds} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds].`,
      );
    }
    this.#database.prepare("UPDATE messages SET visible_at = ? WHERE id = ?").run(until, row.id);
  }

  #find(queue: Queue, handle: string): MessageRow | undefined {
    const { queue: name, id } = decodeHandle(handle);
    if (name !== queue.name) throw receiptHandleIsInvalid(handle);
    const row = this.#byId.get(id) as unknown as MessageRow | undefined;
    // A message that was redriven meanwhile is no longer this queue's.
    return row?.queue === queue.name ? row : undefined;
  }

  /** The oldest visible messages as they would be sent again, for a move task. */
  visible(queue: Queue, limit: number, now: number): { id: number; message: NewMessage; sourceArn?: string }[] {
    const oldest = now - queue.retention * 1_000;
    const rows = this.#candidates.all(queue.name, now, oldest, limit) as unknown as MessageRow[];
    return rows.map((row) => ({
      id: row.id,
      sourceArn: row.source_arn ?? undefined,
      message: {
        body: row.body,
        attributes: JSON.parse(row.attributes) as StoredAttributes,
        senderId: row.sender_id,
        traceHeader: row.trace_header ?? undefined,
      },
    }));
  }

  remove(id: number): void {
    this.#delete.run(id);
  }

  purge(queue: Queue): void {
    this.#database.prepare("DELETE FROM messages WHERE queue = ?").run(queue.name);
  }

  /** Forgets messages older than the queue's retention. */
  expire(queue: Queue, now: number): void {
    this.#database
      .prepare("DELETE FROM messages WHERE queue = ? AND sent_at <= ?")
      .run(queue.name, now - queue.retention * 1_000);
  }

  counts(queue: Queue, now: number): QueueCounts {
    const row = this.#database
      .prepare(
        `SELECT coalesce(sum(visible_at <= ?), 0) AS visible,
                coalesce(sum(visible_at > ? AND in_flight = 1), 0) AS notVisible,
                coalesce(sum(visible_at > ? AND in_flight = 0), 0) AS delayed,
                min(sent_at) AS oldest
         FROM messages WHERE queue = ? AND sent_at > ?`,
      )
      .get(now, now, now, queue.name, now - queue.retention * 1_000);
    return {
      visible: Number(row?.["visible"]),
      notVisible: Number(row?.["notVisible"]),
      delayed: Number(row?.["delayed"]),
      oldestSentAt: typeof row?.["oldest"] === "number" ? row["oldest"] : undefined,
    };
  }

  /** When the next hidden message becomes visible, if there is one. */
  nextVisibleAt(queueName: string, now: number): number | undefined {
    const at = this.#nextVisible.get(queueName, now)?.["at"];
    return typeof at === "number" ? at : undefined;
  }
}

interface Handle {
  queue: string;
  id: number;
  receipt: string;
}

/** Real handles are opaque and start so; consumers must not read them. */
const HANDLE_PREFIX = "AQEB";

function encodeHandle({ queue, id, receipt }: Handle): string {
  return HANDLE_PREFIX + Buffer.from(`${queue}:${id}:${receipt}`).toString("base64");
}

function decodeHandle(handle: string): Handle {
  const text = handle.startsWith(HANDLE_PREFIX) ? Buffer.from(handle.slice(4), "base64").toString() : "";
  const [, queue, id, receipt] = /^([\w-]+):(\d+):([0-9a-f]{16})$/.exec(text) ?? [];
  if (!queue || !id || !receipt) throw receiptHandleIsInvalid(handle);
  return { queue, id: Number(id), receipt };
}
