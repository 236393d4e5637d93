import type { Environment, ResourceProvider, Service } from "../service.ts";
import type { StackDefinition } from "./assembly.ts";
import { errorAt, TemplateError, type Finding, type Report } from "./findings.ts";
import { dependencyOrder } from "./graph.ts";
import { evaluate, evaluateCondition, NO_VALUE, type Scope } from "./intrinsics.ts";
import { parameterValues, type ParameterValue } from "./parameters.ts";
import { parseProperties } from "./properties.ts";
import { parseTemplate, type Template, type TemplateResource } from "./template.ts";

/** Providers of all services, by resource type. */
export type Providers = ReadonlyMap<string, ResourceProvider>;

export function providersOf(services: Iterable<Service>): Providers {
  return new Map([...services].flatMap((service) => Object.entries(service.resources)));
}

export interface PlannedResource {
  readonly logicalId: string;
  readonly resource: TemplateResource;
  readonly provider: ResourceProvider;
}

/** A stack ready to be provisioned, or the reasons why it cannot be. */
export interface StackPlan {
  readonly name: string;
  readonly template: Template | undefined;
  readonly parameters: ReadonlyMap<string, ParameterValue>;
  readonly conditions: ReadonlyMap<string, boolean>;
  /** In the order in which they are made. Empty when anything is refused. */
  readonly resources: readonly PlannedResource[];
  readonly report: Report;
}

/** Types that describe the template rather than anything to run. */
const IGNORED_TYPES: Readonly<Record<string, string>> = {
  "AWS::CDK::Metadata": "usage statistics for CDK's authors",
};

/**
 * Reads a stack's template: conditions, the resources that exist, their order, and everything the local runtime would
 * not do as AWS does. All findings come at once.
 */
export function planStack(stack: StackDefinition, providers: Providers, environment: Environment): StackPlan {
  const ignored: Finding[] = [];
  const refused: Finding[] = [];
  const { template, findings } = parseTemplate(stack.template);
  refused.push(...findings);
  if (!template) {
    const report = { stack: stack.name, supported: [], ignored, refused };
    return { name: stack.name, template, parameters: new Map(), conditions: new Map(), resources: [], report };
  }
  const parameters = parameterValues(template, stack.parameters);
  ignored.push(...parameters.ignored);
  refused.push(...parameters.refused);
  for (const rule of Object.keys(template.Rules)) {
    if (rule === "CheckBootstrapVersion") {
      ignored.push({ where: `Rules.${rule}`, message: "there is no bootstrap stack on one machine" });
    } else refused.push({ where: `Rules.${rule}`, message: "rules are not evaluated by the local runtime." });
  }

  const dry = new DryRun(stack.name, template, parameters.values, providers, environment);
  const conditions = dry.evaluateConditions(refused);
  const { wanted, supported } = selectResources(template, providers, conditions, ignored, refused);
  const dependencies = new Map<string, Set<string>>();
  for (const { logicalId, resource, provider } of wanted) {
    const where = `Resources.${logicalId}.Properties`;
    const { value, touched } = dry.evaluate(resource.Properties, where, refused);
    dependencies.set(logicalId, new Set([...resource.DependsOn, ...touched]));
    if (value === undefined) continue;
    const parsed = parseProperties(provider, value as Record<string, unknown>, where, isPlaceholder);
    ignored.push(...parsed.ignored);
    refused.push(...parsed.refused);
  }
  for (const [name, output] of Object.entries(template.Outputs)) {
    if (output.Condition === undefined || conditions.get(output.Condition)) {
      dry.evaluate(output.Value, `Outputs.${name}.Value`, refused);
    }
  }
  const { order, cycle } = dependencyOrder(dependencies);
  if (cycle) {
    refused.push({ where: "Resources", message: `circular dependency between resources: ${cycle.join(" -> ")}.` });
  }
  const byId = new Map(wanted.map((item) => [item.logicalId, item]));
  const resources = refused.length > 0 ? [] : (order ?? []).flatMap((id) => byId.get(id) ?? []);
  return {
    name: stack.name,
    template,
    parameters: parameters.values,
    conditions,
    resources,
    report: { stack: stack.name, supported, ignored, refused },
  };
}

function selectResources(
  template: Template,
  providers: Providers,
  conditions: ReadonlyMap<string, boolean>,
  ignored: Finding[],
  refused: Finding[],
) {
  const wanted: PlannedResource[] = [];
  for (const [logicalId, resource] of Object.entries(template.Resources)) {
    const where = `Resources.${logicalId}`;
    const { Type, Condition, DependsOn } = resource;
    const missing = DependsOn.filter((id) => !template.Resources[id]);
    if (missing.length > 0)
      refused.push({ where: `${where}.DependsOn`, message: `there is no resource ${missing[0]}.` });
    if (Condition !== undefined) {
      const value = conditions.get(Condition);
      if (value === undefined)
        refused.push({ where: `${where}.Condition`, message: `there is no condition ${Condition}.` });
      if (!value) continue;
    }
    const reason = IGNORED_TYPES[Type];
    const provider = providers.get(Type);
    if (reason !== undefined) ignored.push({ where, message: `${Type}: ${reason}` });
    else if (provider) wanted.push({ logicalId, resource, provider });
    else refused.push({ where, message: unsupportedType(Type) });
  }
  return { wanted, supported: wanted.map(({ logicalId, resource }) => ({ logicalId, type: resource.Type })) };
}

function unsupportedType(type: string): string {
  if (type.startsWith("Custom::") || type === "AWS::CloudFormation::CustomResource") {
    return `the custom resource ${type} is not supported by the local runtime: use plain CloudFormation properties instead.`;
  }
  return `the resource type ${type} is not supported by the local runtime.`;
}

/** Marks a value that only provisioning can know. Starts with a character that no template contains. */
const PLACEHOLDER = "\u0001";

function isPlaceholder(value: unknown): boolean {
  return value !== undefined && JSON.stringify(value).includes(JSON.stringify(PLACEHOLDER).slice(1, -1));
}

/** Evaluates a template before anything exists: references to resources give placeholders, and are noted. */
class DryRun {
  readonly #template: Template;
  readonly #providers: Providers;
  readonly #constants: ReadonlyMap<string, unknown>;
  #conditions: ReadonlyMap<string, boolean> = new Map();

  constructor(
    stackName: string,
    template: Template,
    parameters: ReadonlyMap<string, ParameterValue>,
    providers: Providers,
    environment: Environment,
  ) {
    this.#template = template;
    this.#providers = providers;
    const pseudo = pseudoParameters(environment, stackName, `${PLACEHOLDER}stack-id`);
    this.#constants = new Map<string, unknown>([...parameters, ...pseudo]);
  }

  evaluateConditions(refused: Finding[]): ReadonlyMap<string, boolean> {
    const known = new Map<string, boolean>();
    const evaluating = new Set<string>();
    const condition = (name: string): boolean | undefined => {
      const value = known.get(name);
      const definition = this.#template.Conditions[name];
      if (value !== undefined || definition === undefined) return value;
      const path = `Conditions.${name}`;
      if (evaluating.has(name)) throw errorAt(path, `conditions ${[...evaluating, name].join(" -> ")} are circular.`);
      evaluating.add(name);
      const result = evaluateCondition(
        definition,
        { ...this.#scope(new Set(), refused), ref: (ref) => this.#constants.get(ref), condition },
        path,
      );
      evaluating.delete(name);
      known.set(name, result);
      return result;
    };
    for (const name of Object.keys(this.#template.Conditions)) {
      catchFindings(refused, () => condition(name));
    }
    return (this.#conditions = known);
  }

  evaluate(value: unknown, path: string, refused: Finding[]): { value: unknown; touched: ReadonlySet<string> } {
    const touched = new Set<string>();
    return { value: catchFindings(refused, () => evaluate(value, this.#scope(touched, refused), path)), touched };
  }

  #scope(touched: Set<string>, refused: Finding[]): Scope {
    return {
      isUnknown: isPlaceholder,
      recover: (error) => {
        refused.push(...error.findings);
        return PLACEHOLDER;
      },
      mappings: this.#template.Mappings,
      condition: (name) => this.#conditions.get(name),
      ref: (name, path) => {
        if (this.#constants.has(name)) return this.#constants.get(name);
        if (!this.#template.Resources[name]) return undefined;
        touched.add(this.#existing(name, path));
        return `${PLACEHOLDER}${name}`;
      },
      attribute: (logicalId, name, path) => {
        const resource = this.#template.Resources[logicalId];
        if (!resource) throw errorAt(path, `there is no resource ${logicalId} to take ${name} of.`);
        touched.add(this.#existing(logicalId, path));
        const provider = this.#providers.get(resource.Type);
        if (provider && !provider.attributes.includes(name)) {
          const known = provider.attributes.join(", ") || "none";
          throw errorAt(path, `${logicalId} (${resource.Type}) has no attribute ${name} here; it has: ${known}.`);
        }
        return `${PLACEHOLDER}${logicalId}.${name}`;
      },
    };
  }

  #existing(logicalId: string, path: string): string {
    const condition = this.#template.Resources[logicalId]?.Condition;
    if (condition !== undefined && !this.#conditions.get(condition)) {
      throw errorAt(path, `refers to ${logicalId}, which does not exist because condition ${condition} is false.`);
    }
    return logicalId;
  }
}

function catchFindings<T>(refused: Finding[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    refused.push(...error.findings);
    return undefined;
  }
}

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html */
export function pseudoParameters(environment: Environment, stackName: string, stackId: string): Map<string, unknown> {
  return new Map<string, unknown>([
    ["AWS::AccountId", environment.account],
    ["AWS::Region", environment.region],
    ["AWS::Partition", environment.partition],
    ["AWS::URLSuffix", "amazonaws.com"],
    ["AWS::StackName", stackName],
    ["AWS::StackId", stackId],
    ["AWS::NotificationARNs", []],
    ["AWS::NoValue", NO_VALUE],
  ]);
}
