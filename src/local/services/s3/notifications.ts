import type { CallContext, ServiceDeps } from "../../service.ts";
import type { Bucket } from "./bucket-table.ts";
import { destinationsOf, matchesEvent, matchesKey } from "./notification-rules.ts";
import { eventBridgeDetail, eventRecord, type EventOrigin, type ObjectEvent } from "./object-events.ts";
import type { Outbox } from "./outbox.ts";
import { bucketArn } from "./s3-parts.ts";

/** Turns what happens to objects into messages of the outbox, by the bucket's configuration. */
export class Notifications {
  readonly #deps: ServiceDeps;
  readonly #outbox: Outbox;

  constructor(deps: ServiceDeps, outbox: Outbox) {
    this.#deps = deps;
    this.#outbox = outbox;
  }

  /** Called in the transaction that changes the object, so that neither happens without the other. */
  announce(bucket: Bucket, event: ObjectEvent, context: CallContext): void {
    const configuration = bucket.settings.notification;
    if (!configuration) return;
    const origin = this.origin(bucket.name, context);
    for (const destination of destinationsOf(configuration)) {
      if (!matchesEvent(destination.events, event.name) || !matchesKey(destination.filter, event.key)) continue;
      this.#outbox.add({
        kind: destination.kind,
        destination: destination.arn,
        source: origin.bucketArn,
        body: JSON.stringify(eventRecord(event, destination.id, origin)),
      });
    }
    if (configuration.EventBridgeConfiguration) {
      this.#outbox.add({
        kind: "event-bus",
        destination: "default",
        source: origin.bucketArn,
        body: JSON.stringify({ time: origin.time, ...eventBridgeDetail(event, origin) }),
      });
    }
  }

  /** Called after the transaction: what it added may be delivered. */
  wake(): void {
    this.#outbox.wake();
  }

  origin(bucket: string, context: CallContext): EventOrigin {
    return {
      bucket,
      bucketArn: bucketArn(bucket),
      account: this.#deps.environment.account,
      region: this.#deps.environment.region,
      time: this.#deps.clock.now(),
      requestId: context.requestId,
      hostId: Buffer.from(this.#deps.ids.hex(64), "hex").toString("base64"),
      principal: context.principal,
    };
  }
}
