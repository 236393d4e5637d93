import type { DatabaseSync } from "node:sqlite";

export interface Role {
  readonly name: string;
  readonly path: string;
  readonly arn: string;
  readonly roleId: string;
  readonly trustPolicy: string;
  readonly description: string | null;
  readonly maxSessionDuration: number;
  readonly tags: string;
  readonly createdAt: number;
}

export interface ManagedPolicy {
  readonly arn: string;
  readonly name: string;
  readonly path: string;
  readonly policyId: string;
  readonly document: string;
  readonly description: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** An inline policy of a role. `owner` is the AWS::IAM::Policy resource that wrote it; empty: the role itself. */
export interface InlinePolicy {
  readonly name: string;
  readonly document: string;
  readonly owner: string;
}

/** Roles and policies. Documents are kept as their JSON text. */
export class IamStore {
  readonly database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.database = database;
    database.exec(`
      CREATE TABLE IF NOT EXISTS roles (
        name TEXT PRIMARY KEY, path TEXT NOT NULL, arn TEXT NOT NULL UNIQUE, roleId TEXT NOT NULL,
        trustPolicy TEXT NOT NULL, description TEXT, maxSessionDuration INTEGER NOT NULL, tags TEXT NOT NULL,
        createdAt INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS inline_policies (
        role TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, owner TEXT NOT NULL,
        PRIMARY KEY (role, name)) STRICT;
      CREATE TABLE IF NOT EXISTS attachments (
        role TEXT NOT NULL, policyArn TEXT NOT NULL, owner TEXT NOT NULL, PRIMARY KEY (role, policyArn, owner)) STRICT;
      CREATE TABLE IF NOT EXISTS managed_policies (
        arn TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, path TEXT NOT NULL, policyId TEXT NOT NULL,
        document TEXT NOT NULL, description TEXT, createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL) STRICT;
    `);
  }

  role(name: string): Role | undefined {
    return this.database.prepare("SELECT * FROM roles WHERE name = ?").get(name) as Role | undefined;
  }

  roleByArn(arn: string): Role | undefined {
    return this.database.prepare("SELECT * FROM roles WHERE arn = ?").get(arn) as Role | undefined;
  }

  roles(pathPrefix: string): Role[] {
    return this.database
      .prepare("SELECT * FROM roles WHERE substr(path, 1, length(?1)) = ?1 ORDER BY name")
      .all(pathPrefix) as unknown as Role[];
  }

  putRole(role: Role): void {
    this.database
      .prepare(
        `INSERT INTO roles VALUES (:name, :path, :arn, :roleId, :trustPolicy, :description, :maxSessionDuration, :tags, :createdAt)
         ON CONFLICT (name) DO UPDATE SET path = excluded.path, arn = excluded.arn, trustPolicy = excluded.trustPolicy,
           description = excluded.description, maxSessionDuration = excluded.maxSessionDuration, tags = excluded.tags`,
      )
      .run({ ...role });
  }

  deleteRole(name: string): void {
    for (const table of ["inline_policies", "attachments"]) {
      this.database.prepare(`DELETE FROM ${table} WHERE role = ?`).run(name);
    }
    this.database.prepare("DELETE FROM roles WHERE name = ?").run(name);
  }

  inlinePolicies(role: string): InlinePolicy[] {
    return this.database
      .prepare("SELECT name, document, owner FROM inline_policies WHERE role = ? ORDER BY name")
      .all(role) as unknown as InlinePolicy[];
  }

  /** Replaces what `owner` wrote into `role` before. */
  setInlinePolicies(role: string, owner: string, policies: readonly { name: string; document: string }[]): void {
    this.database.prepare("DELETE FROM inline_policies WHERE role = ? AND owner = ?").run(role, owner);
    const insert = this.database.prepare("INSERT OR REPLACE INTO inline_policies VALUES (?, ?, ?, ?)");
    for (const { name, document } of policies) insert.run(role, name, document, owner);
  }

  deleteInlinePoliciesOf(owner: string): void {
    this.database.prepare("DELETE FROM inline_policies WHERE owner = ?").run(owner);
  }

  attachedPolicies(role: string): string[] {
    return this.database
      .prepare("SELECT DISTINCT policyArn FROM attachments WHERE role = ? ORDER BY policyArn")
      .all(role)
      .map((row) => String(row["policyArn"]));
  }

  attachmentCount(policyArn: string): number {
    const row = this.database
      .prepare("SELECT count(DISTINCT role) AS count FROM attachments WHERE policyArn = ?")
      .get(policyArn);
    return Number(row?.["count"] ?? 0);
  }

  /** Replaces the attachments that `owner` (a role's own list, or a managed policy's list of roles) made before. */
  setAttachments(owner: string, pairs: readonly { role: string; policyArn: string }[]): void {
    this.database.prepare("DELETE FROM attachments WHERE owner = ?").run(owner);
    const insert = this.database.prepare("INSERT OR REPLACE INTO attachments VALUES (?, ?, ?)");
    for (const { role, policyArn } of pairs) insert.run(role, policyArn, owner);
  }

  managedPolicy(arn: string): ManagedPolicy | undefined {
    return this.database.prepare("SELECT * FROM managed_policies WHERE arn = ?").get(arn) as ManagedPolicy | undefined;
  }

  managedPolicies(): ManagedPolicy[] {
    return this.database.prepare("SELECT * FROM managed_policies ORDER BY name").all() as unknown as ManagedPolicy[];
  }

  putManagedPolicy(policy: ManagedPolicy): void {
    this.database
      .prepare(
        `INSERT INTO managed_policies VALUES (:arn, :name, :path, :policyId, :document, :description, :createdAt, :updatedAt)
         ON CONFLICT (arn) DO UPDATE SET document = excluded.document, description = excluded.description,
           updatedAt = excluded.updatedAt`,
      )
      .run({ ...policy });
  }

  deleteManagedPolicy(arn: string): void {
    this.setAttachments(arn, []);
    this.database.prepare("DELETE FROM managed_policies WHERE arn = ?").run(arn);
  }
}
