/**
 * The AWS managed policies that roles of data pipelines attach, as AWS publishes them
 * (https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html). Any other one is refused by name.
 */
const LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"];
const QUEUE = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];

const DOCUMENTS: Readonly<Record<string, readonly object[]>> = {
  "service-role/AWSLambdaBasicExecutionRole": [{ Effect: "Allow", Action: LOGS, Resource: "*" }],
  "service-role/AWSLambdaSQSQueueExecutionRole": [{ Effect: "Allow", Action: [...QUEUE, ...LOGS], Resource: "*" }],
};

const PREFIX = "arn:aws:iam::aws:policy/";

/** The document of an AWS managed policy as JSON text, or undefined for one that is not known here. */
export function awsManagedPolicy(arn: string): { name: string; path: string; document: string } | undefined {
  const statements = arn.startsWith(PREFIX) ? DOCUMENTS[arn.slice(PREFIX.length)] : undefined;
  if (!statements) return undefined;
  const full = arn.slice(PREFIX.length - 1);
  const name = full.slice(full.lastIndexOf("/") + 1);
  return {
    name,
    path: full.slice(0, -name.length),
    document: JSON.stringify({ Version: "2012-10-17", Statement: statements }),
  };
}

export const KNOWN_AWS_MANAGED_POLICIES = Object.keys(DOCUMENTS).map((name) => PREFIX + name);
