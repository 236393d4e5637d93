import type { GlueClient } from "@aws-sdk/client-glue";
import type { S3Client } from "@aws-sdk/client-s3";
import { S3Refusal } from "./memory-s3.ts";

/** The same sequence for the same seed (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

/** How often something goes wrong with a request, each as a probability. */
export interface Faults {
  /** The process dies: before its request is carried out, or after. Nobody hears of it again. */
  readonly crash: number;
  /** The request is carried out (now, or much later), its answer lost, and the SDK sends it again. */
  readonly lostReply: number;
  /** The SDK gives up: the request failed, or was carried out all the same, now or much later. */
  readonly error: number;
  /** S3 answers a conditional write with 409 and carries nothing out. */
  readonly conflict: number;
  /** The process stands still for a long time after its request was carried out. */
  readonly pause: number;
}

export const NO_FAULTS: Faults = { crash: 0, lostReply: 0, error: 0, conflict: 0, pause: 0 };

/** A request on its way. A copy has two instants: S3 reads its source, and later writes its target. */
interface Request {
  readonly actor: Actor;
  execute: () => unknown;
  readonly conditional: boolean;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A process: an invocation of a function or a run of the job. It only advances when one of its requests is answered. */
export interface Actor {
  readonly name: string;
  /** Sleeps until this step. */
  wakesAt: number;
  alive: boolean;
}

export interface Clients {
  readonly s3: S3Client;
  readonly glue: GlueClient;
}

export type Ending =
  { readonly how: "returned" } | { readonly how: "threw"; readonly error: unknown } | { readonly how: "died" };

/**
 * Runs processes that talk to S3 and Glue one request at a time, in an order and with faults that a seed decides.
 */
export class Simulator {
  readonly random: Random;
  readonly #requests: Request[] = [];
  /** Requests that nobody waits for any more, and that still arrive: a dead process cannot call them back. */
  readonly #orphans: Request[] = [];
  readonly #endings = new Map<Actor, (ending: Ending) => void>();
  readonly #execute: { s3: (command: unknown) => unknown; glue: (command: unknown, actor: Actor) => unknown };
  faults: Faults = NO_FAULTS;
  steps = 0;
  /** The first thing that must not happen and did. */
  violation: unknown;
  /** What happened, for reading a failure. */
  readonly history: string[] = [];

  constructor(
    seed: number,
    execute: { s3: (command: unknown) => unknown; glue: (command: unknown, actor: Actor) => unknown },
  ) {
    this.random = new Random(seed);
    this.#execute = execute;
  }

  /** Starts a process. `ended` is called once, when it returned, threw or died. */
  spawn(name: string, body: (clients: Clients) => Promise<void>, ended: (ending: Ending) => void): void {
    const actor: Actor = { name, wakesAt: 0, alive: true };
    this.#endings.set(actor, ended);
    const end = (ending: Ending) => this.#end(actor, ending);
    body(this.#clients(actor)).then(
      () => end({ how: "returned" }),
      (error: unknown) => end({ how: "threw", error }),
    );
  }

  /** Processes that have not ended and are not asleep. */
  get ready(): boolean {
    return this.#requests.some(({ actor }) => actor.wakesAt <= this.steps);
  }

  get asleep(): boolean {
    return this.#requests.some(({ actor }) => actor.wakesAt > this.steps);
  }

  /** Runs a check; the step that is under way fails if it does. */
  check(what: () => void): void {
    try {
      what();
    } catch (error) {
      this.violation ??= error;
    }
  }

  wakeAll(): void {
    for (const { actor } of this.#requests) actor.wakesAt = 0;
  }

  /** Requests of dead processes that may still arrive. */
  get orphaned(): boolean {
    return this.#orphans.length > 0;
  }

  /** Carries out one request, and lets its process run until it waits for its next. False when nobody is ready. */
  async step(): Promise<boolean> {
    this.steps++;
    if (this.#orphans.length > 0 && this.random.chance(0.03)) this.arrive();
    const ready = this.#requests.filter(({ actor }) => actor.wakesAt <= this.steps);
    if (ready.length > 0) this.#answer(this.random.pick(ready));
    await settled();
    if (this.violation !== undefined) throw this.violation;
    return ready.length > 0;
  }

  /** One of the orphaned requests arrives. */
  arrive(): void {
    const [request] = this.#orphans.splice(this.random.below(this.#orphans.length), 1);
    if (request) this.#carryOut(request);
  }

  #answer(request: Request): void {
    const { random, faults } = this;
    const { actor } = request;
    if (random.chance(faults.crash)) {
      this.history.push(`${actor.name} dies`);
      this.#loseSight(request);
      this.#end(actor, { how: "died" });
      return;
    }
    if (request.conditional && random.chance(faults.conflict)) {
      this.#reply(request, { error: new S3Refusal(409, "conflict") });
    } else if (random.chance(faults.error)) {
      this.#loseSight(request);
      this.#reply(request, { error: new S3Refusal(503, "the SDK gave up") });
    } else if (random.chance(faults.lostReply)) {
      this.#loseSight(request);
    } else {
      if (random.chance(faults.pause)) actor.wakesAt = this.steps + 1 + random.below(400);
      const reply = this.#carryOut(request);
      if (reply !== "half done") this.#reply(request, reply);
    }
  }

  /** Nobody hears any more what becomes of the request: nothing, or it is carried out now, or late. */
  #loseSight(request: Request): void {
    const fate = this.random.below(3);
    if (fate === 0) this.#carryOut(request);
    if (fate === 1) this.#orphans.push({ ...request });
  }

  #carryOut(request: Request): { answer: unknown } | { error: unknown } | "half done" {
    try {
      const answer = request.execute();
      if (typeof answer !== "function") return { answer };
      const rest = answer as () => unknown;
      request.execute = rest;
      if (this.#requests.includes(request)) return "half done";
      this.#orphans.push(request);
      return "half done";
    } catch (error) {
      return { error };
    }
  }

  #reply(request: Request, reply: { answer: unknown } | { error: unknown }): void {
    this.#requests.splice(this.#requests.indexOf(request), 1);
    if ("error" in reply) request.reject(reply.error);
    else request.resolve(reply.answer);
  }

  #end(actor: Actor, ending: Ending): void {
    if (!actor.alive) return;
    actor.alive = false;
    for (let i = this.#requests.length - 1; i >= 0; i--) {
      const request = this.#requests[i];
      if (request?.actor !== actor) continue;
      this.#requests.splice(i, 1);
      // What it had under way beside the request it died of.
      if (ending.how === "died" && this.random.chance(0.5)) this.#orphans.push(request);
    }
    const ended = this.#endings.get(actor);
    this.#endings.delete(actor);
    ended?.(ending);
  }

  #clients(actor: Actor): Clients {
    const client = (execute: (command: unknown) => unknown) => ({
      send: (command: { input: object }) =>
        new Promise((resolve, reject) => {
          // Whatever a dead process still does is heard by nobody.
          if (!actor.alive) return;
          const conditional = "IfMatch" in command.input || "IfNoneMatch" in command.input;
          this.#requests.push({
            actor,
            conditional,
            resolve,
            reject,
            execute: () => {
              const what = describe(command);
              try {
                const answer = execute(command);
                this.history.push(`${actor.name}: ${what}`);
                return answer;
              } catch (error) {
                this.history.push(
                  `${actor.name}: ${what} -> ${error instanceof Error ? error.message : String(error)}`,
                );
                throw error;
              }
            },
          });
        }),
    });
    // The code under test only ever calls `send`.
    return {
      s3: client((command) => this.#execute.s3(command)) as unknown as S3Client,
      glue: client((command) => this.#execute.glue(command, actor)) as unknown as GlueClient,
    };
  }
}

/** Everything that can go on without another answer has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function describe(command: { input: object }): string {
  const input = command.input as Record<string, unknown>;
  const { Key, Prefix, CopySource, IfMatch, IfNoneMatch, Body, Arguments } = input;
  const parts = [
    command.constructor.name.replace("Command", ""),
    Key ?? Prefix ?? "",
    CopySource,
    Arguments && JSON.stringify(Arguments),
  ];
  if (typeof IfMatch === "string") parts.push(`if ${IfMatch.slice(1, 6)}`);
  if (IfNoneMatch) parts.push("if new");
  if (typeof Body === "string") parts.push(Body.length > 300 ? `${Body.slice(0, 300)}…` : Body);
  return parts.filter(Boolean).join(" ");
}
