import type { DatabaseSync } from "node:sqlite";
import type { Classifier, Crawler, CrawlerHistory } from "@aws-sdk/client-glue";
import type { CrawlSummary } from "./catalog-writer.ts";

/** A finished or running crawl. */
export interface StoredCrawl extends CrawlerHistory {
  readonly summary?: CrawlSummary;
}

const DATES = new Set(["CreationTime", "LastUpdated", "StartTime", "EndTime"]);

/** Durable state of crawlers: definitions with their states, the history of crawls, folders seen, classifiers. */
export class CrawlerStore {
  readonly #db: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#db = database;
    database.exec(`
      CREATE TABLE IF NOT EXISTS crawlers (name TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS crawls (
        number INTEGER PRIMARY KEY AUTOINCREMENT, crawler TEXT NOT NULL, id TEXT NOT NULL UNIQUE, document TEXT NOT NULL
      ) STRICT;
      CREATE TABLE IF NOT EXISTS folders (crawler TEXT NOT NULL, folder TEXT NOT NULL, PRIMARY KEY (crawler, folder)) STRICT;
      CREATE TABLE IF NOT EXISTS classifiers (name TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
    `);
  }

  crawler(name: string): Crawler | undefined {
    const row = this.#db.prepare("SELECT document FROM crawlers WHERE name = ?").get(name);
    return row && (parse(row) as Crawler);
  }

  crawlers(): Crawler[] {
    return this.#db
      .prepare("SELECT document FROM crawlers ORDER BY name")
      .all()
      .map((row) => parse(row) as Crawler);
  }

  putCrawler(crawler: Crawler): void {
    this.#db.prepare("INSERT OR REPLACE INTO crawlers VALUES (?, ?)").run(crawler.Name ?? "", JSON.stringify(crawler));
  }

  deleteCrawler(name: string): void {
    for (const table of ["crawls", "folders"]) this.#db.prepare(`DELETE FROM ${table} WHERE crawler = ?`).run(name);
    this.#db.prepare("DELETE FROM crawlers WHERE name = ?").run(name);
  }

  putCrawl(crawler: string, crawl: StoredCrawl): void {
    this.#db
      .prepare(
        `INSERT INTO crawls (crawler, id, document) VALUES (?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET document = excluded.document`,
      )
      .run(crawler, crawl.CrawlId ?? "", JSON.stringify(crawl));
  }

  /** Newest first. */
  crawls(crawler: string): StoredCrawl[] {
    const rows = this.#db.prepare("SELECT document FROM crawls WHERE crawler = ? ORDER BY number DESC").all(crawler);
    return rows.map((row) => parse(row) as StoredCrawl);
  }

  seenFolders(crawler: string): Set<string> {
    const rows = this.#db.prepare("SELECT folder FROM folders WHERE crawler = ?").all(crawler);
    return new Set(rows.map((row) => String(row["folder"])));
  }

  addFolders(crawler: string, folders: readonly string[]): void {
    const insert = this.#db.prepare("INSERT OR IGNORE INTO folders VALUES (?, ?)");
    for (const folder of folders) insert.run(crawler, folder);
  }

  classifier(name: string): Classifier | undefined {
    const row = this.#db.prepare("SELECT document FROM classifiers WHERE name = ?").get(name);
    return row && (parse(row) as Classifier);
  }

  classifiers(): Classifier[] {
    return this.#db
      .prepare("SELECT document FROM classifiers ORDER BY name")
      .all()
      .map((row) => parse(row) as Classifier);
  }

  putClassifier(name: string, classifier: Classifier): void {
    this.#db.prepare("INSERT OR REPLACE INTO classifiers VALUES (?, ?)").run(name, JSON.stringify(classifier));
  }

  deleteClassifier(name: string): boolean {
    return this.#db.prepare("DELETE FROM classifiers WHERE name = ?").run(name).changes > 0;
  }
}

function parse(row: Record<string, unknown>): unknown {
  return JSON.parse(String(row["document"]), (key, value: unknown) =>
    DATES.has(key) && typeof value === "string" ? new Date(value) : value,
  );
}
