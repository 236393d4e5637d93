import { AwsError } from "../../../service.ts";

/**
 * Errors of the Data Catalog, in the texts that AWS gives (seen in public reports:
 * https://github.com/floci-io/floci/issues/1205, https://github.com/hashicorp/terraform-provider-aws/issues/34132,
 * https://github.com/databricks/iceberg-kafka-connect/issues/184).
 */
export const databaseNotFound = (name: string) =>
  new AwsError("EntityNotFoundException", `Database ${name} not found.`);

/** What GetTable says. */
export const entityNotFound = () => new AwsError("EntityNotFoundException", "Entity Not Found");

export const tableNotFound = (name: string) => new AwsError("EntityNotFoundException", `Table ${name} not found.`);

export const tableVersionNotFound = () => new AwsError("EntityNotFoundException", "TableVersion not found.");

export const partitionNotFound = () => new AwsError("EntityNotFoundException", "Cannot find partition.");

export const databaseExists = () => new AwsError("AlreadyExistsException", "Database already exists.");

export const tableExists = () => new AwsError("AlreadyExistsException", "Table already exists.");

export const partitionExists = () => new AwsError("AlreadyExistsException", "Partition already exists.");

export const invalidInput = (message: string) => new AwsError("InvalidInputException", message);

export const concurrentUpdate = () =>
  new AwsError("ConcurrentModificationException", "Update table failed due to concurrent modifications.");

/** A member of a request that this runtime cannot honour. Not AWS's: it would have done what was asked. */
export const unsupportedMember = (operation: string, member: string) =>
  new AwsError(
    "InvalidInputException",
    `${operation}: ${member} is not supported by the local Data Catalog. Leave it out to run locally.`,
  );
