import type { Clock } from "../clock.ts";
import type { Ids } from "../ids.ts";
import type { Environment, Principal, StateDirectory } from "../service.ts";
import type { RoleSession } from "../bus.ts";

interface IssuedCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
  readonly principal: Principal;
  /** Milliseconds of runtime time; undefined: never. */
  readonly expiresAt: number | undefined;
}

/** Every access key this runtime accepts. */
export interface Credentials {
  /** The person at this machine, as whom the CLI and the dashboard act. The same keys every time. */
  readonly administrator: IssuedCredentials;
  find(accessKeyId: string): IssuedCredentials | undefined;
  /** Temporary credentials of a role. `roleId` is the role's unique id (`AROA…`). */
  issue(
    role: { arn: string; roleId: string },
    sessionName: string,
    durationSeconds: number,
  ): RoleSession & {
    readonly expiresAt: number;
    /** ARN of the session: `arn:aws:sts::…:assumed-role/…`. */
    readonly arn: string;
  };
}

/**
 * Fixed and public: the listener is bound to this machine and refuses what a web page could send, so these keys
 * protect nothing. The form is that of AWS's documentation keys.
 */
const ADMINISTRATOR = { accessKeyId: "AKIALOCALADMINISTRATE", secretAccessKey: "local-administrator-secret" };

/** Issued keys are kept in the state directory: a process that outlives the runtime still signs with keys it knows. */
export function createCredentials(deps: {
  state: StateDirectory;
  clock: Clock;
  ids: Ids;
  environment: Environment;
}): Credentials {
  const { clock, ids, environment } = deps;
  const database = deps.state.database("credentials");
  database.exec(`CREATE TABLE IF NOT EXISTS credentials (
    access_key_id TEXT PRIMARY KEY, secret_access_key TEXT NOT NULL, session_token TEXT NOT NULL,
    principal TEXT NOT NULL, expires_at INTEGER NOT NULL) STRICT`);
  const select = database.prepare("SELECT * FROM credentials WHERE access_key_id = ?");
  const insert = database.prepare("INSERT INTO credentials VALUES (?, ?, ?, ?, ?)");
  const forget = database.prepare("DELETE FROM credentials WHERE expires_at < ?");
  const recent = new Map<string, IssuedCredentials>();
  const administrator: IssuedCredentials = {
    ...ADMINISTRATOR,
    sessionToken: undefined,
    principal: {
      kind: "user",
      arn: `arn:${environment.partition}:iam::${environment.account}:user/administrator`,
      userId: "AIDALOCALADMINISTRATE",
    },
    expiresAt: undefined,
  };
  return {
    administrator,
    find(accessKeyId) {
      if (accessKeyId === administrator.accessKeyId) return administrator;
      // Every request asks, most of them about the same few keys.
      const known = recent.get(accessKeyId);
      if (known) return known;
      const row = select.get(accessKeyId);
      if (!row) return undefined;
      const found = {
        accessKeyId,
        secretAccessKey: String(row["secret_access_key"]),
        sessionToken: String(row["session_token"]),
        principal: JSON.parse(String(row["principal"])) as Principal,
        expiresAt: Number(row["expires_at"]),
      };
      if (recent.size >= MAX_RECENT) recent.clear();
      recent.set(accessKeyId, found);
      return found;
    },
    issue({ arn, roleId }, sessionName, durationSeconds) {
      forget.run(clock.now() - KEPT_AFTER_EXPIRY);
      const roleName = arn.slice(arn.lastIndexOf("/") + 1);
      const sessionArn = `arn:${environment.partition}:sts::${environment.account}:assumed-role/${roleName}/${sessionName}`;
      const session = {
        arn: sessionArn,
        accessKeyId: `ASIA${ids.upper(16)}`,
        secretAccessKey: ids.hex(40),
        sessionToken: ids.hex(128),
        principal: {
          kind: "assumed-role",
          arn: sessionArn,
          roleArn: arn,
          sessionName,
          userId: `${roleId}:${sessionName}`,
        } as const,
        expiresAt: clock.now() + durationSeconds * 1000,
      };
      insert.run(
        session.accessKeyId,
        session.secretAccessKey,
        session.sessionToken,
        JSON.stringify(session.principal),
        session.expiresAt,
      );
      return session;
    },
  };
}

const MAX_RECENT = 1000;

/** Expired keys are still told from unknown ones for a while. */
const KEPT_AFTER_EXPIRY = 24 * 3600_000;
