import type { Clock } from "../clock.ts";
import type { Ids } from "../ids.ts";
import { AwsError, type Environment } from "../service.ts";
import { transaction } from "../sqlite.ts";
import type { Trace } from "../trace.ts";
import { errorAt, refusal, TemplateError } from "./findings.ts";
import { evaluate, type Scope } from "./intrinsics.ts";
import { parseProperties } from "./properties.ts";
import type { StackDefinition } from "./assembly.ts";
import { planStack, pseudoParameters, type PlannedResource, type Providers, type StackPlan } from "./stack-plan.ts";
import type { ResourceRow, StackOutput, StackRow, StackStore } from "./stack-store.ts";

export interface ProvisionerDeps {
  readonly providers: Providers;
  readonly store: StackStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly trace: Trace;
  readonly environment: Environment;
}

/** A resource could not be made, changed or removed. The message names it and gives AWS's error. */
export class ProvisionError extends Error {
  override readonly name = "ProvisionError";
  readonly logicalId: string;
  readonly type: string;

  constructor(logicalId: string, type: string, cause: unknown) {
    const what =
      cause instanceof AwsError
        ? `${cause.code}: ${cause.message}`
        : cause instanceof Error
          ? cause.message
          : String(cause);
    super(`${logicalId} (${type}): ${what}`, { cause });
    this.logicalId = logicalId;
    this.type = type;
  }
}

/**
 * Brings a stack to its template: makes what is new, provisions again what changed, removes what is gone. Safe to
 * repeat; a stack that has not changed makes no calls.
 *
 * Throws `TemplateError` when anything in the template is refused, before anything is touched, and `ProvisionError` when
 * a resource fails. What was made until then stays, as with CloudFormation's "preserve successfully provisioned
 * resources", and the next try goes on from there.
 */
export async function provisionStack(stack: StackDefinition, deps: ProvisionerDeps): Promise<StackPlan> {
  const plan = planStack(stack, deps.providers, deps.environment);
  if (plan.report.refused.length > 0) throw refusal(plan.report);
  const release = deps.clock.hold();
  try {
    await new Deployment(stack, plan, deps).run();
  } finally {
    release();
  }
  return plan;
}

class Deployment {
  readonly #deps: ProvisionerDeps;
  readonly #plan: StackPlan;
  readonly #templateText: string;
  readonly #existing: Map<string, ResourceRow>;
  readonly #update: boolean;
  #stack: StackRow;
  #changed = false;

  constructor(stack: StackDefinition, plan: StackPlan, deps: ProvisionerDeps) {
    const { store, environment, clock, ids } = deps;
    this.#deps = deps;
    this.#plan = plan;
    this.#templateText = JSON.stringify(stack.template, undefined, 2);
    const known = store.stack(stack.name);
    // A stack whose creation failed is created, not updated, on the next try.
    this.#update = known !== undefined && known.status !== "CREATE_FAILED" && known.status !== "CREATE_IN_PROGRESS";
    const id = `arn:${environment.partition}:cloudformation:${environment.region}:${environment.account}:stack/${stack.name}/${ids.uuid()}`;
    this.#stack = known ?? {
      name: stack.name,
      id,
      template: this.#templateText,
      description: null,
      parameters: "{}",
      outputs: "[]",
      status: "",
      reason: null,
      createdAt: clock.now(),
      updatedAt: null,
      endpoint: environment.endpoint(),
    };
    this.#existing = new Map(store.resources(stack.name).map((row) => [row.logicalId, row]));
  }

  async run(): Promise<void> {
    const [doing, done] = this.#update ? ["UPDATE", "UPDATE_COMPLETE"] : ["CREATE", "CREATE_COMPLETE"];
    this.#followEndpoint();
    try {
      for (const planned of this.#plan.resources) await this.#provision(planned, `${doing}_IN_PROGRESS`);
      await this.#removeWhatIsGone();
      const outputs = JSON.stringify(this.#outputs());
      const stale = this.#stack.template !== this.#templateText || this.#stack.outputs !== outputs;
      if (this.#changed || stale || !this.#stack.status.endsWith("_COMPLETE")) this.#setStatus(done, null, { outputs });
    } catch (error) {
      this.#setStatus(`${doing}_FAILED`, (error as Error).message);
      throw error;
    }
  }

  async #provision({ logicalId, resource, provider }: PlannedResource, stackStatus: string): Promise<void> {
    const { store, clock, ids } = this.#deps;
    const before = this.#existing.get(logicalId);
    const same = before?.type === resource.Type ? before : undefined;
    const where = `Resources.${logicalId}.Properties`;
    const evaluated = evaluate(resource.Properties, this.#scope(), where) as Record<string, unknown>;
    const properties = JSON.stringify(evaluated);
    const settled = same?.status.endsWith("_COMPLETE") && same.properties === properties;
    if (same && settled) {
      if (same.deletionPolicy !== resource.DeletionPolicy) {
        this.#record({ ...same, deletionPolicy: resource.DeletionPolicy });
      }
      return;
    }
    if (!this.#changed) this.#setStatus(stackStatus, null);
    this.#changed = true;
    const parsed = parseProperties(provider, evaluated, where);
    const verb = same?.physicalId ? "UPDATE" : "CREATE";
    const row: ResourceRow = {
      stack: this.#stack.name,
      logicalId,
      type: resource.Type,
      physicalId: same?.physicalId ?? "",
      properties: same?.properties ?? "",
      attributes: same?.attributes ?? "{}",
      status: `${verb}_IN_PROGRESS`,
      reason: null,
      updatedAt: clock.now(),
      position: same?.position ?? store.nextPosition(this.#stack.name),
      suffix: same?.suffix ?? ids.upper(12),
      deletionPolicy: resource.DeletionPolicy,
    };
    this.#record(row, properties);
    try {
      const [mistake] = parsed.refused;
      if (mistake) throw errorAt(mistake.where, mistake.message);
      const made = await provider.provision({
        logicalId,
        stackName: this.#stack.name,
        properties: parsed.value as never,
        ...(row.physicalId !== "" && { physicalId: row.physicalId }),
        generatedName: (maxLength) => generatedName(this.#stack.name, logicalId, row.suffix, maxLength),
      });
      const replaced = before && before.physicalId !== "" && (!same || before.physicalId !== made.physicalId);
      // The old one goes after everything else stands; remembered, because the update may not get that far.
      if (replaced && resource.UpdateReplacePolicy === "Delete") store.addReplaced(before);
      const attributes = JSON.stringify(made.attributes);
      this.#record({ ...row, physicalId: made.physicalId, properties, attributes, status: `${verb}_COMPLETE` });
    } catch (error) {
      const failure = new ProvisionError(logicalId, resource.Type, error);
      this.#record({ ...row, status: `${verb}_FAILED`, reason: failure.message, updatedAt: clock.now() });
      throw failure;
    }
  }

  /** Replaced resources first, then those the template no longer has, last made first. */
  async #removeWhatIsGone(): Promise<void> {
    const { store } = this.#deps;
    for (const row of store.replaced(this.#stack.name).toReversed()) {
      await this.#delete(row, false);
      store.forgetReplaced(row);
    }
    const wanted = new Set(this.#plan.resources.map(({ logicalId }) => logicalId));
    const gone = [...this.#existing.values()].filter((row) => !wanted.has(row.logicalId));
    for (const row of gone.toSorted((a, b) => b.position - a.position)) {
      this.#changed = true;
      if (row.deletionPolicy === "Delete" || row.physicalId === "") await this.#delete(row, true);
      else this.#event({ ...row, status: "DELETE_SKIPPED", reason: `DeletionPolicy ${row.deletionPolicy}` });
      store.deleteResource(row.stack, row.logicalId);
    }
  }

  async #delete(row: ResourceRow, own: boolean): Promise<void> {
    this.#event({ ...row, status: "DELETE_IN_PROGRESS", reason: null });
    try {
      const provider = this.#deps.providers.get(row.type);
      if (!provider) throw new TemplateError(`the type ${row.type} is not supported by this version.`);
      if (row.physicalId !== "") await provider.delete(row.physicalId);
    } catch (error) {
      const failure = new ProvisionError(row.logicalId, row.type, error);
      const failed = { ...row, status: "DELETE_FAILED", reason: failure.message };
      if (own) this.#record(failed);
      else this.#event(failed);
      throw failure;
    }
    this.#event({ ...row, status: "DELETE_COMPLETE", reason: null });
  }

  #outputs(): StackOutput[] {
    const outputs: StackOutput[] = [];
    for (const [key, output] of Object.entries(this.#plan.template?.Outputs ?? {})) {
      if (output.Condition !== undefined && !this.#plan.conditions.get(output.Condition)) continue;
      const scope = this.#scope();
      outputs.push({
        key,
        value: String(evaluate(output.Value, scope, `Outputs.${key}.Value`)),
        description: output.Description ?? null,
        exportName: output.Export ? String(evaluate(output.Export.Name, scope, `Outputs.${key}.Export.Name`)) : null,
      });
    }
    return outputs;
  }

  #scope(): Scope {
    const constants = new Map<string, unknown>([
      ...this.#plan.parameters,
      ...pseudoParameters(this.#deps.environment, this.#stack.name, this.#stack.id),
    ]);
    return {
      mappings: this.#plan.template?.Mappings ?? {},
      condition: (name) => this.#plan.conditions.get(name),
      ref: (name) => (constants.has(name) ? constants.get(name) : this.#existing.get(name)?.physicalId),
      attribute: (logicalId, name, path) => {
        const row = this.#existing.get(logicalId);
        const attributes = JSON.parse(row?.attributes ?? "{}") as Record<string, string>;
        const value = attributes[name];
        if (value === undefined) throw errorAt(path, `${logicalId} (${row?.type}) did not give the attribute ${name}.`);
        return value;
      },
    };
  }

  /** Physical ids that carry the endpoint (queue URLs) follow it when the runtime comes up on another port. */
  #followEndpoint(): void {
    const { store, environment } = this.#deps;
    const [old, now] = [this.#stack.endpoint, environment.endpoint()];
    if (old === now) return;
    const moved = (row: ResourceRow) => ({
      ...row,
      physicalId: row.physicalId.replaceAll(old, now),
      attributes: row.attributes.replaceAll(old, now),
    });
    this.#stack = { ...this.#stack, endpoint: now };
    transaction(store.database, () => {
      for (const row of this.#existing.values()) {
        this.#existing.set(row.logicalId, moved(row));
        store.putResource(moved(row));
      }
      for (const row of store.replaced(this.#stack.name)) {
        store.forgetReplaced(row);
        store.addReplaced(moved(row));
      }
      store.putStack(this.#stack);
    });
  }

  #record(row: ResourceRow, properties: string = row.properties): void {
    this.#existing.set(row.logicalId, row);
    this.#deps.store.putResource(row);
    this.#event({ ...row, properties });
  }

  #event(row: ResourceRow): void {
    const { store, ids, clock, trace } = this.#deps;
    const { stack, logicalId, physicalId, type, status, reason, properties } = row;
    store.addEvent({
      id: ids.uuid(),
      stack,
      stackId: this.#stack.id,
      logicalId,
      physicalId,
      type,
      status,
      reason,
      properties,
      at: clock.now(),
    });
    const name = `${stack}/${logicalId}`;
    trace.emit({
      type: "state",
      kind: "resource",
      name,
      id: physicalId,
      to: status,
      ...(reason !== null && { reason }),
    });
  }

  #setStatus(status: string, reason: string | null, more: Partial<StackRow> = {}): void {
    const { store, ids, clock, trace, environment } = this.#deps;
    this.#stack = {
      ...this.#stack,
      template: this.#templateText,
      description: this.#plan.template?.Description ?? null,
      parameters: JSON.stringify(Object.fromEntries(this.#plan.parameters)),
      status,
      reason,
      updatedAt: this.#update ? clock.now() : null,
      endpoint: environment.endpoint(),
      ...more,
    };
    const { name, id } = this.#stack;
    store.putStack(this.#stack);
    store.addEvent({
      id: ids.uuid(),
      stack: name,
      stackId: id,
      logicalId: name,
      physicalId: id,
      type: "AWS::CloudFormation::Stack",
      status,
      reason,
      properties: null,
      at: clock.now(),
    });
    trace.emit({ type: "state", kind: "stack", name, id, to: status, ...(reason !== null && { reason }) });
  }
}

/** As CloudFormation names what has no name: `<stack>-<logicalId>-<12 random>`, cut to what the service takes. */
function generatedName(stack: string, logicalId: string, suffix: string, maxLength: number): string {
  return `${`${stack}-${logicalId}`.slice(0, Math.max(1, maxLength - suffix.length - 1))}-${suffix}`;
}
