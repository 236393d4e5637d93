import type * as Cfn from "@aws-sdk/client-cloudformation";
import type { ResourceRow, StackEventRow, StackOutput, StackRow, StackStore } from "../../template/stack-store.ts";
import { noSuchResource, noSuchStack, validation } from "./errors.ts";

const PAGE = 100;

/** The read side of CloudFormation. What deploys here is the runtime, from the cloud assembly. */
export function createCloudFormationOperations(store: StackStore) {
  const find = (name: string | undefined): StackRow => {
    const stack = store.stack(name ?? "");
    if (!stack) throw noSuchStack(name ?? "");
    return stack;
  };
  const resourcesOf = ({ StackName, PhysicalResourceId }: { StackName?: string; PhysicalResourceId?: string }) => {
    if (StackName !== undefined) return { stack: find(StackName), rows: store.resources(find(StackName).name) };
    if (PhysicalResourceId === undefined) throw validation("StackName or PhysicalResourceId is required.");
    for (const stack of store.stacks()) {
      const rows = store.resources(stack.name);
      if (rows.some((row) => row.physicalId === PhysicalResourceId)) return { stack, rows };
    }
    throw validation(`Stack for ${PhysicalResourceId} does not exist`);
  };

  return {
    DescribeStacks: (input: Cfn.DescribeStacksCommandInput) =>
      page(input.StackName === undefined ? store.stacks() : [find(input.StackName)], input.NextToken, (stacks) => ({
        Stacks: stacks.map(toStack),
      })),

    ListStacks: (input: Cfn.ListStacksCommandInput) => {
      const wanted = store
        .stacks()
        .filter(({ status }) => !input.StackStatusFilter?.length || input.StackStatusFilter.some((s) => s === status));
      return page(wanted, input.NextToken, (stacks) => ({ StackSummaries: stacks.map(toSummary) }));
    },

    ListStackResources: (input: Cfn.ListStackResourcesCommandInput) =>
      page(store.resources(find(input.StackName).name), input.NextToken, (rows) => ({
        StackResourceSummaries: rows.map((row) => ({
          ...identity(row),
          LastUpdatedTimestamp: new Date(row.updatedAt),
          DriftInformation: { StackResourceDriftStatus: "NOT_CHECKED" as const },
        })),
      })),

    DescribeStackResources: (input: Cfn.DescribeStackResourcesCommandInput) => {
      const { stack, rows } = resourcesOf(input);
      const wanted = rows.filter(
        (row) => input.LogicalResourceId === undefined || row.logicalId === input.LogicalResourceId,
      );
      return {
        StackResources: wanted.map((row) => ({
          ...ofStack(stack),
          ...identity(row),
          Timestamp: new Date(row.updatedAt),
        })),
      };
    },

    DescribeStackResource: (input: Cfn.DescribeStackResourceCommandInput) => {
      const stack = find(input.StackName);
      const row = store.resources(stack.name).find(({ logicalId }) => logicalId === input.LogicalResourceId);
      if (!row) throw noSuchResource(input.LogicalResourceId ?? "", stack.name);
      const { metadata, description } = fromTemplate(stack, row.logicalId);
      return {
        StackResourceDetail: {
          ...ofStack(stack),
          ...identity(row),
          LastUpdatedTimestamp: new Date(row.updatedAt),
          ...(metadata !== undefined && { Metadata: JSON.stringify(metadata) }),
          ...(description !== undefined && { Description: description }),
        },
      };
    },

    DescribeStackEvents: (input: Cfn.DescribeStackEventsCommandInput) => {
      const offset = Number(input.NextToken ?? 0);
      const rows = store.events(find(input.StackName).name, PAGE + 1, offset);
      const more = rows.length > PAGE;
      return { StackEvents: rows.slice(0, PAGE).map(toEvent), ...(more && { NextToken: String(offset + PAGE) }) };
    },

    GetTemplate: (input: Cfn.GetTemplateCommandInput) => {
      // Nothing is transformed here, so the processed template is the original.
      return {
        TemplateBody: find(input.StackName).template,
        StagesAvailable: ["Original" as const, "Processed" as const],
      };
    },

    GetTemplateSummary: (input: Cfn.GetTemplateSummaryCommandInput) => {
      if (input.StackName === undefined)
        throw validation("The local runtime summarises templates of stacks: give StackName.");
      const stack = find(input.StackName);
      const types = store.resources(stack.name).map((row) => row.type);
      return {
        ...(stack.description !== null && { Description: stack.description }),
        ResourceTypes: [...new Set(types)],
        Version: "2010-09-09",
      };
    },
  };
}

function ofStack(stack: StackRow) {
  return { StackName: stack.name, StackId: stack.id };
}

function identity(row: ResourceRow) {
  return {
    LogicalResourceId: row.logicalId,
    ...(row.physicalId !== "" && { PhysicalResourceId: row.physicalId }),
    ResourceType: row.type,
    ResourceStatus: row.status as Cfn.ResourceStatus,
    ...(row.reason !== null && { ResourceStatusReason: row.reason }),
  };
}

function toStack(stack: StackRow) {
  const outputs = JSON.parse(stack.outputs) as StackOutput[];
  const parameters = Object.entries(JSON.parse(stack.parameters) as Record<string, string | string[]>);
  return {
    ...ofStack(stack),
    ...(stack.description !== null && { Description: stack.description }),
    Parameters: parameters.map(([ParameterKey, value]) => ({ ParameterKey, ParameterValue: String(value) })),
    CreationTime: new Date(stack.createdAt),
    ...(stack.updatedAt !== null && { LastUpdatedTime: new Date(stack.updatedAt) }),
    StackStatus: stack.status as Cfn.StackStatus,
    ...(stack.reason !== null && { StackStatusReason: stack.reason }),
    DisableRollback: true,
    EnableTerminationProtection: false,
    DriftInformation: { StackDriftStatus: "NOT_CHECKED" as const },
    NotificationARNs: [],
    Tags: [],
    Outputs: outputs.map(({ key, value, description, exportName }) => ({
      OutputKey: key,
      OutputValue: value,
      ...(description !== null && { Description: description }),
      ...(exportName !== null && { ExportName: exportName }),
    })),
  };
}

function toSummary(stack: StackRow) {
  return {
    ...ofStack(stack),
    ...(stack.description !== null && { TemplateDescription: stack.description }),
    CreationTime: new Date(stack.createdAt),
    ...(stack.updatedAt !== null && { LastUpdatedTime: new Date(stack.updatedAt) }),
    StackStatus: stack.status as Cfn.StackStatus,
    ...(stack.reason !== null && { StackStatusReason: stack.reason }),
    DriftInformation: { StackDriftStatus: "NOT_CHECKED" as const },
  };
}

function toEvent(event: StackEventRow) {
  return {
    StackId: event.stackId,
    EventId: event.id,
    StackName: event.stack,
    LogicalResourceId: event.logicalId,
    PhysicalResourceId: event.physicalId,
    ResourceType: event.type,
    Timestamp: new Date(event.at),
    ResourceStatus: event.status as Cfn.ResourceStatus,
    ...(event.reason !== null && { ResourceStatusReason: event.reason }),
    ...(event.properties && { ResourceProperties: event.properties }),
  };
}

function fromTemplate(stack: StackRow, logicalId: string): { metadata?: unknown; description?: string } {
  const { Resources } = JSON.parse(stack.template) as {
    Resources: Record<string, { Metadata?: unknown; Description?: string }>;
  };
  const resource = Resources[logicalId];
  return {
    ...(resource?.Metadata !== undefined && { metadata: resource.Metadata }),
    ...(resource?.Description !== undefined && { description: resource.Description }),
  };
}

/** `NextToken` is opaque to clients; here it is the offset. */
function page<T, Output>(
  items: readonly T[],
  token: string | undefined,
  output: (items: T[]) => Output,
): Output & { NextToken?: string } {
  const from = Number(token ?? 0);
  const more = from + PAGE < items.length;
  return { ...output(items.slice(from, from + PAGE)), ...(more && { NextToken: String(from + PAGE) }) };
}
