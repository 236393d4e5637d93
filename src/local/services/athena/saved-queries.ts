import type {
  BatchGetNamedQueryCommandInput,
  BatchGetNamedQueryCommandOutput,
  CreateNamedQueryCommandInput,
  CreatePreparedStatementCommandInput,
  DeleteNamedQueryCommandInput,
  DeletePreparedStatementCommandInput,
  GetNamedQueryCommandInput,
  GetPreparedStatementCommandInput,
  ListNamedQueriesCommandInput,
  ListPreparedStatementsCommandInput,
  NamedQuery,
  PreparedStatement,
  PreparedStatementSummary,
  UpdateNamedQueryCommandInput,
  UpdatePreparedStatementCommandInput,
} from "@aws-sdk/client-athena";
import { AwsError } from "../../service.ts";
import type { ServiceDeps } from "../../service.ts";
import { invalidRequest } from "./errors.ts";
import type { AthenaStore } from "./store.ts";
import type { Workgroups } from "./workgroups.ts";

const PAGE = 50;

/** Named queries (saved texts) and prepared statements of the workgroups. */
export class SavedQueries {
  readonly #deps: ServiceDeps;
  readonly #store: AthenaStore;
  readonly #workgroups: Workgroups;

  constructor(deps: ServiceDeps, store: AthenaStore, workgroups: Workgroups) {
    this.#deps = deps;
    this.#store = store;
    this.#workgroups = workgroups;
  }

  createNamedQuery(input: CreateNamedQueryCommandInput): { NamedQueryId: string } {
    const { Name: WorkGroup } = this.#workgroups.find(input.WorkGroup);
    const token = input.ClientRequestToken && `named-query ${input.ClientRequestToken}`;
    const { ClientRequestToken: _token, ...described } = input;
    const request = JSON.stringify(described);
    const earlier = token ? this.#store.token(token) : undefined;
    if (earlier) {
      if (earlier.request !== request) throw invalidRequest("Idempotent parameters do not match");
      return { NamedQueryId: earlier.id };
    }
    const id = this.#deps.ids.uuid();
    this.putNamedQuery({
      NamedQueryId: id,
      Name: input.Name,
      Description: input.Description,
      Database: input.Database,
      QueryString: input.QueryString,
      WorkGroup,
    });
    if (token) this.#store.putToken(token, request, id);
    return { NamedQueryId: id };
  }

  putNamedQuery(query: NamedQuery): void {
    this.#store.putNamedQuery(query);
  }

  getNamedQuery(input: GetNamedQueryCommandInput): { NamedQuery: NamedQuery } {
    const query = this.#store.namedQuery(input.NamedQueryId ?? "");
    if (!query) throw invalidRequest(`NamedQuery ${input.NamedQueryId} was not found`);
    return { NamedQuery: query };
  }

  updateNamedQuery(input: UpdateNamedQueryCommandInput): object {
    const { NamedQuery: query } = this.getNamedQuery(input);
    this.#store.putNamedQuery({
      ...query,
      Name: input.Name,
      Description: input.Description ?? query.Description,
      QueryString: input.QueryString,
    });
    return {};
  }

  deleteNamedQuery(input: DeleteNamedQueryCommandInput): object {
    if (!this.#store.deleteNamedQuery(input.NamedQueryId ?? "")) {
      throw invalidRequest(`NamedQuery ${input.NamedQueryId} was not found`);
    }
    return {};
  }

  listNamedQueries(input: ListNamedQueriesCommandInput): { NamedQueryIds: string[]; NextToken?: string } {
    const { Name = "" } = this.#workgroups.find(input.WorkGroup);
    const limit = input.MaxResults ?? PAGE;
    const page = this.#store.namedQueryIds(Name, limit + 1, Number(input.NextToken ?? 0));
    const shown = page.slice(0, limit);
    return {
      NamedQueryIds: shown.map(({ id }) => id),
      NextToken: page.length > limit ? String(shown.at(-1)?.number) : undefined,
    };
  }

  batchGetNamedQuery(input: BatchGetNamedQueryCommandInput): Omit<BatchGetNamedQueryCommandOutput, "$metadata"> {
    const ids = input.NamedQueryIds ?? [];
    const found = ids.map((id) => this.#store.namedQuery(id)).filter((query) => query !== undefined);
    const missing = ids.filter((id) => !found.some((query) => query.NamedQueryId === id));
    return {
      NamedQueries: found,
      UnprocessedNamedQueryIds: missing.map((NamedQueryId) => ({
        NamedQueryId,
        ErrorCode: "INVALID_INPUT",
        ErrorMessage: `NamedQuery ${NamedQueryId} was not found`,
      })),
    };
  }

  createPreparedStatement(input: CreatePreparedStatementCommandInput): object {
    const { Name: WorkGroupName = "" } = this.#workgroups.find(input.WorkGroup);
    if (this.#store.preparedStatement(WorkGroupName, input.StatementName ?? "")) {
      throw invalidRequest(`PreparedStatement ${input.StatementName} already exists in WorkGroup ${WorkGroupName}`);
    }
    this.#store.putPreparedStatement({
      StatementName: input.StatementName,
      QueryStatement: input.QueryStatement,
      WorkGroupName,
      Description: input.Description,
      LastModifiedTime: new Date(this.#deps.clock.now()),
    });
    return {};
  }

  getPreparedStatement(input: GetPreparedStatementCommandInput): { PreparedStatement: PreparedStatement } {
    const { Name = "" } = this.#workgroups.find(input.WorkGroup);
    const statement = this.#store.preparedStatement(Name, input.StatementName ?? "");
    if (!statement) {
      throw new AwsError(
        "ResourceNotFoundException",
        `PreparedStatement ${input.StatementName} was not found in workGroup ${Name}`,
        {
          fields: { ResourceName: input.StatementName },
        },
      );
    }
    return { PreparedStatement: statement };
  }

  updatePreparedStatement(input: UpdatePreparedStatementCommandInput): object {
    const { PreparedStatement: statement } = this.getPreparedStatement(input);
    this.#store.putPreparedStatement({
      ...statement,
      QueryStatement: input.QueryStatement,
      Description: input.Description ?? statement.Description,
      LastModifiedTime: new Date(this.#deps.clock.now()),
    });
    return {};
  }

  deletePreparedStatement(input: DeletePreparedStatementCommandInput): object {
    const { PreparedStatement: statement } = this.getPreparedStatement(input);
    this.#store.deletePreparedStatement(statement.WorkGroupName ?? "", statement.StatementName ?? "");
    return {};
  }

  listPreparedStatements(input: ListPreparedStatementsCommandInput): {
    PreparedStatements: PreparedStatementSummary[];
    NextToken?: string;
  } {
    const { Name = "" } = this.#workgroups.find(input.WorkGroup);
    const all = this.#store
      .preparedStatements(Name)
      .filter(({ StatementName = "" }) => StatementName > (input.NextToken ?? ""));
    const page = all.slice(0, input.MaxResults ?? PAGE);
    return {
      PreparedStatements: page.map(({ StatementName, LastModifiedTime }) => ({ StatementName, LastModifiedTime })),
      NextToken: page.length < all.length ? page.at(-1)?.StatementName : undefined,
    };
  }
}
