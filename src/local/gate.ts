import { z } from "zod";
import { createDispatcher, type Dispatcher } from "./dispatch.ts";
import { createAuthorize } from "./iam/authorize.ts";
import { createCredentials, type Credentials } from "./iam/credentials.ts";
import { AwsError, type ServiceDeps } from "./service.ts";
import { createIam, type IamService } from "./services/iam/service.ts";
import { createSts } from "./services/sts/service.ts";
import type { LocalExtra } from "./wire/listener.ts";

/** What every call passes: who is it, may it, and then the handler. */
export interface Gate {
  readonly dispatcher: Dispatcher;
  readonly credentials: Credentials;
  readonly iam: IamService;
  /** What the other services are made from. */
  readonly deps: ServiceDeps;
}

/** Sessions of functions and jobs outlive any single process of the runtime; nothing renews them. */
const PROCESS_SESSION_SECONDS = 30 * 24 * 3600;

/** Makes the bus with IAM and STS registered on it; other services are registered on `dispatcher` by the caller. */
export function createGate(parts: Omit<ServiceDeps, "bus">): Gate {
  const { clock, ids, trace, environment } = parts;
  const credentials = createCredentials(parts);
  const dispatcher = createDispatcher({
    clock,
    ids,
    trace,
    environment,
    authorize: createAuthorize({ trustPolicy: (roleArn) => iam.trustPolicy(roleArn) }),
    assumeRole(roleArn, sessionName) {
      const role = iam.role(roleArn);
      if (!role) throw new AwsError("AccessDenied", `There is no role ${roleArn} to act as.`, { status: 403 });
      return credentials.issue(role, sessionName, PROCESS_SESSION_SECONDS);
    },
  });
  const deps: ServiceDeps = { ...parts, bus: dispatcher };
  const iam = createIam(deps);
  dispatcher.register(iam);
  dispatcher.register(createSts(deps, { credentials, iam }));
  return { dispatcher, credentials, iam, deps };
}

/**
 * `GET /_local/object-file?bucket=&key=&versionId=`: where an object's bytes lie, for an engine that reads in place.
 * Asks for the caller's s3:GetObject first, as GetObject would.
 * With `objects=[["key","version"],["key"],…]` instead of a key it answers an array, with `{error}` (the code) for an
 * object or version that does not exist.
 */
export function objectFileExtra({ dispatcher }: Pick<Gate, "dispatcher">): LocalExtra {
  return (query, principal) => {
    const [bucket, key, versionId, objects] = ["bucket", "key", "versionId", "objects"].map((name) => query.get(name));
    if (!bucket || !(key || objects)) {
      throw new AwsError("ValidationError", "bucket and key, or bucket and objects, are required", { status: 400 });
    }
    if (key) return dispatcher.objectFile({ bucket, key, ...(versionId && { versionId }) }, principal);
    return Promise.all(
      objectNames.parse(JSON.parse(objects ?? "[]")).map(([key, versionId]) =>
        dispatcher.objectFile({ bucket, key, ...(versionId && { versionId }) }, principal).catch((error: unknown) => {
          if (error instanceof AwsError && GONE.has(error.code)) return { error: error.code };
          throw error;
        }),
      ),
    );
  };
}

const objectNames = z.array(z.union([z.tuple([z.string(), z.string()]), z.tuple([z.string()])]));

/** What GetObject answers for what is not there; MethodNotAllowed: the version is a delete marker. */
const GONE: ReadonlySet<string> = new Set(["NoSuchKey", "NoSuchVersion", "MethodNotAllowed"]);
