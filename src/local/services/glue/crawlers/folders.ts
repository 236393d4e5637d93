import type { Classification } from "./classification.ts";

/** An object that a crawl looks at. */
export interface CrawledFile {
  readonly key: string;
  readonly size: number;
  readonly classification: Classification;
}

/** A folder that holds files itself. */
export interface Folder {
  /** Names of the folders from the include path down; empty for the include path itself. */
  readonly path: readonly string[];
  readonly files: readonly CrawledFile[];
}

/** A table that a crawl has found: the folder it begins at, and the folders with its data. */
export interface FoundTable {
  /** Relative to the include path. */
  readonly root: readonly string[];
  readonly folders: readonly Folder[];
  /** A single file of a folder that holds files of several kinds. */
  readonly file?: string;
}

export interface GroupingOptions {
  /** `CombineCompatibleSchemas`: what can be read together is one table, however its columns differ. */
  readonly combine: boolean;
  /** How many folders below the include path tables begin, when the configuration says so. */
  readonly tableDepth: number | undefined;
}

/** More than this share of the folders has to have the same schema, to be one table… */
const SAME_SCHEMA_SHARE = 0.7;
/** …and there may be no more different schemas than this. https://repost.aws/knowledge-center/glue-crawler-detect-schema */
const MAX_SCHEMAS = 5;

/** Which tables the folders make: siblings that are alike are partitions of one table, others are tables themselves. */
export function groupTables(folders: readonly Folder[], options: GroupingOptions): FoundTable[] {
  if (folders.length === 0) return [];
  if (options.tableDepth === undefined) return tablesBelow([], folders, options);
  const depth = options.tableDepth;
  const roots = Map.groupBy(folders, (folder) => JSON.stringify(folder.path.slice(0, depth)));
  return [...roots].flatMap(([root, group]) => {
    const path = JSON.parse(root) as string[];
    return isOneTable(path, group, options) ? [{ root: path, folders: group }] : tablesBelow(path, group, options);
  });
}

function tablesBelow(root: readonly string[], folders: readonly Folder[], options: GroupingOptions): FoundTable[] {
  // A folder without siblings (and without `key=`) has nothing to be a partition beside: the table begins below it.
  const [next, ...others] = new Set(folders.map((folder) => folder.path[root.length]));
  if (next !== undefined && others.length === 0 && !next.includes("="))
    return tablesBelow([...root, next], folders, options);
  if (isOneTable(root, folders, options)) return [{ root, folders }];
  const here = folders.filter((folder) => folder.path.length === root.length);
  const below = Map.groupBy(
    folders.filter((folder) => folder.path.length > root.length),
    (folder) => folder.path[root.length] ?? "",
  );
  return [
    ...here.flatMap((folder) => tablesOf(folder)),
    ...[...below].flatMap(([name, group]) => tablesBelow([...root, name], group, options)),
  ];
}

/** Files of one kind in a folder are a table; of several kinds, each file is. */
function tablesOf(folder: Folder): FoundTable[] {
  if (new Set(folder.files.map(kindOf)).size === 1) return [{ root: folder.path, folders: [folder] }];
  return folder.files.map((file) => ({
    root: folder.path,
    folders: [{ ...folder, files: [file] }],
    file: file.key.slice(file.key.lastIndexOf("/") + 1),
  }));
}

function isOneTable(root: readonly string[], folders: readonly Folder[], { combine }: GroupingOptions): boolean {
  // Partitions are all equally deep: files beside folders are something else.
  if (new Set(folders.map((folder) => folder.path.length)).size > 1) return false;
  if (new Set(folders.flatMap((folder) => folder.files.map(kindOf))).size > 1) return false;
  const [only] = folders;
  if (folders.length === 1 && only?.path.length === root.length) return true;
  if (combine) return true;
  const schemas = Map.groupBy(folders, schemaOf);
  const most = Math.max(...[...schemas.values()].map((group) => group.length));
  return schemas.size <= MAX_SCHEMAS && most / folders.length > SAME_SCHEMA_SHARE;
}

/** What must be equal for files to be read together. */
function kindOf({ classification }: CrawledFile): string {
  return [
    classification.classification,
    classification.compression,
    classification.serde,
    classification.parameters["delimiter"],
  ].join(" ");
}

function schemaOf(folder: Folder): string {
  return JSON.stringify(folder.files.map((file) => file.classification.columns)[0]);
}

export interface PartitionKeys {
  readonly names: readonly string[];
  values(folder: Folder): string[];
}

/**
 * The keys that the folders below a table's root stand for: `year=2026` has its name, anything else is `partition_N`,
 * N being the depth.
 */
export function partitionKeys(table: FoundTable): PartitionKeys {
  const depth = table.root.length;
  const levels = (table.folders[0]?.path.length ?? depth) - depth;
  const names = Array.from({ length: levels }, (_, level) => {
    const keys = new Set(
      table.folders.map((folder) => /^([^=]+)=/u.exec(folder.path[depth + level] ?? "")?.[1]?.toLowerCase()),
    );
    const [key] = keys;
    return keys.size === 1 && key !== undefined ? key : `partition_${level}`;
  });
  return {
    names,
    values: (folder) =>
      names.map((name, level) => {
        const text = folder.path[depth + level] ?? "";
        return name.startsWith("partition_") && !text.toLowerCase().startsWith(`${name}=`)
          ? text
          : decoded(text.slice(text.indexOf("=") + 1));
      }),
  };
}

/** Hive escapes what a folder name must not have as `%3A`. */
function decoded(text: string): string {
  return text.replaceAll(/%([0-9A-Fa-f]{2})/gu, (_all, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
}
