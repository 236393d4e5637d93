import { FromStringShapeDeserializer } from "@smithy/core/protocols";
import { NormalizedSchema } from "@smithy/core/schema";
import { AwsError } from "../service.ts";
import { rpcBody } from "./aws-json.ts";
import { DATE_TIME, type ServiceDescription } from "./describe.ts";
import { wireError } from "./errors.ts";
import type { Members, Protocol, WireRequest } from "./message.ts";
import { renamed, requiredMembers, structureOf, type SchemaRef } from "./schema.ts";
import { element, writeXml } from "./xml.ts";

/** A form's dotted names as a tree: `A.member.1.B=x` is `{A: {member: {1: {B: "x"}}}}`. */
interface Tree {
  value?: string;
  readonly children: Map<string, Tree>;
}

const PROTOCOL_PARAMETERS = new Set(["Action", "Version"]);

/** AWS Query: a form in, XML out (https://smithy.io/2.0/aws/protocols/aws-query-protocol.html). */
export function awsQuery(service: ServiceDescription): Protocol {
  const scalars = new FromStringShapeDeserializer({
    timestampFormat: { useTrait: true, default: DATE_TIME },
    httpBindings: false,
  });
  return {
    async route(request) {
      const form = await readForm(request);
      const action = form.children.get("Action")?.value ?? "";
      const operation = service.operations.get(action);
      if (!operation) {
        throw new AwsError("InvalidAction", `${service.serviceId} has no operation "${action}".`, { status: 400 });
      }
      for (const parameter of PROTOCOL_PARAMETERS) form.children.delete(parameter);
      return {
        operation,
        read: () => Promise.resolve((readTree(scalars, operation.input, form, "") ?? {}) as Members),
      };
    },
    write(operation, output, requestId) {
      const structure = structureOf(operation.output);
      const result = structure
        ? writeXml(service, NormalizedSchema.of(renamed(structure, `${operation.name}Result`) as SchemaRef), output)
        : "";
      const metadata = `<ResponseMetadata>${element("RequestId", requestId)}</ResponseMetadata>`;
      return {
        status: 200,
        headers: { "content-type": "text/xml", "x-amzn-requestid": requestId },
        body: `<${operation.name}Response xmlns="${service.xmlNamespace}">${result}${metadata}</${operation.name}Response>`,
      };
    },
    error(error, requestId) {
      const wire = wireError(service, error);
      const fields = Object.entries(wire.fields).map(([name, value]) => element(name, value));
      const body =
        element("Type", wire.fault) +
        element("Code", wire.queryCode) +
        element("Message", wire.message) +
        fields.join("");
      return {
        status: wire.status,
        headers: { "content-type": "text/xml", "x-amzn-requestid": requestId, ...wire.headers },
        body: `<ErrorResponse xmlns="${service.xmlNamespace}"><Error>${body}</Error>${element("RequestId", requestId)}</ErrorResponse>`,
      };
    },
  };
}

async function readForm(request: WireRequest): Promise<Tree> {
  const root: Tree = { children: new Map() };
  const form = new URLSearchParams((await rpcBody(request)).toString("utf8"));
  for (const [name, value] of form) {
    let node = root;
    for (const part of name.split(".")) {
      let next = node.children.get(part);
      if (!next) node.children.set(part, (next = { children: new Map() }));
      node = next;
    }
    node.value = value;
  }
  return root;
}

/** Reads a tree by its schema, refusing what the schema does not name. */
function readTree(scalars: FromStringShapeDeserializer, ns: NormalizedSchema, tree: Tree, path: string): unknown {
  if (ns.isStructSchema() || ns.isUnitSchema()) return readStructure(scalars, ns, tree, path);
  if (ns.isListSchema()) return readList(scalars, ns, tree, path);
  if (ns.isMapSchema()) return readMap(scalars, ns, tree, path);
  const [unknown] = tree.children.keys();
  if (unknown !== undefined) throw unknownParameter(`${path}.${unknown}`);
  const text = tree.value ?? "";
  if (ns.isNumericSchema() && (text === "" || Number.isNaN(Number(text)))) {
    throw new AwsError("MalformedInput", `${path} must be a number, not "${text}".`, { status: 400 });
  }
  return scalars.read(ns, text);
}

function readStructure(
  scalars: FromStringShapeDeserializer,
  ns: NormalizedSchema,
  tree: Tree,
  path: string,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  const left = new Set(tree.children.keys());
  const members = ns.isUnitSchema() ? [] : ns.structIterator();
  for (const [name, member] of members) {
    const wireName = member.getMemberTraits().xmlName ?? name;
    const child = tree.children.get(wireName);
    left.delete(wireName);
    if (child) result[name] = readTree(scalars, member, child, join(path, name));
    else if (requiredMembers(ns).includes(name)) {
      throw new AwsError(
        "ValidationError",
        `1 validation error detected: Value null at '${join(path, name)}' failed to satisfy constraint: Member must not be null`,
        { status: 400 },
      );
    }
  }
  for (const name of left) throw unknownParameter(join(path, name));
  return result;
}

function readList(scalars: FromStringShapeDeserializer, ns: NormalizedSchema, tree: Tree, path: string): unknown[] {
  // An empty list is sent as the bare name with an empty value.
  if (tree.children.size === 0) return [];
  const items = indexed(unwrap(ns, tree, ns.getValueSchema().getMergedTraits().xmlName ?? "member", path), path);
  return items.map((item, index) => readTree(scalars, ns.getValueSchema(), item, `${path}[${index}]`));
}

function readMap(
  scalars: FromStringShapeDeserializer,
  ns: NormalizedSchema,
  tree: Tree,
  path: string,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  if (tree.children.size === 0) return result;
  const keyName = ns.getKeySchema().getMergedTraits().xmlName ?? "key";
  const valueName = ns.getValueSchema().getMergedTraits().xmlName ?? "value";
  for (const entry of indexed(unwrap(ns, tree, "entry", path), path)) {
    const key = entry.children.get(keyName)?.value;
    const value = entry.children.get(valueName);
    if (key === undefined || !value || entry.children.size > 2) {
      throw unknownParameter(`${path}.(${[...entry.children.keys()].join(", ")})`);
    }
    result[key] = readTree(scalars, ns.getValueSchema(), value, `${path}.${key}`);
  }
  return result;
}

/** Collections that are not flattened have one more name: `List.member.1`, `Map.entry.1`. */
function unwrap(ns: NormalizedSchema, tree: Tree, name: string, path: string): Tree {
  if (ns.getMergedTraits().xmlFlattened) return tree;
  const inner = tree.children.get(name);
  if (!inner || tree.children.size > 1) throw unknownParameter(`${path}.${[...tree.children.keys()].join(", ")}`);
  return inner;
}

function indexed(tree: Tree, path: string): Tree[] {
  return [...tree.children]
    .map(([index, item]) => {
      if (!/^[1-9]\d*$/.test(index)) throw unknownParameter(`${path}.${index}`);
      return [Number(index), item] as const;
    })
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

function unknownParameter(path: string): AwsError {
  return new AwsError("ValidationError", `Unknown parameter ${path}: the operation does not have it.`, { status: 400 });
}

function join(path: string, member: string): string {
  return path === "" ? member : `${path}.${member}`;
}
