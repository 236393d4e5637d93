import { z } from "zod";
import { parsePolicyDocument, type PolicyKind } from "../../iam/policy-document.ts";
import { integer, jsonText, tags } from "../../properties.ts";
import { defineResource, type ResourceProvider, type ServiceDeps } from "../../service.ts";
import { transaction } from "../../sqlite.ts";
import { awsManagedPolicy, KNOWN_AWS_MANAGED_POLICIES } from "./aws-managed-policies.ts";
import { noSuchRole, policyExists, roleExists, validation } from "./errors.ts";
import type { IamStore } from "./store.ts";

/** Characters of names (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html). */
const name = z.string().regex(/^[\w+=,.@-]+$/);
const path = z.string().regex(/^\/(.*\/)?$/, "begins and ends with /");
const inlinePolicy = z.strictObject({ PolicyName: name, PolicyDocument: jsonText });

/** How IAM resources of a template come to life. */
export function createIamResources(deps: ServiceDeps, store: IamStore): Record<string, ResourceProvider> {
  const { clock, environment, ids } = deps;
  const arnPrefix = `arn:${environment.partition}:iam::${environment.account}:`;
  const checked = (document: string, kind: PolicyKind) => {
    parsePolicyDocument(document, kind);
    return document;
  };
  const checkRoles = (roles: readonly string[]) => {
    for (const role of roles) if (!store.role(role)) throw noSuchRole(role);
  };

  const role = defineResource({
    schema: z.strictObject({
      RoleName: name.max(64).optional(),
      Path: path.default("/"),
      Description: z.string().optional(),
      AssumeRolePolicyDocument: jsonText,
      Policies: z.array(inlinePolicy).default([]),
      ManagedPolicyArns: z.array(z.string()).default([]),
      MaxSessionDuration: integer.default(3600),
      Tags: tags.default([]),
    }),
    attributes: ["Arn", "RoleId"],
    provision({ properties, physicalId, generatedName }) {
      const roleName = properties.RoleName ?? physicalId ?? generatedName(64);
      const existing = store.role(roleName);
      // A generated name that exists already was made by an earlier try of this very resource.
      if (existing && properties.RoleName !== undefined && physicalId !== roleName) throw roleExists(roleName);
      const { MaxSessionDuration } = properties;
      if (MaxSessionDuration < 3600 || MaxSessionDuration > 43_200) {
        throw validation(`MaxSessionDuration must be between 3600 and 43200 seconds, not ${MaxSessionDuration}.`);
      }
      for (const arn of properties.ManagedPolicyArns) checkAttachable(store, arn);
      const made = {
        name: roleName,
        path: properties.Path,
        arn: `${arnPrefix}role${properties.Path}${roleName}`,
        roleId: existing?.roleId ?? `AROA${ids.upper(17)}`,
        trustPolicy: checked(properties.AssumeRolePolicyDocument, "trust"),
        description: properties.Description ?? null,
        maxSessionDuration: MaxSessionDuration,
        tags: JSON.stringify(properties.Tags),
        createdAt: existing?.createdAt ?? clock.now(),
      };
      const policies = properties.Policies.map(({ PolicyName, PolicyDocument }) => ({
        name: PolicyName,
        document: checked(PolicyDocument, "identity"),
      }));
      transaction(store.database, () => {
        store.putRole(made);
        store.setInlinePolicies(roleName, "", policies);
        const attachments = properties.ManagedPolicyArns.map((policyArn) => ({ role: roleName, policyArn }));
        store.setAttachments(`role/${roleName}`, attachments);
      });
      return { physicalId: roleName, attributes: { Arn: made.arn, RoleId: made.roleId } };
    },
    delete: (roleName) => transaction(store.database, () => store.deleteRole(roleName)),
  });

  const policy = defineResource({
    schema: z.strictObject({ PolicyName: name.max(128), PolicyDocument: jsonText, Roles: z.array(z.string()).min(1) }),
    attributes: ["Id"],
    provision({ properties, physicalId, generatedName }) {
      checkRoles(properties.Roles);
      const document = checked(properties.PolicyDocument, "identity");
      const id = physicalId ?? generatedName(128);
      transaction(store.database, () => {
        store.deleteInlinePoliciesOf(id);
        for (const role of properties.Roles) {
          store.setInlinePolicies(role, id, [{ name: properties.PolicyName, document }]);
        }
      });
      return { physicalId: id, attributes: { Id: id } };
    },
    delete: (id) => store.deleteInlinePoliciesOf(id),
  });

  const managedPolicy = defineResource({
    schema: z.strictObject({
      ManagedPolicyName: name.max(128).optional(),
      Path: path.default("/"),
      Description: z.string().optional(),
      PolicyDocument: jsonText,
      Roles: z.array(z.string()).default([]),
    }),
    attributes: ["PolicyArn", "PolicyId", "DefaultVersionId"],
    provision({ properties, physicalId, generatedName }) {
      checkRoles(properties.Roles);
      const previous = physicalId === undefined ? undefined : store.managedPolicy(physicalId);
      const policyName = properties.ManagedPolicyName ?? previous?.name ?? generatedName(128);
      const arn = `${arnPrefix}policy${properties.Path}${policyName}`;
      const named = properties.ManagedPolicyName !== undefined;
      if (named && arn !== physicalId && store.managedPolicies().some((other) => other.name === policyName)) {
        throw policyExists(policyName);
      }
      const made = {
        arn,
        name: policyName,
        path: properties.Path,
        policyId: previous?.policyId ?? `ANPA${ids.upper(17)}`,
        document: checked(properties.PolicyDocument, "identity"),
        description: properties.Description ?? null,
        createdAt: previous?.createdAt ?? clock.now(),
        updatedAt: clock.now(),
      };
      transaction(store.database, () => {
        store.putManagedPolicy(made);
        store.setAttachments(
          arn,
          properties.Roles.map((roleName) => ({ role: roleName, policyArn: arn })),
        );
      });
      return { physicalId: arn, attributes: { PolicyArn: arn, PolicyId: made.policyId, DefaultVersionId: "v1" } };
    },
    delete: (arn) => transaction(store.database, () => store.deleteManagedPolicy(arn)),
  });

  return { "AWS::IAM::Role": role, "AWS::IAM::Policy": policy, "AWS::IAM::ManagedPolicy": managedPolicy };
}

function checkAttachable(store: IamStore, arn: string): void {
  if (store.managedPolicy(arn) || awsManagedPolicy(arn)) return;
  throw validation(
    `The managed policy ${arn} is not known to the local runtime. Known AWS managed policies: ` +
      `${KNOWN_AWS_MANAGED_POLICIES.join(", ")}. Write the permissions into the role instead.`,
  );
}
