import type { Readable } from "node:stream";
import { sdkStreamMixin } from "@smithy/core/serde";

/** A body as the SDK's own clients hand it out: a stream with `transformToString` and its kind. */
export function sdkBody(body: Readable): ReturnType<typeof sdkStreamMixin> {
  return sdkStreamMixin(body);
}
