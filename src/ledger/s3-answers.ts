/** How S3's answers are told apart. Only the status is reliable: an answer without a body has the name "Unknown". */

/** HTTP status of an error that came from S3; undefined when the answer never arrived. */
export function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("$metadata" in error)) return undefined;
  const { $metadata: metadata } = error;
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata)) return undefined;
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
}

/** Runs `call`; undefined when S3 says that the key (or version) does not exist. */
export async function unlessMissing<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

export type Pause = (milliseconds: number) => Promise<void>;

/** A conditional write: done, its condition did not hold (412), or its target does not exist (404). */
export type ConditionalAnswer<T> =
  { readonly kind: "done"; readonly output: T } | { readonly kind: "refused" } | { readonly kind: "missing" };

const CONFLICT_PAUSES = [20, 50, 100, 200, 400, 800, 1600];

/**
 * Runs a conditional write. 409 means that another conditional write of the same key was under way, so that S3 did not
 * judge the condition: it is asked again.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 *
 * The answer to the first try may be lost and the SDK's second try refused by the first one's own success: "refused"
 * only says that the key has other content now. Callers look again and accept what they find.
 */
export async function conditionally<T>(call: () => Promise<T>, pause: Pause): Promise<ConditionalAnswer<T>> {
  for (let conflicts = 0; ; conflicts++) {
    try {
      return { kind: "done", output: await call() };
    } catch (error) {
      const status = statusOf(error);
      if (status === 412) return { kind: "refused" };
      if (status === 404) return { kind: "missing" };
      const next = CONFLICT_PAUSES[conflicts];
      if (status !== 409 || next === undefined) throw error;
      await pause(next);
    }
  }
}
