import path from "node:path";
import type { RoleSession } from "../bus.ts";
import type { FunctionConfiguration } from "./function-configuration.ts";
import { VERSION } from "./function-configuration.ts";

/**
 * Reserved by Lambda: a function's own configuration may not set them
 * (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html).
 */
export const RESERVED_VARIABLES: ReadonlySet<string> = new Set([
  "_HANDLER",
  "_X_AMZN_TRACE_ID",
  "AWS_ACCESS_KEY",
  "AWS_ACCESS_KEY_ID",
  "AWS_DEFAULT_REGION",
  "AWS_EXECUTION_ENV",
  "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
  "AWS_LAMBDA_FUNCTION_NAME",
  "AWS_LAMBDA_FUNCTION_VERSION",
  "AWS_LAMBDA_INITIALIZATION_TYPE",
  "AWS_LAMBDA_LOG_GROUP_NAME",
  "AWS_LAMBDA_LOG_STREAM_NAME",
  "AWS_LAMBDA_RUNTIME_API",
  "AWS_REGION",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "LAMBDA_RUNTIME_DIR",
  "LAMBDA_TASK_ROOT",
]);

export interface EnvironmentFacts {
  readonly region: string;
  /** Where every AWS client of the function goes. */
  readonly endpoint: string;
  readonly session: RoleSession;
  /** host:port of the environment's own Runtime API. */
  readonly runtimeApi: string;
  readonly logStream: string;
  /** A directory of the environment's own, in place of Lambda's private /tmp. */
  readonly temporaryDirectory: string;
}

/**
 * The whole environment of a function's process, as Lambda makes it; nothing of the runtime's own comes through.
 *
 * Different from Lambda, because there is no container: LAMBDA_TASK_ROOT is where the bundle really is; TMPDIR and HOME
 * are private (HOME so that no AWS client reads the developer's ~/.aws); AWS_ENDPOINT_URL is the local endpoint.
 */
export function environmentVariables(
  configuration: FunctionConfiguration,
  facts: EnvironmentFacts,
): Record<string, string> {
  const { logging } = configuration;
  return {
    TZ: ":UTC",
    LANG: "en_US.UTF-8",
    PATH: `${path.dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    HOME: facts.temporaryDirectory,
    TMPDIR: facts.temporaryDirectory,
    ...configuration.variables,
    AWS_ACCESS_KEY_ID: facts.session.accessKeyId,
    AWS_DEFAULT_REGION: facts.region,
    AWS_ENDPOINT_URL: facts.endpoint,
    AWS_EXECUTION_ENV: `AWS_Lambda_${configuration.runtime}`,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(configuration.memoryMiB),
    AWS_LAMBDA_FUNCTION_NAME: configuration.functionName,
    AWS_LAMBDA_FUNCTION_VERSION: VERSION,
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_LAMBDA_LOG_FORMAT: logging.format,
    ...(logging.applicationLevel && { AWS_LAMBDA_LOG_LEVEL: logging.applicationLevel }),
    AWS_LAMBDA_LOG_GROUP_NAME: logging.group,
    AWS_LAMBDA_LOG_STREAM_NAME: facts.logStream,
    AWS_LAMBDA_RUNTIME_API: facts.runtimeApi,
    AWS_REGION: facts.region,
    AWS_SECRET_ACCESS_KEY: facts.session.secretAccessKey,
    AWS_SESSION_TOKEN: facts.session.sessionToken,
    AWS_XRAY_CONTEXT_MISSING: "LOG_ERROR",
    LAMBDA_RUNTIME_DIR: import.meta.dirname,
    LAMBDA_TASK_ROOT: configuration.directory,
    _HANDLER: configuration.handler,
  };
}
