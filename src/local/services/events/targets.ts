import type { Target } from "@aws-sdk/client-eventbridge";
import type { Principal, ServiceDeps } from "../../service.ts";
import { AwsError } from "../../service.ts";
import { unsupported, validationError } from "./errors.ts";
import { checkTargetInput } from "./transform.ts";

const TARGET_SERVICES = ["sqs", "lambda", "sns", "logs"];

/** Checks a target as PutTargets does; refuses what does not run locally by name. */
export function checkTarget(target: Target): void {
  const { Id = "", Arn = "" } = target;
  if (!/^[\w.-]{1,64}$/.test(Id)) throw validationError(`Invalid target id: ${Id}`);
  const [scheme, , service = ""] = Arn.split(":");
  if (scheme !== "arn")
    throw validationError(`Parameter ${Arn} is not valid. Reason: Provided Arn is not in correct format.`);
  if (!TARGET_SERVICES.includes(service)) {
    throw unsupported(`The target ${Arn}`, `targets are of ${TARGET_SERVICES.join(", ")}.`);
  }
  if (Arn.endsWith(".fifo"))
    throw unsupported(`The FIFO target ${Arn}`, "only standard queues and topics run locally.");
  const known = ["Id", "Arn", "Input", "InputPath", "InputTransformer", "DeadLetterConfig", "RetryPolicy"];
  const other = Object.entries(target).find(([name, value]) => value !== undefined && !known.includes(name));
  if (other)
    throw unsupported(`${other[0]} of target ${Id}`, "leave it out; targets are allowed by their resource policies.");
  checkTargetInput(target);
  const { MaximumRetryAttempts: attempts, MaximumEventAgeInSeconds: age } = target.RetryPolicy ?? {};
  if (attempts !== undefined && (attempts < 0 || attempts > 185)) {
    throw validationError(`MaximumRetryAttempts of target ${Id} must be between 0 and 185.`);
  }
  if (age !== undefined && (age < 60 || age > 86_400)) {
    throw validationError(`MaximumEventAgeInSeconds of target ${Id} must be between 60 and 86400.`);
  }
}

/** Hands a text to a target, as EventBridge on behalf of a rule. */
export async function invokeTarget(
  deps: ServiceDeps,
  options: { arn: string; input: string; ruleArn: string; ruleName: string },
): Promise<void> {
  const { bus, environment } = deps;
  const { arn, input, ruleArn } = options;
  const principal: Principal = { kind: "service", service: "events.amazonaws.com", sourceArn: ruleArn };
  switch (arn.split(":")[2]) {
    case "sqs":
      await bus.call(
        "sqs:SendMessage",
        { QueueUrl: queueUrl(environment.endpoint(), arn), MessageBody: input },
        principal,
      );
      return;
    case "sns":
      await bus.call("sns:Publish", { TopicArn: arn, Message: input }, principal);
      return;
    case "lambda":
      await bus.call(
        "lambda:Invoke",
        { FunctionName: arn, InvocationType: "Event", Payload: Buffer.from(input) },
        principal,
      );
      return;
    default:
      await writeLog(deps, options, principal);
  }
}

export function queueUrl(endpoint: string, queueArn: string): string {
  const [, , , , account = "", name = ""] = queueArn.split(":");
  return `${endpoint}/${account}/${name}`;
}

/** A log group gets each event as one log event, in a stream named for the rule. */
async function writeLog(
  deps: ServiceDeps,
  { arn, input, ruleName }: { arn: string; input: string; ruleName: string },
  principal: Principal,
): Promise<void> {
  const logGroupName = arn.replace(/:\*$/, "").split(":").slice(6).join(":");
  const stream = { logGroupName, logStreamName: ruleName };
  try {
    await deps.bus.call("logs:CreateLogStream", stream, principal);
  } catch (error) {
    if (!(error instanceof AwsError) || error.code !== "ResourceAlreadyExistsException") throw error;
  }
  const logEvents = [{ timestamp: deps.clock.now(), message: input }];
  await deps.bus.call("logs:PutLogEvents", { ...stream, logEvents }, principal);
}
