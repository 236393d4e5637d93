import { AwsError } from "../service.ts";
import type { ServiceDescription } from "./describe.ts";
import { decodeUri } from "./errors.ts";
import type { WireRequest } from "./message.ts";
import { requiredMembers, type OperationSchema } from "./schema.ts";

interface Route {
  readonly operation: OperationSchema;
  readonly method: string;
  readonly pattern: RegExp;
  readonly labels: readonly string[];
  readonly staticQuery: ReadonlyMap<string, string>;
  /** Required members bound to the query or to headers: the request must have them to be this operation. */
  readonly requiredQuery: readonly string[];
  readonly requiredHeaders: readonly string[];
  readonly knownQuery: ReadonlySet<string>;
  /** A member takes every query parameter that no other one names. */
  readonly openQuery: boolean;
  /** The more a route demands, the earlier it is tried. */
  readonly weight: number;
}

export interface Match {
  readonly operation: OperationSchema;
  readonly labels: Readonly<Record<string, string>>;
}

/** Query parameters that belong to the transport: the SDK's operation hint, and presigned URLs (SigV4's, SigV2's). */
const TRANSPORT_QUERY = /^(x-id|x-amz-.*|AWSAccessKeyId|Signature|Expires)$/i;

/** Compiles the REST routes of a service, most demanding first. */
export function compileRoutes(service: ServiceDescription): (request: WireRequest) => Match {
  const routes = [...service.operations.values()]
    .flatMap((operation) => (operation.http ? [compile(operation, operation.http)] : []))
    .sort((a, b) => b.weight - a.weight);
  return (request) => {
    const names = new Set(request.query.map(([name]) => name));
    // The SDK names its operation; other clients do not, so the hint only decides between routes that both fit.
    const hint = request.query.find(([name]) => name === "x-id")?.[1];
    let match: Match | undefined;
    let bestMistake: AwsError | undefined;
    for (const route of routes) {
      const path = route.method === request.method ? route.pattern.exec(request.path) : null;
      if (!path || !conditionsHold(route, request, names)) continue;
      const stranger = [...names].find((name) => !isKnown(route, name));
      if (stranger !== undefined) {
        bestMistake ??= unknownQuery(service, route.operation.name, stranger);
        continue;
      }
      if (hint === undefined || hint === route.operation.name) return toMatch(route, path);
      match ??= toMatch(route, path);
    }
    if (match) return match;
    throw bestMistake ?? noRoute(service, request);
  };
}

function compile(operation: OperationSchema, [method, uri]: readonly [string, string, number]): Route {
  const [template = "/", search = ""] = uri.split("?");
  const requiredQuery: string[] = [];
  const requiredHeaders: string[] = [];
  const knownQuery = new Set<string>();
  const required = new Set(requiredMembers(operation.input));
  let openQuery = false;
  let bucketPrefix = "";
  if (operation.input.isStructSchema()) {
    for (const [name, member] of operation.input.structIterator()) {
      const traits = member.getMergedTraits();
      if (traits.httpQuery) {
        knownQuery.add(traits.httpQuery);
        if (required.has(name)) requiredQuery.push(traits.httpQuery);
      }
      if (traits.httpQueryParams) openQuery = true;
      if (traits.httpHeader && required.has(name)) requiredHeaders.push(traits.httpHeader.toLowerCase());
      // S3's schemas leave the bucket out of the URI: its endpoint rules put it there (path style).
      if (traits.httpLabel && !template.includes(`{${name}`)) bucketPrefix = `/{${name}}`;
    }
  }
  const path = bucketPrefix && template === "/" ? bucketPrefix : bucketPrefix + template;
  const labels: string[] = [];
  const source = path.replace(/[.*^$()|[\]\\]/g, "\\$&").replace(/\{([^{}+]+)(\+)?\}/g, (_, name: string, greedy) => {
    labels.push(name);
    return greedy ? "(.+)" : "([^/]+)";
  });
  const staticQuery = new Map(new URLSearchParams(search));
  staticQuery.delete("x-id");
  // A slash after the last label is optional, but never after a greedy one: it belongs to the key.
  const pattern = new RegExp(`^${source}${source.endsWith("(.+)") || source === "/" ? "" : "/?"}$`, "s");
  const literal = path.replace(/\{[^{}]+\}/g, "").length;
  const conditions = staticQuery.size + requiredQuery.length + requiredHeaders.length;
  return {
    operation,
    method,
    pattern,
    labels,
    staticQuery,
    requiredQuery,
    requiredHeaders,
    knownQuery,
    openQuery,
    weight: conditions * 1000 + literal * 2 - labels.length,
  };
}

function conditionsHold(route: Route, request: WireRequest, names: ReadonlySet<string>): boolean {
  for (const [name, value] of route.staticQuery) {
    if (!request.query.some(([key, item]) => key === name && (value === "" || item === value))) return false;
  }
  return (
    route.requiredQuery.every((name) => names.has(name)) &&
    route.requiredHeaders.every((name) => request.headers[name] !== undefined)
  );
}

function isKnown(route: Route, name: string): boolean {
  return route.openQuery || route.staticQuery.has(name) || route.knownQuery.has(name) || TRANSPORT_QUERY.test(name);
}

function toMatch(route: Route, path: RegExpExecArray): Match {
  // Labels are decoded one by one, so that an encoded slash in one does not split it.
  const labels = route.labels.map((label, index) => [label, decodeUri(path[index + 1] ?? "")]);
  return { operation: route.operation, labels: Object.fromEntries(labels) as Record<string, string> };
}

function unknownQuery(service: ServiceDescription, operation: string, name: string): AwsError {
  const code = service.protocol === "restXml" ? "InvalidArgument" : "ValidationException";
  return new AwsError(code, `Unknown query parameter "${name}": ${operation} does not have it.`, { status: 400 });
}

function noRoute(service: ServiceDescription, request: WireRequest): AwsError {
  const what = `${service.serviceId} has no operation ${request.method} ${request.path}.`;
  return service.protocol === "restXml"
    ? new AwsError("MethodNotAllowed", what, { status: 405 })
    : new AwsError("UnknownOperationException", what, { status: 404 });
}
