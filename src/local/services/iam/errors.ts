import { AwsError } from "../../service.ts";

export function noSuchRole(name: string): AwsError {
  return new AwsError("NoSuchEntity", `The role with name ${name} cannot be found.`);
}

export function noSuchRolePolicy(name: string): AwsError {
  return new AwsError("NoSuchEntity", `The role policy with name ${name} cannot be found.`);
}

export function noSuchPolicy(arn: string): AwsError {
  return new AwsError("NoSuchEntity", `Policy ${arn} was not found.`);
}

export function noSuchPolicyVersion(arn: string, version: string): AwsError {
  return new AwsError("NoSuchEntity", `Policy ${arn} version ${version} does not exist or is not attachable.`);
}

export function roleExists(name: string): AwsError {
  return new AwsError("EntityAlreadyExists", `Role with name ${name} already exists.`);
}

export function policyExists(name: string): AwsError {
  return new AwsError(
    "EntityAlreadyExists",
    `A policy called ${name} already exists. Duplicate names are not allowed.`,
  );
}

export function validation(message: string): AwsError {
  return new AwsError("ValidationError", message, { status: 400 });
}
