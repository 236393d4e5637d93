import type { Environment } from "../../service.ts";
import { VERSION } from "../../lambda/function-configuration.ts";
import { functionNotFound, invalidParameter } from "./errors.ts";

/** A name, a partial ARN (`123456789012:function:name`) or an ARN, each with or without a qualifier. */
const REFERENCE =
  /^(?:(?:arn:aws:lambda:(?<region>[a-z0-9-]+):)?(?<account>\d{12}):function:)?(?<name>[A-Za-z0-9_-]{1,64})(?::(?<qualifier>[A-Za-z0-9$_-]+))?$/;

export function functionArn({ partition, region, account }: Environment, name: string): string {
  return `arn:${partition}:lambda:${region}:${account}:function:${name}`;
}

/**
 * The function's name in a reference to it. There are no versions and aliases: a qualifier other than $LATEST names
 * nothing, and so does another account or Region.
 */
export function functionNameOf(environment: Environment, reference: string, qualifier?: string): string {
  const match = REFERENCE.exec(reference)?.groups;
  if (!match?.["name"]) {
    throw invalidParameter(
      `Value '${reference}' at 'functionName' failed to satisfy constraint: not a function name or ARN`,
    );
  }
  const { name, region = environment.region, account = environment.account } = match;
  const wanted = qualifier ?? match["qualifier"] ?? VERSION;
  if (wanted !== VERSION || region !== environment.region || account !== environment.account) {
    const suffix = wanted === VERSION ? "" : `:${wanted}`;
    throw functionNotFound(`arn:${environment.partition}:lambda:${region}:${account}:function:${name}${suffix}`);
  }
  return name;
}

export interface Arn {
  readonly service: string;
  readonly region: string;
  readonly account: string;
  readonly resource: string;
}

export function parseArn(arn: string): Arn {
  const [prefix, , service, region, account, ...resource] = arn.split(":");
  if (prefix !== "arn" || !service || resource.length === 0) throw invalidParameter(`${arn} is not an ARN`);
  return { service, region: region ?? "", account: account ?? "", resource: resource.join(":") };
}

/** A queue's URL always has the endpoint's own origin: an SQS client follows its host. */
export function queueUrlOf(environment: Environment, queueArn: string): string {
  const { account, resource } = parseArn(queueArn);
  return `${environment.endpoint()}/${account}/${resource}`;
}
