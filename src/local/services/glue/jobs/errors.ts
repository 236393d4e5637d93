import { AwsError } from "../../../service.ts";

export const invalidInput = (message: string) => new AwsError("InvalidInputException", message);

export const jobNotFound = (name: string) => new AwsError("EntityNotFoundException", `Job ${name} not found.`);

/** What StartJobRun says of a job that is not there. */
export const missingMetadata = () =>
  new AwsError("EntityNotFoundException", "Failed to start job run due to missing metadata");

export const jobRunNotFound = (runId: string) => new AwsError("EntityNotFoundException", `Job run ${runId} not found.`);

export const jobExists = (name: string) =>
  new AwsError("AlreadyExistsException", `Job with name: ${name} already submitted`);

export const concurrentRunsExceeded = (name: string) =>
  new AwsError("ConcurrentRunsExceededException", `Concurrent runs exceeded for ${name}`);

/** What AWS has and the local runtime does not. */
export const unsupported = (what: string, instead: string) =>
  invalidInput(`${what} is not supported by the local runtime: ${instead}`);
