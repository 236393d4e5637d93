import { validationError } from "./errors.ts";

const DEFAULT_PAGE = 100;

/** A page of items, and a token for the next when there are more. */
export function page<Item>(items: readonly Item[], limit: number | undefined, token: string | undefined) {
  const start = token ? Number(Buffer.from(token, "base64url").toString()) : 0;
  if (!Number.isInteger(start)) throw validationError("The NextToken is not valid.");
  const end = start + (limit ?? DEFAULT_PAGE);
  const NextToken = end < items.length ? Buffer.from(String(end)).toString("base64url") : undefined;
  return { items: items.slice(start, end), NextToken };
}
