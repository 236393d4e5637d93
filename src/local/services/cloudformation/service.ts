import type { Service, ServiceDeps } from "../../service.ts";
import type { StackDefinition } from "../../template/assembly.ts";
import { provisionStack } from "../../template/provision.ts";
import type { Providers, StackPlan } from "../../template/stack-plan.ts";
import { StackStore } from "../../template/stack-store.ts";
import { createCloudFormationOperations } from "./operations.ts";

export interface CloudFormationService extends Service {
  /** Brings a stack to its template; see `provisionStack` for what it throws. */
  provision(stack: StackDefinition, providers: Providers): Promise<StackPlan>;
}

/** AWS CloudFormation: stacks of the cloud assembly, to read. */
export function createCloudFormation(deps: ServiceDeps): CloudFormationService {
  const store = new StackStore(deps.state.database("cloudformation"));
  return {
    name: "cloudformation",
    sdk: () => import("@aws-sdk/client-cloudformation"),
    operations: createCloudFormationOperations(store),
    resources: {},
    provision: (stack, providers) => provisionStack(stack, { ...deps, store, providers }),
  };
}
