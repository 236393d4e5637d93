import type { ColumnInfo } from "@aws-sdk/client-athena";
import type { ServiceDeps } from "../../service.ts";
import { QueryFailure } from "./errors.ts";
import type { QueryEngine, QueryRequest } from "./query-engine.ts";

export interface DdlResult {
  readonly columns: ColumnInfo[];
  readonly lines: readonly string[];
}

export async function runDdl(
  request: QueryRequest,
  _environment: { deps: ServiceDeps; engine: QueryEngine },
): Promise<DdlResult> {
  throw new QueryFailure(`NOT_SUPPORTED: ${request.sql}`, 1200);
}
