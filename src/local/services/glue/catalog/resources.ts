import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { boolean, integer } from "../../../properties.ts";
import { AwsError, defineResource } from "../../../service.ts";
import type { CallContext, ResourceProvider, ServiceDeps } from "../../../service.ts";
import type { Catalog } from "./catalog.ts";
import { fold } from "./catalog.ts";
import * as errors from "./errors.ts";
import type { Partitions } from "./partitions.ts";

const stringMap = z.record(z.string(), z.coerce.string());
const column = z.strictObject({ Name: z.string(), Type: z.string().optional(), Comment: z.string().optional() });

const storageDescriptor = z.strictObject({
  Columns: z.array(column).optional(),
  Location: z.string().optional(),
  InputFormat: z.string().optional(),
  OutputFormat: z.string().optional(),
  Compressed: boolean.optional(),
  NumberOfBuckets: integer.optional(),
  SerdeInfo: z
    .strictObject({
      Name: z.string().optional(),
      SerializationLibrary: z.string().optional(),
      Parameters: stringMap.optional(),
    })
    .optional(),
  BucketColumns: z.array(z.string()).optional(),
  SortColumns: z.array(z.strictObject({ Column: z.string(), SortOrder: integer })).optional(),
  Parameters: stringMap.optional(),
  StoredAsSubDirectories: boolean.optional(),
});

const tableInput = z.strictObject({
  Name: z.string(),
  Description: z.string().optional(),
  Owner: z.string().optional(),
  Retention: integer.optional(),
  StorageDescriptor: storageDescriptor.optional(),
  PartitionKeys: z.array(column).optional(),
  ViewOriginalText: z.string().optional(),
  ViewExpandedText: z.string().optional(),
  TableType: z.string().optional(),
  Parameters: stringMap.optional(),
});

/** CloudFormation's providers for the catalog. They act as the account's own: a stack has no principal of its own here. */
export function createCatalogResources(
  deps: ServiceDeps,
  catalog: Catalog,
  partitions: Partitions,
): Readonly<Record<string, ResourceProvider>> {
  const context: CallContext = {
    requestId: "cloudformation",
    principal: { kind: "service", service: "cloudformation.amazonaws.com", sourceArn: "" },
  };

  const database = defineResource({
    schema: z.strictObject({
      CatalogId: z.string().optional(),
      DatabaseName: z.string().optional(),
      DatabaseInput: z.strictObject({
        Name: z.string().optional(),
        Description: z.string().optional(),
        LocationUri: z.string().optional(),
        Parameters: stringMap.optional(),
        CreateTableDefaultPermissions: z.array(z.unknown()).optional(),
      }),
    }),
    ignored: { "DatabaseInput.CreateTableDefaultPermissions": "Lake Formation permissions are not enforced locally" },
    attributes: [],
    provision(request) {
      const { properties, physicalId } = request;
      catalog.ownCatalog(properties.CatalogId);
      const name = fold(
        properties.DatabaseInput.Name ?? properties.DatabaseName ?? physicalId ?? request.generatedName(255),
      );
      const { CreateTableDefaultPermissions: _permissions, ...input } = properties.DatabaseInput;
      const wanted = { Name: name, DatabaseInput: { ...input, Name: name } };
      if (name === physicalId && exists(() => catalog.database(name))) catalog.updateDatabase(wanted);
      else catalog.createDatabase(wanted);
      return { physicalId: name, attributes: {} };
    },
    delete(physicalId) {
      if (exists(() => catalog.database(physicalId))) catalog.deleteDatabase({ Name: physicalId });
    },
  });

  const homes = new Homes(deps.state.database("glue-catalog"));
  const table = defineResource({
    schema: z.strictObject({ CatalogId: z.string().optional(), DatabaseName: z.string(), TableInput: tableInput }),
    attributes: [],
    provision({ properties, physicalId }) {
      catalog.ownCatalog(properties.CatalogId);
      const { DatabaseName, TableInput } = properties;
      const name = fold(TableInput.Name);
      const there = exists(() => catalog.table(DatabaseName, name, "GetTable"));
      const home = { DatabaseName, TableName: name, properties: JSON.stringify(TableInput) };
      const known = homes.check(name, home);
      // What has not changed since the last time stays as others (a crawler, ALTER TABLE) have left it.
      if (there && known?.properties === home.properties) return { physicalId: name, attributes: {} };
      if (there && physicalId === name) catalog.updateTable({ DatabaseName, Name: name, TableInput });
      else catalog.createTable({ DatabaseName, TableInput }, context);
      homes.put(name, home);
      return { physicalId: name, attributes: {} };
    },
    delete(physicalId) {
      const home = homes.take(physicalId);
      if (home && exists(() => catalog.table(home.DatabaseName, home.TableName, "GetTable"))) {
        catalog.deleteTable({ DatabaseName: home.DatabaseName, Name: home.TableName });
      }
    },
  });

  const partition = defineResource({
    schema: z.strictObject({
      CatalogId: z.string().optional(),
      DatabaseName: z.string(),
      TableName: z.string(),
      PartitionInput: z.strictObject({
        Values: z.array(z.coerce.string()),
        StorageDescriptor: storageDescriptor.optional(),
        Parameters: stringMap.optional(),
      }),
    }),
    attributes: [],
    provision({ properties }) {
      const { DatabaseName, TableName, PartitionInput } = properties;
      const at = { CatalogId: properties.CatalogId, DatabaseName, TableName };
      const PartitionValueList = PartitionInput.Values;
      if (exists(() => partitions.get({ ...at, PartitionValues: PartitionValueList }))) {
        partitions.update({ ...at, PartitionValueList, PartitionInput });
      } else {
        partitions.create({ ...at, PartitionInput });
      }
      const physicalId = `${DatabaseName}|${TableName}|${PartitionValueList.join("|")}`;
      homes.put(physicalId, { DatabaseName, TableName, values: PartitionValueList });
      return { physicalId, attributes: {} };
    },
    delete(physicalId) {
      const home = homes.take(physicalId);
      if (!home?.values) return;
      const at = { DatabaseName: home.DatabaseName, TableName: home.TableName, PartitionValues: home.values };
      if (exists(() => partitions.get(at))) partitions.delete(at);
    },
  });

  return { "AWS::Glue::Database": database, "AWS::Glue::Table": table, "AWS::Glue::Partition": partition };
}

interface Home {
  DatabaseName: string;
  TableName: string;
  values?: string[];
  /** What the resource was last provisioned with. */
  properties?: string;
}

/** Where a table or partition of a template is: its physical id (what `Ref` gives) does not name the database. */
class Homes {
  readonly #db: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#db = database;
    database.exec("CREATE TABLE IF NOT EXISTS homes (physical_id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT");
  }

  /** The home that is known, when it is in the same database. */
  check(physicalId: string, home: Home): Home | undefined {
    const known = this.find(physicalId);
    if (known && fold(known.DatabaseName) !== fold(home.DatabaseName)) {
      throw errors.invalidInput(
        `Two AWS::Glue::Table resources are both named ${physicalId}, in the databases ${known.DatabaseName} and ` +
          `${home.DatabaseName}. The local runtime needs a name of its own for each.`,
      );
    }
    return known;
  }

  put(physicalId: string, home: Home): void {
    this.#db.prepare("INSERT OR REPLACE INTO homes VALUES (?, ?)").run(physicalId, JSON.stringify(home));
  }

  find(physicalId: string): Home | undefined {
    const row = this.#db.prepare("SELECT document FROM homes WHERE physical_id = ?").get(physicalId);
    return row && (JSON.parse(String(row["document"])) as Home);
  }

  take(physicalId: string): Home | undefined {
    const home = this.find(physicalId);
    this.#db.prepare("DELETE FROM homes WHERE physical_id = ?").run(physicalId);
    return home;
  }
}

/** Does `look` find its thing? */
function exists(look: () => unknown): boolean {
  try {
    look();
    return true;
  } catch (error) {
    if (error instanceof AwsError && error.code === "EntityNotFoundException") return false;
    throw error;
  }
}
