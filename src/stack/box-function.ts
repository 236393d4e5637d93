import { type Duration, RemovalPolicy } from "aws-cdk-lib";
import { Code, Function as LambdaFunction, LoggingFormat, Runtime } from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Role } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { functionRole } from "./policy.ts";

export interface BoxFunctionProps {
  readonly functionName: string;
  readonly description: string;
  /** Directory of the bundle, with `index.mjs` in it. */
  readonly code: string;
  readonly environment: Record<string, string>;
  readonly timeout: Duration;
  readonly memoryMiB: number;
  readonly logRetentionDays: number;
}

/** What the functions have in common: a bundle, a role of its own, a log group with an end. */
export abstract class BoxFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: BoxFunctionProps) {
    super(scope, id);
    this.logGroup = new LogGroup(this, "Logs", {
      logGroupName: `/aws/lambda/${props.functionName}`,
      // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the settings hold one of its numbers of days
      retention: props.logRetentionDays as RetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = functionRole(this, "Role", this.logGroup);
    this.function = new LambdaFunction(this, "Resource", {
      functionName: props.functionName,
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      handler: "index.handler",
      code: Code.fromAsset(props.code),
      role: this.role,
      environment: props.environment,
      timeout: props.timeout,
      memorySize: props.memoryMiB,
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
    });
  }
}
