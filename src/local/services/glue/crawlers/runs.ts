import type { Crawler, LastCrawlInfo, StartCrawlerCommandInput, StopCrawlerCommandInput } from "@aws-sdk/client-glue";
import type { ServiceDeps } from "../../../service.ts";
import { parseConfiguration } from "./configuration.ts";
import { crawl, failureMessage } from "./crawl.ts";
import type { CrawlSummary } from "./catalog-writer.ts";
import type { Classifiers } from "./classifiers.ts";
import type { Crawlers } from "./crawlers.ts";
import { CrawlLog } from "./crawl-log.ts";
import { crawlerNotRunning, crawlerRunning, crawlerStopping } from "./errors.ts";
import { announceCrawl } from "./events.ts";
import { KnownFiles } from "./known-files.ts";
import type { CrawlerStore, StoredCrawl } from "./store.ts";

/** READY, RUNNING while it looks, STOPPING while it writes the catalog (or was stopped), READY again. */
export class CrawlRuns {
  readonly #deps: ServiceDeps;
  readonly #store: CrawlerStore;
  readonly #crawlers: Crawlers;
  readonly #classifiers: Classifiers;
  readonly #known = new KnownFiles();
  readonly #running = new Map<string, { controller: AbortController; done: Promise<void> }>();

  constructor(deps: ServiceDeps, store: CrawlerStore, crawlers: Crawlers, classifiers: Classifiers) {
    this.#deps = deps;
    this.#store = store;
    this.#crawlers = crawlers;
    this.#classifiers = classifiers;
  }

  start(input: StartCrawlerCommandInput): object {
    const crawler = this.#crawlers.find(input.Name);
    const name = crawler.Name ?? "";
    if (crawler.State !== "READY") throw crawlerRunning(name);
    const started = new Date(this.#deps.clock.now());
    const crawlId = this.#deps.ids.uuid();
    this.#store.putCrawl(name, {
      CrawlId: crawlId,
      State: "RUNNING",
      StartTime: started,
      LogGroup: "/aws-glue/crawlers",
      LogStream: name,
      MessagePrefix: crawlId,
    });
    this.#state(crawler, "RUNNING");
    announceCrawl(this.#deps, name, { state: "Started", startTime: started });
    this.#launch(crawler, crawlId);
    return {};
  }

  stop(input: StopCrawlerCommandInput): object {
    const crawler = this.#crawlers.find(input.Name);
    const name = crawler.Name ?? "";
    if (crawler.State === "READY") throw crawlerNotRunning(name);
    if (crawler.State === "STOPPING") throw crawlerStopping(name);
    this.#state(crawler, "STOPPING");
    this.#running.get(name)?.controller.abort(new Cancelled());
    return {};
  }

  /** A crawl that a stop of the runtime interrupted begins again: it only adds what is missing. */
  resume(): void {
    for (const crawler of this.#store.crawlers()) {
      if (crawler.State === "READY") continue;
      const [last] = this.#store.crawls(crawler.Name ?? "");
      if (last?.State === "RUNNING") this.#launch(crawler, last.CrawlId ?? "");
      else this.#state(crawler, "READY");
    }
  }

  async close(): Promise<void> {
    for (const { controller } of this.#running.values()) controller.abort(new RuntimeStopped());
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  #launch(crawler: Crawler, crawlId: string): void {
    const controller = new AbortController();
    const release = this.#deps.clock.hold();
    const name = crawler.Name ?? "";
    const done = this.#run(crawler, crawlId, controller.signal)
      .catch((error: unknown) => {
        this.#deps.trace.emit({ type: "internal-error", where: `crawler ${name}`, error: String(error) });
      })
      .finally(() => {
        this.#running.delete(name);
        release();
      });
    this.#running.set(name, { controller, done });
  }

  async #run(crawler: Crawler, crawlId: string, signal: AbortSignal): Promise<void> {
    const name = crawler.Name ?? "";
    const incremental = crawler.RecrawlPolicy?.RecrawlBehavior === "CRAWL_NEW_FOLDERS_ONLY";
    let log: CrawlLog | undefined;
    try {
      const { principal } = await this.#deps.bus.assumeRole(this.#roleArn(crawler.Role ?? ""), "AWS-Crawler");
      log = new CrawlLog(this.#deps, principal, name, crawlId);
      log.write(`BENCHMARK : Running Start Crawl for Crawler ${name}`);
      const result = await crawl(
        {
          bus: this.#deps.bus,
          principal,
          crawler,
          configuration: parseConfiguration(crawler.Configuration),
          classifiers: (crawler.Classifiers ?? []).map((classifier) => this.#classifiers.find(classifier)),
          known: this.#known,
          crawlId,
          now: new Date(this.#deps.clock.now()),
          signal,
          log: (message) => log?.write(message),
          seen: incremental ? this.#store.seenFolders(name) : undefined,
        },
        () => this.#state(crawler, "STOPPING"),
      );
      log.write("BENCHMARK : Finished writing to Catalog");
      this.#store.addFolders(name, result.folders);
      await this.#end(crawler, crawlId, { status: "SUCCEEDED", summary: result.summary }, log);
    } catch (error) {
      if (signal.reason instanceof RuntimeStopped) return;
      const end: End = signal.aborted ? { status: "CANCELLED" } : { status: "FAILED", message: failureMessage(error) };
      if (end.status === "FAILED") log?.write(`ERROR : ${end.message}`);
      await this.#end(crawler, crawlId, end, log);
    }
  }

  async #end(crawler: Crawler, crawlId: string, end: End, log: CrawlLog | undefined): Promise<void> {
    const name = crawler.Name ?? "";
    log?.write("BENCHMARK : Crawler has finished running and is in state READY");
    await log?.flush();
    const now = new Date(this.#deps.clock.now());
    const running = this.#store.crawls(name).find((candidate) => candidate.CrawlId === crawlId);
    const finished: StoredCrawl = {
      ...running,
      State: { SUCCEEDED: "COMPLETED", FAILED: "FAILED", CANCELLED: "STOPPED" }[end.status] as "COMPLETED",
      EndTime: now,
      ...(end.status === "FAILED" && { ErrorMessage: end.message }),
      ...(end.status === "SUCCEEDED" && { Summary: summaryText(end.summary), summary: end.summary }),
    };
    this.#store.putCrawl(name, finished);
    const lastCrawl: LastCrawlInfo = {
      Status: end.status,
      ...(end.status === "FAILED" && { ErrorMessage: end.message }),
      LogGroup: finished.LogGroup,
      LogStream: finished.LogStream,
      MessagePrefix: finished.MessagePrefix,
      StartTime: finished.StartTime,
    };
    this.#state(crawler, "READY", lastCrawl, end.status === "FAILED" ? end.message : undefined);
    const seconds = Math.round((Number(now) - Number(finished.StartTime)) / 1000);
    if (end.status === "SUCCEEDED")
      announceCrawl(this.#deps, name, { state: "Succeeded", summary: end.summary, seconds, completed: now });
    if (end.status === "FAILED")
      announceCrawl(this.#deps, name, { state: "Failed", message: end.message, seconds, completed: now });
  }

  #state(crawler: Crawler, state: "READY" | "RUNNING" | "STOPPING", lastCrawl?: LastCrawlInfo, reason?: string): void {
    const current = this.#store.crawler(crawler.Name ?? "") ?? crawler;
    if (current.State === state) return;
    this.#store.putCrawler({ ...current, State: state, LastCrawl: lastCrawl ?? current.LastCrawl });
    this.#deps.trace.emit({
      type: "state",
      kind: "crawler",
      name: crawler.Name ?? "",
      from: current.State,
      to: state,
      reason,
    });
  }

  /** A crawler's role is an ARN, or a name with or without a path. */
  #roleArn(role: string): string {
    return role.startsWith("arn:") ? role : `arn:aws:iam::${this.#deps.environment.account}:role/${role}`;
  }
}

type End =
  { status: "SUCCEEDED"; summary: CrawlSummary } | { status: "FAILED"; message: string } | { status: "CANCELLED" };

class Cancelled extends Error {}
class RuntimeStopped extends Error {}

/** What ListCrawls shows of a crawl's changes: JSON inside JSON. */
function summaryText(summary: CrawlSummary): string {
  const part = (added: number, updated: number, deleted: number) =>
    JSON.stringify({ ADD: { Count: added }, UPDATE: { Count: updated }, DELETE: { Count: deleted } });
  return JSON.stringify({
    TABLE: part(summary.tablesCreated, summary.tablesUpdated, summary.tablesDeleted),
    PARTITION: part(summary.partitionsCreated, summary.partitionsUpdated, summary.partitionsDeleted),
  });
}
