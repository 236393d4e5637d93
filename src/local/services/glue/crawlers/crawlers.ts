import type {
  BatchGetCrawlersCommandInput,
  CrawlerMetrics,
  CrawlsFilter,
  Crawler,
  CrawlerHistory,
  CreateCrawlerCommandInput,
  DeleteCrawlerCommandInput,
  GetCrawlerCommandInput,
  GetCrawlerMetricsCommandInput,
  GetCrawlersCommandInput,
  ListCrawlersCommandInput,
  ListCrawlsCommandInput,
  UpdateCrawlerCommandInput,
} from "@aws-sdk/client-glue";
import type { ServiceDeps } from "../../../service.ts";
import { pageOf } from "../catalog/catalog.ts";
import { invalidInput } from "../catalog/errors.ts";
import { parseConfiguration } from "./configuration.ts";
import { crawlerBusy, crawlerExists, crawlerNotFound, unsupported } from "./errors.ts";
import type { Classifiers } from "./classifiers.ts";
import type { CrawlerStore } from "./store.ts";

type Settings = CreateCrawlerCommandInput | UpdateCrawlerCommandInput;

/** Definitions of crawlers, and what is told of their crawls. */
export class Crawlers {
  readonly #deps: ServiceDeps;
  readonly #store: CrawlerStore;
  readonly #classifiers: Classifiers;
  /** Told when a crawler's schedule may have changed. */
  readonly #changed: (crawler: Crawler) => void;

  constructor(deps: ServiceDeps, store: CrawlerStore, classifiers: Classifiers, changed: (crawler: Crawler) => void) {
    this.#deps = deps;
    this.#store = store;
    this.#classifiers = classifiers;
    this.#changed = changed;
  }

  create(input: CreateCrawlerCommandInput): object {
    const name = input.Name ?? "";
    if (!/^[^\r\n\t]{1,255}$/u.test(name)) throw invalidInput(`Invalid crawler name: ${name}`);
    if (this.#store.crawler(name)) throw crawlerExists(name);
    if (!input.Role) throw invalidInput("Role must be given.");
    this.#check(input);
    if (!input.Targets?.S3Targets?.length)
      throw invalidInput("Crawler target cannot be empty. At least one target must be specified.");
    const now = new Date(this.#deps.clock.now());
    this.#save({
      State: "READY",
      Version: 1,
      CreationTime: now,
      LastUpdated: now,
      ...this.#settings(input, undefined),
      Name: name,
    });
    return {};
  }

  update(input: UpdateCrawlerCommandInput): object {
    const before = this.find(input.Name);
    if (before.State !== "READY") throw crawlerBusy(before.Name ?? "");
    this.#check(input);
    this.#save({
      ...before,
      ...this.#settings(input, before),
      Version: (before.Version ?? 0) + 1,
      LastUpdated: new Date(this.#deps.clock.now()),
    });
    return {};
  }

  /** Brings a crawler to these settings; one that has them already is not touched, and may be running. */
  ensure(input: UpdateCrawlerCommandInput): void {
    const before = this.find(input.Name);
    const after = { ...before, ...this.#settings(input, before) };
    if (JSON.stringify(after) !== JSON.stringify(before)) this.update(input);
  }

  delete(input: DeleteCrawlerCommandInput): object {
    const crawler = this.find(input.Name);
    if (crawler.State !== "READY") throw crawlerBusy(crawler.Name ?? "");
    this.#store.deleteCrawler(crawler.Name ?? "");
    this.#changed({ ...crawler, Schedule: undefined });
    return {};
  }

  get(input: GetCrawlerCommandInput): { Crawler: Crawler } {
    return { Crawler: this.#shown(this.find(input.Name)) };
  }

  list(input: GetCrawlersCommandInput): { Crawlers: Crawler[]; NextToken?: string } {
    const page = pageOf(this.#store.crawlers(), (crawler) => crawler.Name ?? "", input);
    return { Crawlers: page.items.map((crawler) => this.#shown(crawler)), NextToken: page.next };
  }

  names(input: ListCrawlersCommandInput): { CrawlerNames: string[]; NextToken?: string } {
    if (input.Tags && Object.keys(input.Tags).length > 0) throw unsupported("ListCrawlers by Tags");
    const page = pageOf(this.#store.crawlers(), (crawler) => crawler.Name ?? "", input);
    return { CrawlerNames: page.items.map((crawler) => crawler.Name ?? ""), NextToken: page.next };
  }

  batchGet(input: BatchGetCrawlersCommandInput): { Crawlers: Crawler[]; CrawlersNotFound: string[] } {
    const names = input.CrawlerNames ?? [];
    const found = names.map((name) => this.#store.crawler(name)).filter((crawler) => crawler !== undefined);
    return {
      Crawlers: found.map((crawler) => this.#shown(crawler)),
      CrawlersNotFound: names.filter((name) => !found.some((crawler) => crawler.Name === name)),
    };
  }

  metrics(input: GetCrawlerMetricsCommandInput): { CrawlerMetricsList: CrawlerMetrics[]; NextToken?: string } {
    const wanted = input.CrawlerNameList ?? [];
    const crawlers = this.#store.crawlers().filter(({ Name = "" }) => wanted.length === 0 || wanted.includes(Name));
    const page = pageOf(crawlers, (crawler) => crawler.Name ?? "", input);
    return { CrawlerMetricsList: page.items.map((crawler) => this.#metrics(crawler)), NextToken: page.next };
  }

  /** Newest first. */
  crawls(input: ListCrawlsCommandInput): { Crawls: CrawlerHistory[]; NextToken?: string } {
    const { Name = "" } = this.find(input.CrawlerName);
    const crawls = this.#store
      .crawls(Name)
      .filter((crawl) => (input.Filters ?? []).every((filter) => passes(crawl, filter)));
    const start = Number(input.NextToken ?? 0);
    const end = start + (input.MaxResults ?? 20);
    return {
      Crawls: crawls.slice(start, end).map(({ summary: _summary, ...crawl }) => crawl),
      NextToken: end < crawls.length ? String(end) : undefined,
    };
  }

  find(name: string | undefined): Crawler {
    const crawler = this.#store.crawler(name ?? "");
    if (!crawler) throw crawlerNotFound(name ?? "");
    return crawler;
  }

  #save(crawler: Crawler): void {
    this.#store.putCrawler(crawler);
    this.#changed(crawler);
  }

  /** Refuses what would change what a crawl does and is not there. */
  #check(input: Settings): void {
    parseConfiguration(input.Configuration);
    const { S3Targets: s3 = [], ...others } = input.Targets ?? {};
    for (const [kind, targets] of Object.entries(others)) {
      if (Array.isArray(targets) && targets.length > 0) throw unsupported(`Targets.${kind}`);
    }
    for (const target of s3) {
      if (!/^s3:\/\/[^/]+/u.test(target.Path ?? ""))
        throw invalidInput(`The S3 location: ${target.Path} is not a valid path.`);
      if (target.EventQueueArn) throw unsupported("S3Target.EventQueueArn");
      if (target.ConnectionName) throw unsupported("S3Target.ConnectionName");
    }
    if (input.RecrawlPolicy?.RecrawlBehavior === "CRAWL_EVENT_MODE")
      throw unsupported("RecrawlBehavior CRAWL_EVENT_MODE");
    if (input.LineageConfiguration?.CrawlerLineageSettings === "ENABLE") throw unsupported("LineageConfiguration");
    if (input.LakeFormationConfiguration?.UseLakeFormationCredentials) throw unsupported("UseLakeFormationCredentials");
    for (const name of input.Classifiers ?? []) this.#classifiers.find(name);
    const incremental = input.RecrawlPolicy?.RecrawlBehavior === "CRAWL_NEW_FOLDERS_ONLY";
    const { UpdateBehavior = "LOG", DeleteBehavior = "LOG" } = input.SchemaChangePolicy ?? {};
    if (incremental && (UpdateBehavior !== "LOG" || DeleteBehavior !== "LOG")) {
      throw invalidInput("The SchemaChangePolicy for incremental crawl can only have both behaviors as LOG.");
    }
  }

  #settings(input: Settings, before: Crawler | undefined): Partial<Crawler> {
    const incremental = input.RecrawlPolicy?.RecrawlBehavior === "CRAWL_NEW_FOLDERS_ONLY";
    const policy = {
      UpdateBehavior: incremental ? ("LOG" as const) : ("UPDATE_IN_DATABASE" as const),
      DeleteBehavior: incremental ? ("LOG" as const) : ("DEPRECATE_IN_DATABASE" as const),
    };
    const { Targets: targets } = input;
    const schedule =
      input.Schedule === undefined
        ? before?.Schedule
        : { ScheduleExpression: input.Schedule, State: "SCHEDULED" as const };
    return {
      Role: input.Role ?? before?.Role,
      DatabaseName: (input.DatabaseName ?? before?.DatabaseName)?.toLowerCase(),
      Description: input.Description ?? before?.Description,
      Targets: targets
        ? {
            JdbcTargets: [],
            MongoDBTargets: [],
            DynamoDBTargets: [],
            CatalogTargets: [],
            DeltaTargets: [],
            IcebergTargets: [],
            HudiTargets: [],
            ...targets,
          }
        : before?.Targets,
      Classifiers: input.Classifiers ?? before?.Classifiers ?? [],
      RecrawlPolicy: input.RecrawlPolicy ?? before?.RecrawlPolicy ?? { RecrawlBehavior: "CRAWL_EVERYTHING" },
      SchemaChangePolicy: input.SchemaChangePolicy
        ? { ...policy, ...input.SchemaChangePolicy }
        : (before?.SchemaChangePolicy ?? policy),
      LineageConfiguration: { CrawlerLineageSettings: "DISABLE" },
      TablePrefix: input.TablePrefix ?? before?.TablePrefix,
      Configuration: input.Configuration ?? before?.Configuration,
      CrawlerSecurityConfiguration: input.CrawlerSecurityConfiguration ?? before?.CrawlerSecurityConfiguration,
      LakeFormationConfiguration: { UseLakeFormationCredentials: false, AccountId: "" },
      Schedule: input.Schedule === "" ? undefined : schedule,
    };
  }

  #shown(crawler: Crawler): Crawler {
    const running = crawler.State === "READY" ? undefined : this.#store.crawls(crawler.Name ?? "")[0];
    const elapsed = running ? this.#deps.clock.now() - Number(running.StartTime) : 0;
    return { ...crawler, CrawlElapsedTime: elapsed };
  }

  #metrics(crawler: Crawler): CrawlerMetrics {
    const crawls = this.#store.crawls(crawler.Name ?? "").filter((crawl) => crawl.EndTime !== undefined);
    const seconds = crawls.map((crawl) => (Number(crawl.EndTime) - Number(crawl.StartTime)) / 1000);
    const [last] = crawls;
    return {
      CrawlerName: crawler.Name,
      TimeLeftSeconds: 0,
      StillEstimating: crawler.State === "RUNNING",
      LastRuntimeSeconds: seconds[0] ?? 0,
      MedianRuntimeSeconds: seconds.toSorted((a, b) => a - b)[Math.floor(seconds.length / 2)] ?? 0,
      TablesCreated: last?.summary?.tablesCreated ?? 0,
      TablesUpdated: last?.summary?.tablesUpdated ?? 0,
      TablesDeleted: last?.summary?.tablesDeleted ?? 0,
    };
  }
}

function passes(crawl: CrawlerHistory, { FieldName, FilterOperator, FieldValue = "" }: CrawlsFilter): boolean {
  const values = {
    CRAWL_ID: crawl.CrawlId,
    STATE: crawl.State,
    START_TIME: crawl.StartTime && Number(crawl.StartTime),
    END_TIME: crawl.EndTime && Number(crawl.EndTime),
    DPU_HOUR: crawl.DPUHour,
  };
  const value = values[FieldName ?? "CRAWL_ID"];
  if (value === undefined) return false;
  const wanted = typeof value === "number" ? Number(FieldValue) : FieldValue;
  switch (FilterOperator) {
    case "GT":
      return value > wanted;
    case "GE":
      return value >= wanted;
    case "LT":
      return value < wanted;
    case "LE":
      return value <= wanted;
    case "NE":
      return value !== wanted;
    default:
      return value === wanted;
  }
}
