import type * as Iam from "@aws-sdk/client-iam";
import { awsManagedPolicy } from "./aws-managed-policies.ts";
import { noSuchPolicy, noSuchPolicyVersion, noSuchRole, noSuchRolePolicy } from "./errors.ts";
import type { IamStore, ManagedPolicy, Role } from "./store.ts";

/** CloudFormation replaces the one version that a policy of the template has. */
const VERSION = "v1";

/** The read side of IAM. What changes roles and policies here is the template. */
export function createIamOperations(store: IamStore) {
  const roleOf = (name: string | undefined) => {
    const role = store.role(name ?? "");
    if (!role) throw noSuchRole(name ?? "");
    return role;
  };
  const policyOf = (arn: string | undefined): ManagedPolicy => {
    const stored = store.managedPolicy(arn ?? "");
    if (stored) return stored;
    const aws = awsManagedPolicy(arn ?? "");
    if (!aws) throw noSuchPolicy(arn ?? "");
    const published = Date.UTC(2015, 3, 9);
    return {
      ...aws,
      arn: arn ?? "",
      policyId: "ANPAAWSMANAGEDPOLICY00",
      description: null,
      createdAt: published,
      updatedAt: published,
    };
  };
  const toPolicy = (policy: ManagedPolicy) => ({
    PolicyName: policy.name,
    PolicyId: policy.policyId,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: VERSION,
    AttachmentCount: store.attachmentCount(policy.arn),
    PermissionsBoundaryUsageCount: 0,
    IsAttachable: true,
    ...(policy.description !== null && { Description: policy.description }),
    CreateDate: new Date(policy.createdAt),
    UpdateDate: new Date(policy.updatedAt),
  });

  return {
    GetRole: (input: Iam.GetRoleCommandInput) => ({ Role: toRole(roleOf(input.RoleName)) }),

    ListRoles: (input: Iam.ListRolesCommandInput) =>
      page(store.roles(input.PathPrefix ?? "/").map(toRole), input, (Roles) => ({ Roles })),

    ListRoleTags: (input: Iam.ListRoleTagsCommandInput) =>
      page(JSON.parse(roleOf(input.RoleName).tags) as Iam.Tag[], input, (Tags) => ({ Tags })),

    ListRolePolicies: (input: Iam.ListRolePoliciesCommandInput) => {
      const names = store.inlinePolicies(roleOf(input.RoleName).name).map(({ name }) => name);
      return page(names, input, (PolicyNames) => ({ PolicyNames }));
    },

    GetRolePolicy: (input: Iam.GetRolePolicyCommandInput) => {
      const role = roleOf(input.RoleName);
      const policy = store.inlinePolicies(role.name).find(({ name }) => name === input.PolicyName);
      if (!policy) throw noSuchRolePolicy(input.PolicyName ?? "");
      return { RoleName: role.name, PolicyName: policy.name, PolicyDocument: encodeURIComponent(policy.document) };
    },

    ListAttachedRolePolicies: (input: Iam.ListAttachedRolePoliciesCommandInput) => {
      const attached = store
        .attachedPolicies(roleOf(input.RoleName).name)
        .map(policyOf)
        .filter(({ path }) => path.startsWith(input.PathPrefix ?? "/"))
        .map(({ arn, name }) => ({ PolicyName: name, PolicyArn: arn }));
      return page(attached, input, (AttachedPolicies) => ({ AttachedPolicies }));
    },

    GetPolicy: (input: Iam.GetPolicyCommandInput) => ({ Policy: toPolicy(policyOf(input.PolicyArn)) }),

    ListPolicies: (input: Iam.ListPoliciesCommandInput) => {
      const policies = input.Scope === "AWS" ? [] : store.managedPolicies();
      const wanted = policies
        .filter(({ path }) => path.startsWith(input.PathPrefix ?? "/"))
        .map(toPolicy)
        .filter(({ AttachmentCount }) => !input.OnlyAttached || AttachmentCount > 0);
      return page(wanted, input, (Policies) => ({ Policies }));
    },

    GetPolicyVersion: (input: Iam.GetPolicyVersionCommandInput) => {
      const policy = policyOf(input.PolicyArn);
      if (input.VersionId !== VERSION) throw noSuchPolicyVersion(policy.arn, input.VersionId ?? "");
      return { PolicyVersion: { ...toVersion(policy), Document: encodeURIComponent(policy.document) } };
    },

    ListPolicyVersions: (input: Iam.ListPolicyVersionsCommandInput) =>
      page([toVersion(policyOf(input.PolicyArn))], input, (Versions) => ({ Versions })),
  };
}

/** IAM answers policy documents as URL-encoded JSON (RFC 3986). */
function toRole(role: Role) {
  const tags = JSON.parse(role.tags) as Iam.Tag[];
  return {
    Path: role.path,
    RoleName: role.name,
    RoleId: role.roleId,
    Arn: role.arn,
    CreateDate: new Date(role.createdAt),
    AssumeRolePolicyDocument: encodeURIComponent(role.trustPolicy),
    ...(role.description !== null && { Description: role.description }),
    MaxSessionDuration: role.maxSessionDuration,
    ...(tags.length > 0 && { Tags: tags }),
  };
}

function toVersion(policy: ManagedPolicy) {
  return { VersionId: VERSION, IsDefaultVersion: true, CreateDate: new Date(policy.updatedAt) };
}

/** IAM's paging: `Marker` is opaque to clients; here it is the offset. */
function page<T, Output>(
  items: readonly T[],
  { Marker, MaxItems }: { Marker?: string | undefined; MaxItems?: number | undefined },
  output: (items: T[]) => Output,
): Output & { IsTruncated: boolean; Marker?: string } {
  const from = Number(Marker ?? 0);
  const to = from + (MaxItems ?? 100);
  const more = to < items.length;
  return { ...output(items.slice(from, to)), IsTruncated: more, ...(more && { Marker: String(to) }) };
}
