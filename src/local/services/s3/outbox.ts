import type { Clock, Timer } from "../../clock.ts";
import { AwsError, type Principal, type ServiceDeps } from "../../service.ts";
import { transaction } from "../../sqlite.ts";
import { isRetryable } from "../delivery-errors.ts";
import type { Store } from "./store.ts";

export type DestinationKind = "topic" | "queue" | "function" | "event-bus";

/** A message on its way to one destination. */
export interface Outgoing {
  readonly kind: DestinationKind;
  /** The destination's ARN; the bus's name. */
  readonly destination: string;
  /** The bucket's ARN. */
  readonly source: string;
  readonly body: string;
}

interface Row extends Outgoing {
  readonly id: number;
  readonly attempts: number;
  readonly expires: number;
}

const AT_ONCE = 32;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 60_000;
/** A destination that is out of order this long is lost for the message. AWS gives up too, without saying when. */
const GIVE_UP_MS = 60 * 60 * 1000;

/**
 * Messages that the store keeps until their destination has them: at least once each, in no promised order, as S3
 * promises. A destination that fails is tried again, more and more slowly; one that refuses (it is gone, or does not let
 * S3 in) loses the message, as on AWS. What is given up is an error in the trace.
 */
export class Outbox {
  readonly #deps: ServiceDeps;
  readonly #store: Store;
  readonly #insert;
  readonly #due;
  readonly #nextDue;
  readonly #delete;
  readonly #retry;
  #running: Promise<void> | undefined;
  #timer: Timer | undefined;
  #stopped = false;
  /** Spares every write that tells nobody a look into the table. */
  #empty = false;

  constructor(deps: ServiceDeps, store: Store) {
    this.#deps = deps;
    this.#store = store;
    const { database } = store;
    this.#insert = database.prepare(
      "insert into outbox (kind, destination, source, body, attempts, due, expires) values (?, ?, ?, ?, 0, ?, ?)",
    );
    this.#due = database.prepare(
      "select id, kind, destination, source, body, attempts, expires from outbox where due <= ? order by id limit ?",
    );
    this.#nextDue = database.prepare("select min(due) as due from outbox");
    this.#delete = database.prepare("delete from outbox where id = ?");
    this.#retry = database.prepare("update outbox set attempts = attempts + 1, due = ? where id = ?");
  }

  /** In the transaction of what the message tells about. */
  add(message: Outgoing): void {
    const now = this.#clock.now();
    this.#empty = false;
    this.#insert.run(message.kind, message.destination, message.source, message.body, now, now + GIVE_UP_MS);
  }

  /** Starts delivering what is due, unless that is going on. */
  wake(): void {
    if (this.#stopped || this.#running || this.#empty) return;
    const due = (this.#nextDue.get() as { due: number | null }).due;
    if (due === null) {
      this.#empty = true;
      return;
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    const wait = due - this.#clock.now();
    if (wait > 0) {
      this.#timer = this.#clock.timer(wait, () => this.wake());
      return;
    }
    const release = this.#clock.hold();
    this.#running = this.#deliverDue()
      .catch((error: unknown) => {
        this.#deps.trace.emit({ type: "internal-error", where: "s3 event delivery", error: String(error) });
      })
      .finally(() => {
        this.#running = undefined;
        this.wake();
        release();
      });
  }

  /** Resolves when no delivery is going on; what is left is delivered after the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  get #clock(): Clock {
    return this.#deps.clock;
  }

  async #deliverDue(): Promise<void> {
    while (!this.#stopped) {
      const rows = this.#due.all(this.#clock.now(), AT_ONCE) as unknown as Row[];
      if (rows.length === 0) return;
      const settled = await Promise.all(rows.map((row) => this.#deliver(row)));
      transaction(this.#store.database, () => {
        for (const [index, row] of rows.entries()) {
          const retryAt = settled[index];
          if (retryAt === undefined) this.#delete.run(row.id);
          else this.#retry.run(retryAt, row.id);
        }
      });
    }
  }

  /** When to try again; undefined when the message is delivered, or given up. */
  async #deliver(row: Row): Promise<number | undefined> {
    const about = { type: "delivery", from: row.source, to: row.destination } as const;
    try {
      const messageIds = await send(this.#deps, row);
      this.#deps.trace.emit({ ...about, messageIds });
      return undefined;
    } catch (error) {
      const delay = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** row.attempts);
      const retryAt = this.#clock.now() + delay;
      const gone = !isRetryable(error) || retryAt > row.expires;
      const reason = error instanceof AwsError ? `${error.code}: ${error.message}` : String(error);
      this.#deps.trace.emit({
        ...about,
        messageIds: [],
        error: gone ? `${reason} (given up)` : `${reason} (next try in ${delay / 1000} s)`,
      });
      return gone ? undefined : retryAt;
    }
  }
}

/** Hands a message to its destination, as S3. Resolves with the ids the destination gave it. */
export async function send(deps: Pick<ServiceDeps, "bus" | "environment">, message: Outgoing): Promise<string[]> {
  const principal: Principal = { kind: "service", service: "s3.amazonaws.com", sourceArn: message.source };
  const id = await senders[message.kind](deps, message, principal);
  return id === undefined ? [] : [id];
}

type Sender = (
  deps: Pick<ServiceDeps, "bus" | "environment">,
  message: Outgoing,
  principal: Principal,
) => Promise<string | undefined>;

const senders: Record<DestinationKind, Sender> = {
  async topic({ bus }, { destination, body }, principal) {
    const input = { TopicArn: destination, Message: body, Subject: "Amazon S3 Notification" };
    return (await bus.call("sns:Publish", input, principal)).MessageId;
  },
  async queue({ bus, environment }, { destination, body }, principal) {
    const [account, name] = destination.split(":").slice(4);
    const input = { QueueUrl: `${environment.endpoint()}/${account}/${name}`, MessageBody: body };
    return (await bus.call("sqs:SendMessage", input, principal)).MessageId;
  },
  async function({ bus }, { destination, body }, principal) {
    const input = { FunctionName: destination, InvocationType: "Event", Payload: Buffer.from(body) } as const;
    await bus.call("lambda:Invoke", input, principal);
    return undefined;
  },
  async "event-bus"({ bus }, { source, body }, principal) {
    const { time, detailType, detail } = JSON.parse(body) as { time: number; detailType: string; detail: unknown };
    const entry = {
      Source: "aws.s3",
      DetailType: detailType,
      Detail: JSON.stringify(detail),
      Resources: [source],
      Time: new Date(time),
    };
    const { Entries = [], FailedEntryCount } = await bus.call("events:PutEvents", { Entries: [entry] }, principal);
    const [result] = Entries;
    if (FailedEntryCount) throw new AwsError(result?.ErrorCode ?? "InternalFailure", result?.ErrorMessage ?? "");
    return result?.EventId;
  },
};
