import { NormalizedSchema } from "@smithy/core/schema";

/**
 * The SDK's static schemas, as far as the wire reads them raw. A structure is
 * `[3, namespace, name, traits, member names, member schemas, number of required members]`; required members come first.
 * Everything else goes through `NormalizedSchema`. `schema.test.ts` fails when an SDK upgrade changes this layout.
 */
export type SchemaRef = Parameters<typeof NormalizedSchema.of>[0];
export type Structure = [
  kind: 3 | -3 | 4,
  namespace: string,
  name: string,
  traits: ReturnType<NormalizedSchema["getOwnTraits"]> | number,
  names: string[],
  members: SchemaRef[],
  required?: number,
];

const OPERATION = 9;
const ERROR = -3;

export interface OperationSchema {
  readonly name: string;
  readonly input: NormalizedSchema;
  readonly output: NormalizedSchema;
  /** Method, URI template with static query, success status; RPC protocols have none. */
  readonly http: readonly [method: string, uri: string, status: number] | undefined;
  /** The body carries a checksum header of itself (elsewhere such a header describes the object). */
  readonly httpChecksum: boolean;
}

export interface ErrorSchema {
  readonly name: string;
  readonly namespace: string;
  readonly status: number | undefined;
  readonly queryCode: string | undefined;
  readonly fault: "client" | "server";
  readonly schema: NormalizedSchema;
}

/** Every operation of a client module, from its exported `<Operation>$` schemas. */
export function operationSchemas(sdk: Record<string, unknown>): OperationSchema[] {
  return exportedSchemas(sdk, OPERATION).map((raw) => {
    const ns = raw as [number, string, string, Record<string, unknown> | number, SchemaRef, SchemaRef];
    const traits = typeof ns[3] === "object" ? ns[3] : {};
    return {
      name: ns[2],
      input: NormalizedSchema.of(ns[4]),
      output: NormalizedSchema.of(ns[5]),
      http: traits["http"] as OperationSchema["http"],
      httpChecksum: "httpChecksum" in traits,
    };
  });
}

/** Every modelled error of a client module. */
export function errorSchemas(sdk: Record<string, unknown>): ErrorSchema[] {
  return exportedSchemas(sdk, ERROR).map((raw) => {
    const schema = raw as Structure;
    const traits = (typeof schema[3] === "object" ? schema[3] : {}) as Record<string, unknown>;
    const [queryCode, queryStatus] = (traits["awsQueryError"] ?? []) as [string?, number?];
    return {
      name: schema[2],
      namespace: schema[1],
      status: (traits["httpError"] as number | undefined) ?? queryStatus,
      queryCode,
      fault: traits["error"] === "server" ? "server" : "client",
      schema: NormalizedSchema.of(schema as SchemaRef),
    };
  });
}

function exportedSchemas(sdk: Record<string, unknown>, kind: number): unknown[][] {
  return Object.entries(sdk)
    .filter(([name, value]) => name.endsWith("$") && Array.isArray(value) && value[0] === kind)
    .map(([, value]) => value as unknown[]);
}

/** The structure behind a schema, or undefined for unit and every other kind. */
export function structureOf(ns: NormalizedSchema): Structure | undefined {
  return ns.isStructSchema() ? (ns.getSchema() as unknown as Structure) : undefined;
}

/** Names of the members that must be present. */
export function requiredMembers(ns: NormalizedSchema): readonly string[] {
  const structure = structureOf(ns);
  return structure ? structure[4].slice(0, structure[6] ?? 0) : [];
}

const bodies = new WeakMap<Structure, Structure>();

/**
 * The part of a structure that travels in the body. The SDK's XML serializer would write members bound to headers
 * into the body as well; its own schema for this is not exported.
 */
export function bodyStructure(structure: Structure): Structure {
  const known = bodies.get(structure);
  if (known) return known;
  const body: Structure = [3, structure[1], structure[2], structure[3], [], [], 0];
  let required = 0;
  structure[4].forEach((name, index) => {
    const member = structure[5][index];
    if (member === undefined || isBound(memberTraits(structure, name))) return;
    body[4].push(name);
    body[5].push(member);
    if (index < (structure[6] ?? 0)) required++;
  });
  body[6] = required;
  bodies.set(structure, body);
  return body;
}

/** The same members under another name, e.g. `<Operation>Result` around a query answer. */
export function renamed(structure: Structure, name: string): Structure {
  return [3, structure[1], name, 0, structure[4], structure[5], structure[6] ?? 0];
}

type Traits = ReturnType<NormalizedSchema["getMergedTraits"]>;

function memberTraits(structure: Structure, name: string): Traits {
  return NormalizedSchema.of(structure as SchemaRef)
    .getMemberSchema(name)
    .getMergedTraits();
}

function isBound(traits: Traits): boolean {
  return Boolean(
    traits.httpLabel ??
    traits.httpHeader ??
    traits.httpPrefixHeaders ??
    traits.httpQuery ??
    traits.httpQueryParams ??
    traits.httpPayload ??
    traits.httpResponseCode,
  );
}
