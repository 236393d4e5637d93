import type * as Sqs from "@aws-sdk/client-sqs";
import { invalidParameterValue, missingParameter } from "./errors.ts";
import type { Queue } from "./store.ts";

interface PolicyDocument {
  Version: string;
  Id?: string;
  Statement: { Sid?: string; [member: string]: unknown }[];
}

/** AddPermission and RemovePermission: a queue policy written statement by statement. */
export function createPermissionOperations(
  find: (url: string | undefined) => Queue,
  setPolicy: (queue: Queue, policy: string) => void,
) {
  return {
    AddPermission: (input: Sqs.AddPermissionCommandInput) => {
      const queue = find(input.QueueUrl);
      if (!input.Label) throw missingParameter("Label");
      if (!input.Actions?.length) throw missingParameter("Actions");
      if (!input.AWSAccountIds?.length) throw missingParameter("AWSAccountIds");
      const policy = read(queue);
      if (policy.Statement.some((statement) => statement.Sid === input.Label)) {
        throw invalidParameterValue(`Value ${input.Label} for parameter Label is invalid. Reason: Already exists.`);
      }
      policy.Statement.push({
        Sid: input.Label,
        Effect: "Allow",
        Principal: { AWS: input.AWSAccountIds.map((account) => `arn:aws:iam::${account}:root`) },
        Action: input.Actions.map((action) => `SQS:${action}`),
        Resource: queue.arn,
      });
      setPolicy(queue, JSON.stringify(policy));
      return {};
    },

    RemovePermission: (input: Sqs.RemovePermissionCommandInput) => {
      const queue = find(input.QueueUrl);
      const policy = read(queue);
      const rest = policy.Statement.filter((statement) => statement.Sid !== input.Label);
      if (rest.length === policy.Statement.length) {
        throw invalidParameterValue(
          `Value ${String(input.Label)} for parameter Label is invalid. Reason: can't find label on existing policy.`,
        );
      }
      setPolicy(queue, rest.length > 0 ? JSON.stringify({ ...policy, Statement: rest }) : "");
      return {};
    },
  };
}

function read(queue: Queue): PolicyDocument {
  const text = queue.attributes["Policy"];
  if (!text) return { Version: "2008-10-17", Id: `${queue.arn}/SQSDefaultPolicy`, Statement: [] };
  const policy = JSON.parse(text) as PolicyDocument;
  return { ...policy, Statement: [policy.Statement].flat() };
}
