import { AwsError } from "../../service.ts";

/** CloudFormation reports what is missing as ValidationError, without a shape. */
export function noSuchStack(name: string): AwsError {
  return new AwsError("ValidationError", `Stack with id ${name} does not exist`, { status: 400 });
}

export function noSuchResource(logicalId: string, stack: string): AwsError {
  return new AwsError("ValidationError", `Resource ${logicalId} does not exist for stack ${stack}`, { status: 400 });
}

export function validation(message: string): AwsError {
  return new AwsError("ValidationError", message, { status: 400 });
}
