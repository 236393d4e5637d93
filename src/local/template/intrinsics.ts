import { errorAt, TemplateError } from "./findings.ts";

/** What the names in a template stand for while it is evaluated. */
export interface Scope {
  /** Value of a parameter, pseudo parameter or resource; undefined when there is nothing of that name. */
  ref(name: string, path: string): unknown;
  /** Attribute of a resource; throws a TemplateError at `path` that says what is wrong. */
  attribute(logicalId: string, name: string, path: string): unknown;
  /** Undefined when there is no such condition. */
  condition(name: string): boolean | undefined;
  readonly mappings: Readonly<Record<string, unknown>>;
  /** Evaluation before anything exists: what stands for a function that failed, so that all mistakes are found. */
  recover?(error: TemplateError): unknown;
  /** Evaluation before anything exists: does this hold a value that only provisioning can know? */
  isUnknown?(value: unknown): boolean;
}

/** What `AWS::NoValue` gives: whoever holds it drops it. */
export const NO_VALUE = Symbol("AWS::NoValue");

/**
 * Evaluates every intrinsic function in a part of a template
 * (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html).
 * Throws a `TemplateError` that starts with the path of what is wrong.
 */
export function evaluate(value: unknown, scope: Scope, path: string): unknown {
  if (Array.isArray(value)) {
    return value.map((item, index) => evaluate(item, scope, `${path}[${index}]`)).filter((item) => item !== NO_VALUE);
  }
  if (value === null) throw errorAt(path, `null values are not allowed in templates.`);
  if (typeof value !== "object") return value;
  const entries = Object.entries(value);
  const [name, argument] = entries[0] ?? [""];
  if (isFunctionName(name)) {
    if (entries.length > 1) throw errorAt(path, `${name} must stand alone in its object.`);
    return callFunction(name, argument, scope, `${path}.${name}`);
  }
  const result: Record<string, unknown> = {};
  for (const [key, item] of entries) {
    const evaluated = evaluate(item, scope, `${path}.${key}`);
    if (evaluated !== NO_VALUE) result[key] = evaluated;
  }
  return result;
}

/** Evaluates what must be true or false: a condition's definition, or an argument of Fn::And, Fn::Or, Fn::Not. */
export function evaluateCondition(value: unknown, scope: Scope, path: string): boolean {
  if (isObject(value)) {
    const [name, argument] = Object.entries(value)[0] ?? [""];
    if (name === "Condition" && typeof argument === "string") return namedCondition(argument, scope, path);
    const test = CONDITIONS[name];
    if (test && Object.keys(value).length === 1) return test(argument, scope, `${path}.${name}`);
    if (isFunctionName(name)) throw unsupported(name, `${path}.${name}`, "in a condition");
  }
  throw errorAt(path, `a condition is one of ${Object.keys(CONDITIONS).join(", ")} or {"Condition": name}.`);
}

function isFunctionName(name: string): boolean {
  return name === "Ref" || name.startsWith("Fn::");
}

type Evaluator<T> = (argument: unknown, scope: Scope, path: string) => T;

const CONDITIONS: Readonly<Record<string, Evaluator<boolean>>> = {
  "Fn::Equals"(argument, scope, path) {
    const [left, right] = list(argument, path, 2).map((item, index) => evaluate(item, scope, `${path}[${index}]`));
    return JSON.stringify(comparable(left)) === JSON.stringify(comparable(right));
  },
  "Fn::And": (argument, scope, path) => conditions(argument, scope, path).every(Boolean),
  "Fn::Or": (argument, scope, path) => conditions(argument, scope, path).some(Boolean),
  "Fn::Not": (argument, scope, path) => !evaluateCondition(list(argument, path, 1)[0], scope, `${path}[0]`),
};

/** CloudFormation compares text: the number 1, the text "1". */
function comparable(value: unknown): unknown {
  return typeof value === "number" || typeof value === "boolean" ? String(value) : value;
}

function conditions(argument: unknown, scope: Scope, path: string): boolean[] {
  const items = list(argument, path);
  if (items.length < 2 || items.length > 10) throw errorAt(path, `takes 2 to 10 conditions.`);
  return items.map((item, index) => evaluateCondition(item, scope, `${path}[${index}]`));
}

function namedCondition(name: string, scope: Scope, path: string): boolean {
  const value = scope.condition(name);
  if (value === undefined) throw errorAt(path, `there is no condition ${name}.`);
  return value;
}

const FUNCTIONS: Readonly<Record<string, Evaluator<unknown>>> = {
  Ref(argument, scope, path) {
    if (typeof argument !== "string") throw errorAt(path, `takes a name.`);
    return resolveRef(argument, scope, path);
  },

  "Fn::GetAtt"(argument, scope, path) {
    const [logicalId, attribute] = attributeOf(argument, scope, path);
    return scope.attribute(logicalId, attribute, path);
  },

  "Fn::Join"(argument, scope, path) {
    const [delimiter, parts] = list(argument, path, 2);
    if (typeof delimiter !== "string") throw errorAt(path, `the delimiter must be text.`);
    const items = evaluate(parts, scope, `${path}[1]`);
    if (!Array.isArray(items)) throw errorAt(path, `the second argument must be a list.`);
    return items.map((item, index) => text(item, `${path}[1][${index}]`)).join(delimiter);
  },

  "Fn::Sub"(argument, scope, path) {
    const [template, given] = typeof argument === "string" ? [argument, {}] : list(argument, path, 2);
    if (typeof template !== "string" || !isObject(given)) {
      throw errorAt(path, `takes text, or text and an object of values.`);
    }
    const values = evaluate(given, scope, `${path}[1]`) as Record<string, unknown>;
    return template.replace(SUBSTITUTION, (whole, literal: string | undefined, name: string) => {
      if (literal !== undefined) return `\${${whole.slice(3, -1)}}`;
      return text(substitute(name.trim(), values, scope, path), `${path} \${${name}}`);
    });
  },

  "Fn::Select"(argument, scope, path) {
    const [index, items] = list(argument, path, 2);
    const at = Number(evaluate(index, scope, `${path}[0]`));
    const values = evaluate(items, scope, `${path}[1]`);
    if (!Array.isArray(values)) throw errorAt(path, `the second argument must be a list.`);
    if (scope.isUnknown?.(values)) return values[0] as unknown;
    if (!Number.isInteger(at) || at < 0 || at >= values.length) {
      throw errorAt(path, `there is no item ${String(index)} in a list of ${values.length}.`);
    }
    return values[at] as unknown;
  },

  "Fn::Split"(argument, scope, path) {
    const [delimiter, source] = list(argument, path, 2);
    if (typeof delimiter !== "string" || delimiter === "") {
      throw errorAt(path, `the delimiter must be text, and not empty.`);
    }
    return text(evaluate(source, scope, `${path}[1]`), `${path}[1]`).split(delimiter);
  },

  "Fn::If"(argument, scope, path) {
    const [name, yes, no] = list(argument, path, 3);
    if (typeof name !== "string") throw errorAt(path, `the first argument is a condition's name.`);
    return namedCondition(name, scope, path) ? evaluate(yes, scope, `${path}[1]`) : evaluate(no, scope, `${path}[2]`);
  },

  "Fn::Base64": (argument, scope, path) =>
    Buffer.from(text(evaluate(argument, scope, path), path), "utf8").toString("base64"),

  "Fn::FindInMap"(argument, scope, path) {
    const keys = list(argument, path, 3).map((item, index) => text(evaluate(item, scope, `${path}[${index}]`), path));
    const value = keys.reduce<unknown>((map, key) => (isObject(map) ? map[key] : undefined), scope.mappings);
    if (value === undefined) throw errorAt(path, `there is no mapping ${keys.join(".")}.`);
    return value;
  },
};

/** `${!Literal}` stays as `${Literal}`. */
const SUBSTITUTION = /\$\{(?:(!)[^}]*|([^!}][^}]*))\}/g;

function substitute(name: string, values: Record<string, unknown>, scope: Scope, path: string): unknown {
  if (Object.hasOwn(values, name)) return values[name];
  const dot = name.indexOf(".");
  return dot < 0 ? resolveRef(name, scope, path) : scope.attribute(name.slice(0, dot), name.slice(dot + 1), path);
}

function resolveRef(name: string, scope: Scope, path: string): unknown {
  const value = scope.ref(name, path);
  if (value === undefined) {
    throw errorAt(path, `there is no parameter, pseudo parameter or resource ${name}.`);
  }
  return value;
}

function attributeOf(argument: unknown, scope: Scope, path: string): [logicalId: string, attribute: string] {
  if (typeof argument === "string" && argument.includes(".")) {
    const dot = argument.indexOf(".");
    return [argument.slice(0, dot), argument.slice(dot + 1)];
  }
  const [logicalId, attribute] = list(argument, path, 2);
  const name = evaluate(attribute, scope, `${path}[1]`);
  if (typeof logicalId !== "string" || typeof name !== "string") {
    throw errorAt(path, `takes a resource's logical id and an attribute's name.`);
  }
  return [logicalId, name];
}

function callFunction(name: string, argument: unknown, scope: Scope, path: string): unknown {
  const evaluator = CONDITIONS[name] ?? FUNCTIONS[name];
  try {
    if (!evaluator) throw unsupported(name, path, `use one of ${Object.keys(FUNCTIONS).join(", ")}`);
    return evaluator(argument, scope, path);
  } catch (error) {
    if (!(error instanceof TemplateError) || !scope.recover) throw error;
    return scope.recover(error);
  }
}

function unsupported(name: string, path: string, hint: string): TemplateError {
  return errorAt(path, `the function ${name} is not supported by the local runtime (${hint}).`);
}

function list(value: unknown, path: string, length?: number): unknown[] {
  if (!Array.isArray(value) || (length !== undefined && value.length !== length)) {
    throw errorAt(path, `takes a list${length === undefined ? "" : ` of ${length}`}.`);
  }
  return value as unknown[];
}

function text(value: unknown, path: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw errorAt(path, `must be text.`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
