import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { mapConcurrently, REQUESTS_AT_A_TIME } from "../../ledger/concurrency.ts";
import { ignore } from "../../ledger/ignored.ts";
import type { PlanCopy } from "../../ledger/plans.ts";
import { receive } from "../../ledger/receive.ts";
import { advance } from "../shared/advance.ts";
import type { Starter } from "../shared/start-run.ts";
import { type ObjectEvent, parseMessageBody } from "../shared/s3-event.ts";
import { type Route, route } from "./route.ts";

interface Arrival {
  readonly messageId: string;
  readonly event: ObjectEvent;
}

/**
 * Takes a batch of messages: writes every announced version down, then moves each dataset on once. A message that
 * cannot be handled comes back alone (and goes to DeadLetterQueue after its fifth time); its neighbours are done.
 */
export async function ingest(starter: Starter, plan: PlanCopy, event: SQSEvent): Promise<SQSBatchResponse> {
  const { log } = starter;
  const failed = new Set<string>();
  const fail = (messageId: string, step: string, error: unknown, details: { key?: string; dataset?: string } = {}) => {
    failed.add(messageId);
    log.error(step, error, { messageId, ...details });
  };

  const arrivals: Arrival[] = [];
  for (const { messageId, body } of event.Records) {
    try {
      arrivals.push(...parseMessageBody(body).map((object) => ({ messageId, event: object })));
    } catch (error) {
      fail(messageId, "message not understood", error);
    }
  }

  const waiting = new Map<string, string>();
  // Two events about one key would only make each other look again: they are taken one after the other.
  const byKey = [...Map.groupBy(arrivals, ({ event: object }) => object.key).values()];
  await mapConcurrently(byKey, REQUESTS_AT_A_TIME, async (ofKey) => {
    for (const { messageId, event: object } of ofKey) {
      try {
        const dataset = await writeDown(starter, route(plan.plan, starter.ledger.sourceBucket, object), object);
        if (dataset !== undefined && !waiting.has(dataset)) waiting.set(dataset, messageId);
      } catch (error) {
        fail(messageId, "version not written down", error, { key: object.key });
      }
    }
  });

  for (const [dataset, messageId] of waiting) {
    try {
      const now = await advance(starter, plan, dataset);
      log.info("dataset moved on", { dataset, ...now });
    } catch (error) {
      // Everything is written down; one message coming back is enough to try the start again.
      fail(messageId, "run not started", error, { dataset });
    }
  }
  return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
}

/** Returns the dataset that has something waiting because of this event. */
async function writeDown(starter: Starter, to: Route, event: ObjectEvent): Promise<string | undefined> {
  const { ledger, log } = starter;
  const { key, version } = event;
  if (to.kind === "acknowledge") {
    log.info("acknowledged", { key, version, reason: to.reason });
    return undefined;
  }
  if (to.kind === "ignore") {
    await ignore(ledger, to);
    log.warn("ignored", { key, version, reason: to.reason });
    return undefined;
  }
  const receipt = await receive(ledger, to);
  log.info("received", { dataset: to.dataset, key, version, ...receipt });
  return receipt.kind === "pending" ? to.dataset : undefined;
}
