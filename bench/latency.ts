import { setTimeout as sleep } from "node:timers/promises";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import type { TraceEvent } from "../src/local/trace.ts";
import { medianFigure } from "./support/measure.ts";
import { startPipeline } from "./support/pipeline.ts";
import type { Question } from "./support/question.ts";
import { TRIPS_PIPELINE, tripsCsv } from "./support/trips.ts";

/** First files: they create the table, and start the functions' processes. */
const WARM_UP = 3;

/** Files come now and then: the functions idle in between, and the next job's process gets ready. In milliseconds. */
const PAUSE_MS = 2500;

interface Stop {
  readonly name: string;
  readonly isReachedBy: (event: TraceEvent) => boolean;
}

/** Where a file passes, in this order; a hop is the time since the stop before. */
const STOPS: readonly Stop[] = [
  { name: "put answered", isReachedBy: isCall("s3", "PutObject", /\/trips\/.*\.csv$/) },
  { name: "topic", isReachedBy: isDelivery(/^arn:aws:s3:::/, /^arn:aws:sns:/) },
  { name: "queue", isReachedBy: isDelivery(/^arn:aws:sns:/, /^arn:aws:sqs:/) },
  { name: "EtlFunction begins", isReachedBy: isInvocation(/-etl$/) },
  { name: "manifest", isReachedBy: isCall("s3", "PutObject", /\/ledger\/runs\/.*\/manifest\.json$/) },
  { name: "StartJobRun answered", isReachedBy: isCall("glue", "StartJobRun", /./) },
  { name: "job's first request", isReachedBy: isJobRequest },
  { name: "decision", isReachedBy: isCall("s3", "PutObject", /\/decision\.json$/) },
  { name: "CrawlerFunction begins (marker)", isReachedBy: isInvocation(/-crawler$/) },
  { name: "published", isReachedBy: isCall("s3", "PutObject", /\/ledger\/published\//) },
];

export const question: Question = {
  asks: "How long from PutObject until the rows of one file of 1 MB can be queried, and where does the time go?",
  async ask({ small, rounds = small ? 3 : 15 }) {
    let journey: Journey | undefined;
    await using pipeline = await startPipeline(TRIPS_PIPELINE, (event) => journey?.see(event));
    const { s3, stack } = pipeline.target;
    const journeys: Journey[] = [];
    for (let number = 0; number < WARM_UP + rounds; number++) {
      const { text, rows } = tripsCsv(1e6, number * 100_000);
      const Body = Buffer.from(text);
      journey = new Journey();
      await s3.send(new PutObjectCommand({ Bucket: stack.sourceBucket, Key: `trips/${number}.csv`, Body }));
      await journey.ended;
      if (number >= WARM_UP) journeys.push(journey);
      console.log(
        `  file ${number}: ${rows} rows, ${journey.total.toFixed(0)} ms${number < WARM_UP ? " (warm-up)" : ""}`,
      );
      await sleep(PAUSE_MS);
    }
    const hops = STOPS.map(({ name }, stop) => {
      const times = journeys.map((one) => one.hop(stop));
      return medianFigure(`… ${name}`, "ms", times);
    });
    const totals = journeys.map((one) => one.total);
    return [medianFigure("PutObject to queryable", "ms", totals), ...hops];
  },
};

/** One file's way: when it reached each stop, in milliseconds since it was sent. */
class Journey {
  readonly #startedAt = performance.now();
  readonly #reached = new Map<Stop, number>();
  readonly #end = Promise.withResolvers<void>();
  readonly ended = this.#end.promise;

  see(event: TraceEvent): void {
    for (const stop of STOPS) {
      if (this.#reached.has(stop) || !stop.isReachedBy(event)) continue;
      this.#reached.set(stop, performance.now() - this.#startedAt);
      if (stop === STOPS.at(-1)) this.#end.resolve();
    }
  }

  get total(): number {
    return this.hop(STOPS.length - 1, 0);
  }

  /** Time to a stop since the one before, or since the start. */
  hop(stop: number, since = this.#at(stop - 1)): number {
    return this.#at(stop) - since;
  }

  #at(index: number): number {
    const stop = STOPS[index];
    return stop ? (this.#reached.get(stop) ?? Number.NaN) : 0;
  }
}

function isCall(service: string, operation: string, resource: RegExp) {
  return (event: TraceEvent) =>
    event.type === "call" &&
    event.service === service &&
    event.operation === operation &&
    event.error === undefined &&
    resource.test(event.resource ?? "");
}

function isDelivery(from: RegExp, to: RegExp) {
  return (event: TraceEvent) => event.type === "delivery" && from.test(event.from) && to.test(event.to);
}

function isInvocation(functionName: RegExp) {
  return (event: TraceEvent) =>
    event.type === "invocation" && event.status === "started" && functionName.test(event.functionName);
}

function isJobRequest(event: TraceEvent): boolean {
  return (
    event.type === "call" &&
    event.service === "s3" &&
    event.principal.endsWith("/GlueJobRunnerSession") &&
    /\/ledger\//.test(event.resource ?? "")
  );
}
