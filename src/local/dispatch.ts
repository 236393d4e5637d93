import type { AuthorizationRequest, Bus, CallName, Calls, RoleSession } from "./bus.ts";
import type { Clock } from "./clock.ts";
import { accessDenied, type Authorize } from "./iam/authorize.ts";
import { authorizationOf } from "./iam/actions.ts";
import type { Ids } from "./ids.ts";
import {
  AwsError,
  type CallContext,
  type Environment,
  type Principal,
  type Service,
  type ServiceName,
} from "./service.ts";
import type { Trace } from "./trace.ts";

type Members = Record<string, unknown>;

interface Call {
  readonly service: ServiceName;
  readonly operation: string;
  readonly input: Members;
  readonly principal: Principal;
  readonly requestId: string;
  /** Aborted when the caller no longer waits. */
  readonly signal?: AbortSignal;
}

/** What S3's service object offers beside its operations. */
interface ObjectFiles {
  objectFile(
    bucket: string,
    key: string,
    versionId: string | undefined,
  ): Promise<Awaited<ReturnType<Bus["objectFile"]>>> | Awaited<ReturnType<Bus["objectFile"]>>;
}

/** The gate that every call passes, over HTTP or between services: attributed, authorised, traced, handled. */
export interface Dispatcher extends Bus {
  /** Services call each other through the bus, so it exists before them. */
  register(service: Service): void;
  readonly services: ReadonlyMap<ServiceName, Service>;
  /** Rejects with an `AwsError`, whatever went wrong. */
  dispatch(call: Call): Promise<Members>;
  /** Leaves a trace of a call that was refused before it could be dispatched. */
  refused(call: Omit<Call, "input">, error: AwsError): void;
}

export interface DispatcherDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly trace: Trace;
  readonly environment: Environment;
  readonly authorize: Authorize;
  /** Issues credentials of a role, for a process that acts as it. */
  readonly assumeRole: (roleArn: string, sessionName: string) => Promise<RoleSession> | RoleSession;
}

/** Calls that mostly wait: a long poll, and an invocation (whose function holds the clock while it runs). */
export const WAITING: ReadonlySet<string> = new Set(["sqs:ReceiveMessage", "lambda:Invoke"]);

export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { clock, ids, trace, environment, authorize } = deps;
  const services = new Map<ServiceName, Service>();

  const ask = (request: AuthorizationRequest) => {
    const decision = authorize(request);
    if (!decision.allowed) throw accessDenied(request, decision.reason);
  };

  const emit = (call: Omit<Call, "input">, startedAt: number, resource: string | undefined, error?: AwsError) =>
    trace.emit({
      type: "call",
      service: call.service,
      operation: call.operation,
      principal: principalName(call.principal),
      requestId: call.requestId,
      ...(resource !== undefined && { resource }),
      ...(error && { error: `${error.code}: ${error.message}` }),
      // Machine time: what a call takes does not grow when idle time is skipped meanwhile.
      durationMs: Math.max(0, clock.now() - clock.offset - startedAt),
    });

  const dispatch = async (call: Call): Promise<Members> => {
    const startedAt = clock.now() - clock.offset;
    const request = authorizationOf(call, environment);
    const resource = request.resourceArn === "*" ? undefined : shortResource(request.resourceArn);
    // Idle time is not skipped under a call that is being handled, unless the call itself only waits.
    const release = WAITING.has(`${call.service}:${call.operation}`) ? undefined : clock.hold();
    try {
      const handler = services.get(call.service)?.operations[call.operation];
      if (!handler) throw notAvailable(services.has(call.service), call);
      ask(request);
      const { requestId, principal, signal } = call;
      const context: CallContext = { requestId, principal, ...(signal && { signal }) };
      const output = (await handler(call.input as never, context)) as Members | undefined;
      emit(call, startedAt, resource);
      return output ?? {};
    } catch (thrown) {
      const error = toAwsError(thrown, call, trace);
      emit(call, startedAt, resource, error);
      throw error;
    } finally {
      release?.();
    }
  };

  return {
    services,
    dispatch,
    register: (service) => void services.set(service.name, service),
    refused: (call, error) => emit(call, clock.now() - clock.offset, undefined, error),
    async call<Name extends CallName>(
      name: Name,
      input: Calls[Name][0],
      principal: Principal,
      options?: { signal?: AbortSignal },
    ) {
      const [service, operation] = name.split(":") as [ServiceName, string];
      const call = { service, operation, input: input as Members, principal, requestId: ids.uuid() };
      return (await dispatch({ ...call, ...options })) as Omit<Calls[Name][1], "$metadata">;
    },
    allowed: (request) => Promise.resolve(authorize(request).allowed),
    async objectFile({ bucket, key, versionId }, principal) {
      const startedAt = clock.now() - clock.offset;
      const call = { service: "s3", operation: "GetObject", principal, requestId: ids.uuid() } as const;
      try {
        ask(authorizationOf({ ...call, input: { Bucket: bucket, Key: key, VersionId: versionId } }, environment));
        const s3: (Service & Partial<ObjectFiles>) | undefined = services.get("s3");
        if (!s3?.objectFile) throw new Error("the s3 service is not part of this runtime");
        const file = await s3.objectFile(bucket, key, versionId);
        emit(call, startedAt, `${bucket}/${key}`);
        return file;
      } catch (thrown) {
        const error = toAwsError(thrown, call, trace);
        emit(call, startedAt, `${bucket}/${key}`, error);
        throw error;
      }
    },
    assumeRole: async (roleArn, sessionName) => deps.assumeRole(roleArn, sessionName),
  };
}

/** ARN of who calls, or the service principal. */
function principalName(principal: Principal): string {
  return principal.kind === "service" ? principal.service : principal.arn;
}

function shortResource(arn: string): string {
  return arn.split(":").slice(5).join(":");
}

function notAvailable(known: boolean, { service, operation }: Call): AwsError {
  const what = known
    ? `${service}: the operation ${operation} is not implemented by the local runtime.`
    : `The service ${service} is not part of this local runtime (operation ${operation}).`;
  return new AwsError("NotImplemented", what, { status: 501 });
}

/** Anything but an AwsError is a mistake of the runtime: shown in full in the trace, an internal failure to the caller. */
function toAwsError(thrown: unknown, call: Omit<Call, "input">, trace: Trace): AwsError {
  if (thrown instanceof AwsError) return thrown;
  const error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  trace.emit({ type: "internal-error", where: `${call.service}:${call.operation}`, error });
  return new AwsError(
    "InternalFailure",
    `${call.service}:${call.operation} failed inside the local runtime: ${error}`,
    {
      status: 500,
    },
  );
}
