import type * as Logs from "@aws-sdk/client-cloudwatch-logs";
import type { ServiceDeps } from "../../service.ts";
import { AwsError } from "../../service.ts";
import { groupDoesNotExist, invalidParameter, streamDoesNotExist, unsupported } from "./errors.ts";
import type { LogGroup, LogStore, LogStream } from "./store.ts";

/** The periods that CloudWatch Logs offers, in days. */
const RETENTION = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1_096, 1_827, 2_192, 2_557, 2_922, 3_288, 3_653,
];
const MAX_PAGE = 50;

/** Log groups and streams, their retention, tags and policies. */
export function createGroupOperations(deps: ServiceDeps, store: LogStore) {
  const { clock, environment } = deps;
  const prefix = `arn:${environment.partition}:logs:${environment.region}:${environment.account}:log-group:`;
  const groupArn = (group: LogGroup) => `${prefix}${group.name}`;

  const find = (nameOrArn: string | undefined): LogGroup => {
    const name = (nameOrArn ?? "").replace(prefix, "").replace(/:\*$/, "");
    const group = store.group(name);
    if (!group) throw groupDoesNotExist();
    return group;
  };

  const findStream = (group: LogGroup, name: string | undefined): LogStream => {
    const stream = store.stream(group, name ?? "");
    if (!stream) throw streamDoesNotExist();
    return stream;
  };

  const createGroup = (name: string, tags: Record<string, string>): LogGroup => {
    if (!/^[\w./#-]{1,512}$/.test(name)) throw invalidParameter(`Invalid log group name: ${name}`);
    if (store.group(name)) {
      throw new AwsError("ResourceAlreadyExistsException", "The specified log group already exists");
    }
    store.createGroup(name, tags, clock.now());
    return find(name);
  };

  const setRetention = (group: LogGroup, retentionDays: number | undefined) => {
    if (retentionDays !== undefined && !RETENTION.includes(retentionDays)) {
      throw invalidParameter(`Invalid retentionInDays ${retentionDays}: one of ${RETENTION.join(", ")}`);
    }
    store.changeGroup(group, { retentionDays });
  };

  const operations = {
    CreateLogGroup: (input: Logs.CreateLogGroupCommandInput) => {
      if (input.kmsKeyId) throw unsupported("kmsKeyId", "leave it out.");
      if (input.logGroupClass && input.logGroupClass !== "STANDARD") {
        throw unsupported(`logGroupClass ${input.logGroupClass}`, "use STANDARD.");
      }
      createGroup(input.logGroupName ?? "", input.tags ?? {});
      return {};
    },

    DeleteLogGroup: (input: Logs.DeleteLogGroupCommandInput) => {
      store.deleteGroup(find(input.logGroupName));
      return {};
    },

    DescribeLogGroups: (input: Logs.DescribeLogGroupsCommandInput) => {
      const { logGroupNamePrefix = "", logGroupNamePattern = "" } = input;
      const pattern = logGroupNamePattern.toLowerCase();
      const groups = store
        .groups()
        .filter((group) => group.name.startsWith(logGroupNamePrefix) && group.name.toLowerCase().includes(pattern));
      const { items, nextToken } = page(groups, input.limit, input.nextToken);
      return {
        logGroups: items.map((group) => ({
          logGroupName: group.name,
          arn: `${groupArn(group)}:*`,
          logGroupArn: groupArn(group),
          creationTime: group.createdAt,
          retentionInDays: group.retentionDays,
          storedBytes: group.storedBytes,
          metricFilterCount: 0,
          logGroupClass: "STANDARD" as const,
        })),
        nextToken,
      };
    },

    PutRetentionPolicy: (input: Logs.PutRetentionPolicyCommandInput) => {
      setRetention(find(input.logGroupName), input.retentionInDays);
      return {};
    },

    DeleteRetentionPolicy: (input: Logs.DeleteRetentionPolicyCommandInput) => {
      setRetention(find(input.logGroupName), undefined);
      return {};
    },

    CreateLogStream: (input: Logs.CreateLogStreamCommandInput) => {
      const group = find(input.logGroupName);
      const name = input.logStreamName ?? "";
      if (!/^[^:*]{1,512}$/.test(name)) throw invalidParameter(`Invalid log stream name: ${name}`);
      if (store.stream(group, name)) {
        throw new AwsError("ResourceAlreadyExistsException", "The specified log stream already exists");
      }
      store.createStream(group, name, clock.now());
      return {};
    },

    DeleteLogStream: (input: Logs.DeleteLogStreamCommandInput) => {
      store.deleteStream(findStream(find(input.logGroupName), input.logStreamName));
      return {};
    },

    DescribeLogStreams: (input: Logs.DescribeLogStreamsCommandInput) => {
      const group = find(input.logGroupName ?? input.logGroupIdentifier);
      const byTime = input.orderBy === "LastEventTime";
      if (byTime && input.logStreamNamePrefix) {
        throw invalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.");
      }
      const streams = store.streams(group).filter((stream) => stream.name.startsWith(input.logStreamNamePrefix ?? ""));
      if (byTime) streams.sort((a, b) => (a.lastEventAt ?? a.createdAt) - (b.lastEventAt ?? b.createdAt));
      if (input.descending) streams.reverse();
      const { items, nextToken } = page(streams, input.limit, input.nextToken);
      return {
        logStreams: items.map((stream) => ({
          logStreamName: stream.name,
          arn: `${groupArn(group)}:log-stream:${stream.name}`,
          creationTime: stream.createdAt,
          firstEventTimestamp: stream.firstEventAt,
          lastEventTimestamp: stream.lastEventAt,
          lastIngestionTime: stream.lastIngestionAt,
          // Always 0 since 2019, when CloudWatch stopped counting per stream.
          storedBytes: 0,
        })),
        nextToken,
      };
    },

    TagResource: (input: Logs.TagResourceCommandInput) => {
      const group = find(input.resourceArn);
      store.changeGroup(group, { tags: { ...group.tags, ...input.tags } });
      return {};
    },

    UntagResource: (input: Logs.UntagResourceCommandInput) => {
      const group = find(input.resourceArn);
      const kept = Object.entries(group.tags).filter(([key]) => !input.tagKeys?.includes(key));
      store.changeGroup(group, { tags: Object.fromEntries(kept) });
      return {};
    },

    ListTagsForResource: (input: Logs.ListTagsForResourceCommandInput) => ({
      tags: { ...find(input.resourceArn).tags },
    }),

    PutResourcePolicy: (input: Logs.PutResourcePolicyCommandInput) => {
      const { policyName = "", policyDocument = "" } = input;
      if (input.resourceArn) throw unsupported("resourceArn of a resource policy", "give the policy for the account.");
      try {
        JSON.parse(policyDocument);
      } catch {
        throw invalidParameter("Invalid policy document: not valid JSON");
      }
      const lastUpdatedTime = clock.now();
      store.putPolicy(policyName, policyDocument, lastUpdatedTime);
      return { resourcePolicy: { policyName, policyDocument, lastUpdatedTime } };
    },

    DescribeResourcePolicies: (_input: Logs.DescribeResourcePoliciesCommandInput) => ({
      resourcePolicies: store.policies().map(({ name, document, updatedAt }) => ({
        policyName: name,
        policyDocument: document,
        lastUpdatedTime: updatedAt,
      })),
    }),

    DeleteResourcePolicy: (input: Logs.DeleteResourcePolicyCommandInput) => {
      if (!store.deletePolicy(input.policyName ?? "")) {
        throw new AwsError("ResourceNotFoundException", `Policy with name [${input.policyName ?? ""}] does not exist.`);
      }
      return {};
    },
  };

  return { operations, find, findStream, createGroup, setRetention, groupArn };
}

function page<Item>(items: readonly Item[], limit: number = MAX_PAGE, token: string | undefined) {
  if (limit < 1 || limit > MAX_PAGE) throw invalidParameter(`limit must be between 1 and ${MAX_PAGE}`);
  const start = token ? Number(Buffer.from(token, "base64url").toString()) : 0;
  if (!Number.isInteger(start)) throw invalidParameter("The specified nextToken is invalid.");
  const end = start + limit;
  const nextToken = end < items.length ? Buffer.from(String(end)).toString("base64url") : undefined;
  return { items: items.slice(start, end), nextToken };
}
