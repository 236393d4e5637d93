import type { Operations, ServiceDeps } from "../../../service.ts";
import { Catalog } from "./catalog.ts";
import { createAnnouncer } from "./events.ts";
import { Partitions } from "./partitions.ts";
import { createCatalogResources } from "./resources.ts";
import { CatalogStore } from "./store.ts";

/** The Data Catalog's part of AWS Glue: databases, tables with their versions, partitions. */
export function createCatalog(deps: ServiceDeps) {
  const store = new CatalogStore(deps.state.database("glue-catalog"));
  const announce = createAnnouncer(deps);
  const catalog = new Catalog(deps, store, announce);
  const partitions = new Partitions(deps, store, catalog, announce);
  const operations = {
    CreateDatabase: catalog.createDatabase.bind(catalog),
    UpdateDatabase: catalog.updateDatabase.bind(catalog),
    DeleteDatabase: catalog.deleteDatabase.bind(catalog),
    GetDatabase: catalog.getDatabase.bind(catalog),
    GetDatabases: catalog.getDatabases.bind(catalog),
    CreateTable: catalog.createTable.bind(catalog),
    UpdateTable: catalog.updateTable.bind(catalog),
    GetTable: catalog.getTable.bind(catalog),
    GetTables: catalog.getTables.bind(catalog),
    DeleteTable: catalog.deleteTable.bind(catalog),
    BatchDeleteTable: catalog.batchDeleteTable.bind(catalog),
    GetTableVersion: catalog.getTableVersion.bind(catalog),
    GetTableVersions: catalog.getTableVersions.bind(catalog),
    DeleteTableVersion: catalog.deleteTableVersion.bind(catalog),
    CreatePartition: partitions.create.bind(partitions),
    BatchCreatePartition: partitions.batchCreate.bind(partitions),
    GetPartition: partitions.get.bind(partitions),
    GetPartitions: partitions.list.bind(partitions),
    BatchGetPartition: partitions.batchGet.bind(partitions),
    UpdatePartition: partitions.update.bind(partitions),
    BatchUpdatePartition: partitions.batchUpdate.bind(partitions),
    DeletePartition: partitions.delete.bind(partitions),
    BatchDeletePartition: partitions.batchDelete.bind(partitions),
  } satisfies Operations;
  return { operations, resources: createCatalogResources(deps, catalog, partitions) };
}
