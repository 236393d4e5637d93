import { parsePolicyDocument, type PolicyDocument } from "../../iam/policy-document.ts";
import type { Service, ServiceDeps } from "../../service.ts";
import { awsManagedPolicy } from "./aws-managed-policies.ts";
import { createIamOperations } from "./operations.ts";
import { createIamResources } from "./resources.ts";
import { IamStore } from "./store.ts";

interface IamRole {
  readonly arn: string;
  readonly name: string;
  readonly roleId: string;
  readonly maxSessionDuration: number;
}

export interface IamService extends Service {
  role(arn: string): IamRole | undefined;
  /** Who may assume the role; undefined when there is no such role. */
  trustPolicy(roleArn: string): PolicyDocument | undefined;
  /** What the role may do: its inline policies and the managed ones attached to it. */
  identityPolicies(roleArn: string): PolicyDocument[];
}

/** AWS IAM: roles and policies of the template, to read. */
export function createIam(deps: ServiceDeps): IamService {
  const store = new IamStore(deps.state.database("iam"));
  return {
    name: "iam",
    sdk: () => import("@aws-sdk/client-iam"),
    operations: createIamOperations(store),
    resources: createIamResources(deps, store),
    role: (arn) => store.roleByArn(arn),
    trustPolicy(roleArn) {
      const role = store.roleByArn(roleArn);
      return role && parsePolicyDocument(role.trustPolicy, "trust");
    },
    identityPolicies(roleArn) {
      const role = store.roleByArn(roleArn);
      if (!role) return [];
      const inline = store.inlinePolicies(role.name).map(({ document }) => document);
      const attached = store
        .attachedPolicies(role.name)
        .flatMap((arn) => (store.managedPolicy(arn) ?? awsManagedPolicy(arn))?.document ?? []);
      return [...inline, ...attached].map((document) => parsePolicyDocument(document, "identity"));
    },
  };
}
