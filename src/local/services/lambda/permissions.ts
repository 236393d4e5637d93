import type {
  AddPermissionCommandInput,
  AddPermissionCommandOutput,
  GetPolicyCommandInput,
  GetPolicyCommandOutput,
  RemovePermissionCommandInput,
} from "@aws-sdk/client-lambda";
import type { Environment } from "../../service.ts";
import { conflict, invalidParameter, resourceNotFound, unsupported } from "./errors.ts";
import type { Functions } from "./functions.ts";
import { functionNameOf } from "./names.ts";
import type { LambdaStore, Statement } from "./store.ts";

export interface Permission {
  readonly statementId: string;
  readonly action: string;
  readonly principal: string;
  readonly sourceArn: string | undefined;
  readonly sourceAccount: string | undefined;
}

/** Resource policies: who besides the account's own roles may invoke a function. */
export class Permissions {
  readonly #environment: Environment;
  readonly #store: LambdaStore;
  readonly #functions: Functions;

  constructor(environment: Environment, store: LambdaStore, functions: Functions) {
    this.#environment = environment;
    this.#store = store;
    this.#functions = functions;
  }

  /** Adds a statement, or, with `replace`, puts it in the place of the one with the same id. */
  add(functionName: string, permission: Permission, options: { replace?: boolean } = {}): Statement {
    const { statementId, action, principal, sourceArn, sourceAccount } = permission;
    if (!/^lambda:[*]$|^lambda:[A-Za-z]+$/.test(action)) throw invalidParameter(`Invalid action ${action}`);
    const statement: Statement = {
      Sid: statementId,
      Effect: "Allow",
      Principal: principalElement(this.#environment, principal),
      Action: action,
      Resource: this.#functions.arn(functionName),
      ...((sourceArn ?? sourceAccount) !== undefined && {
        Condition: {
          ...(sourceAccount !== undefined && { StringEquals: { "AWS:SourceAccount": sourceAccount } }),
          ...(sourceArn !== undefined && { ArnLike: { "AWS:SourceArn": sourceArn } }),
        },
      }),
    };
    const statements = this.#store.policies.get(functionName) ?? [];
    const others = statements.filter(({ Sid }) => Sid !== statementId);
    if (others.length < statements.length && !options.replace) {
      throw conflict(
        `The statement id (${statementId}) provided already exists. Please provide a new statement id, or remove the existing statement.`,
      );
    }
    this.#store.policies.put(functionName, [...others, statement]);
    return statement;
  }

  remove(functionName: string, statementId: string): void {
    const statements = this.#store.policies.get(functionName) ?? [];
    const rest = statements.filter(({ Sid }) => Sid !== statementId);
    if (rest.length === statements.length) {
      throw resourceNotFound(`Statement ${statementId} is not found in resource policy.`);
    }
    if (rest.length > 0) this.#store.policies.put(functionName, rest);
    else this.#store.policies.delete(functionName);
  }

  /** The policy document as JSON text; undefined when a function has none, or there is no such function. */
  policy(functionName: string): string | undefined {
    const statements = this.#store.policies.get(functionName);
    return statements && JSON.stringify({ Version: "2012-10-17", Id: "default", Statement: statements });
  }

  readonly operations = {
    AddPermission: (input: AddPermissionCommandInput): Omit<AddPermissionCommandOutput, "$metadata"> => {
      for (const name of [
        "FunctionUrlAuthType",
        "InvokedViaFunctionUrl",
        "EventSourceToken",
        "PrincipalOrgID",
      ] as const) {
        if (input[name] !== undefined) throw unsupported(`AddPermission.${name}`, "leave it out.");
      }
      const { name } = this.#functions.find(input.FunctionName, input.Qualifier);
      const statement = this.add(name, {
        statementId: input.StatementId ?? "",
        action: input.Action ?? "",
        principal: input.Principal ?? "",
        sourceArn: input.SourceArn,
        sourceAccount: input.SourceAccount,
      });
      return { Statement: JSON.stringify(statement) };
    },

    RemovePermission: (input: RemovePermissionCommandInput): Record<string, never> => {
      const { name } = this.#functions.find(input.FunctionName, input.Qualifier);
      this.remove(name, input.StatementId ?? "");
      return {};
    },

    GetPolicy: (input: GetPolicyCommandInput): Omit<GetPolicyCommandOutput, "$metadata"> => {
      const { name, revisionId } = this.#functions.find(input.FunctionName, input.Qualifier);
      const policy = this.policy(name);
      if (policy === undefined) throw resourceNotFound("The resource you requested does not exist.");
      return { Policy: policy, RevisionId: revisionId };
    },
  };

  /** By the function's ARN, for whoever evaluates policies. */
  resourcePolicy(functionArn: string): string | undefined {
    return this.policy(functionNameOf(this.#environment, functionArn));
  }
}

function principalElement({ partition }: Environment, principal: string): Statement["Principal"] {
  if (principal === "*") return "*";
  if (/^\d{12}$/.test(principal)) return { AWS: `arn:${partition}:iam::${principal}:root` };
  if (principal.startsWith("arn:")) return { AWS: principal };
  if (/^[a-z0-9.-]+\.amazonaws\.com$/.test(principal)) return { Service: principal };
  throw invalidParameter(
    `The provided principal was invalid. Please check the principal and try again. (${principal})`,
  );
}
