import { AwsError } from "../../service.ts";
import { TrinoError } from "../../../sql/trino/errors.ts";
import { runtimeError } from "../../../sql/trino/runtime-error.ts";
import { DuckDbError } from "../../../sql/duckdb/process.ts";

/** A request that Athena refuses at once. */
export function invalidRequest(message: string, athenaErrorCode = "INVALID_INPUT"): AwsError {
  return new AwsError("InvalidRequestException", message, { fields: { AthenaErrorCode: athenaErrorCode } });
}

/** Why a query failed: what GetQueryExecution tells. https://docs.aws.amazon.com/athena/latest/ug/error-reference.html */
export interface Failure {
  readonly reason: string;
  /** 1 system, 2 user, 3 other. */
  readonly category: 1 | 2 | 3;
  readonly type: number;
  readonly retryable: boolean;
}

/** A query that cannot go on, for a reason of Athena's own (tables, files, permissions). */
export class QueryFailure extends Error {
  readonly failure: Failure;

  constructor(reason: string, type: number, category: Failure["category"] = 2) {
    super(reason);
    this.name = "QueryFailure";
    this.failure = { reason, type, category, retryable: false };
  }
}

/** A query that somebody (or the workgroup's limit) has ended. */
export class Cancelled extends Error {
  constructor(message = "Query cancelled by user") {
    super(message);
    this.name = "Cancelled";
  }
}

/** Trino's error codes as Athena's error types. What is not named is a syntax or semantic error of the user. */
const TYPES: Readonly<Record<string, number>> = {
  TABLE_NOT_FOUND: 1110,
  SCHEMA_NOT_FOUND: 1301,
  CATALOG_NOT_FOUND: 1301,
  FUNCTION_NOT_FOUND: 1303,
  INVALID_FUNCTION_ARGUMENT: 1106,
  NOT_SUPPORTED: 1200,
  DIVISION_BY_ZERO: 1001,
  NUMERIC_VALUE_OUT_OF_RANGE: 1001,
  INVALID_CAST_ARGUMENT: 1001,
  HIVE_BAD_DATA: 1001,
  HIVE_CURSOR_ERROR: 1001,
  HIVE_PARTITION_SCHEMA_MISMATCH: 1004,
};

/** Whatever ended a query, as Athena's failure. */
export function failureOf(error: unknown): Failure {
  if (error instanceof QueryFailure) return error.failure;
  if (error instanceof TrinoError) {
    // Athena adds this, so that nobody learns of columns that Lake Formation hides.
    const more =
      error.code === "COLUMN_NOT_FOUND" ? " or requester is not authorized to access requested resources" : "";
    return user(error.code, error.message + more);
  }
  if (error instanceof DuckDbError) {
    const { code, message } = runtimeError(error.message);
    if (code === "EXCEEDED_LOCAL_MEMORY_LIMIT") {
      return { reason: `${code}: ${message}`, category: 1, type: 1, retryable: false };
    }
    if (code === "GENERIC_INTERNAL_ERROR")
      return { reason: `${code}: ${message}`, category: 1, type: 100, retryable: false };
    return user(code, message);
  }
  if (error instanceof AwsError) return ofAws(error);
  return { reason: `GENERIC_INTERNAL_ERROR: ${String(error)}`, category: 1, type: 100, retryable: true };
}

function user(code: string, message: string): Failure {
  return { reason: `${code}: ${message}`, category: 2, type: TYPES[code] ?? 1006, retryable: false };
}

function ofAws(error: AwsError): Failure {
  switch (error.code) {
    case "AccessDenied":
      return { reason: `Permission denied on S3: ${error.message}`, category: 2, type: 1501, retryable: false };
    case "AccessDeniedException":
      return {
        reason: `Insufficient permissions to execute the query. ${error.message}`,
        category: 2,
        type: 1500,
        retryable: false,
      };
    case "NoSuchBucket":
      return { reason: `The S3 bucket does not exist: ${error.message}`, category: 2, type: 1306, retryable: false };
    case "EntityNotFoundException":
      return { reason: `Entity Not Found: ${error.message}`, category: 2, type: 1301, retryable: false };
    default:
      return { reason: `${error.code}: ${error.message}`, category: 1, type: 204, retryable: false };
  }
}
