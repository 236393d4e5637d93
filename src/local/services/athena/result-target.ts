import type { ResultConfiguration, WorkGroup } from "@aws-sdk/client-athena";
import { invalidRequest } from "./errors.ts";

/**
 * Where a query's result goes: the workgroup's location when it insists or the client has none, and the result's own
 * name below it.
 */
export function resultTarget(
  client: ResultConfiguration | undefined,
  workgroup: WorkGroup,
  file: string,
): ResultConfiguration {
  const { EnforceWorkGroupConfiguration: enforced, ResultConfiguration: own = {} } = workgroup.Configuration ?? {};
  const chosen = !enforced && client?.OutputLocation ? client : own;
  const location = chosen.OutputLocation;
  if (!location) {
    throw invalidRequest(
      "No output location provided. An output location is required either through the Workgroup result configuration setting or as an API input.",
    );
  }
  if (!/^s3:\/\/[^/]+/u.test(location)) throw invalidRequest(`outputLocation is not a valid S3 path: ${location}`);
  return { ...chosen, OutputLocation: `${location.replace(/\/?$/u, "/")}${file}` };
}
