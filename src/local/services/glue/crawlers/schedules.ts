import type {
  Crawler,
  StartCrawlerScheduleCommandInput,
  StopCrawlerScheduleCommandInput,
  UpdateCrawlerScheduleCommandInput,
} from "@aws-sdk/client-glue";
import type { Timer } from "../../../clock.ts";
import { AwsError } from "../../../service.ts";
import type { ServiceDeps } from "../../../service.ts";
import { parseSchedule } from "../../events/schedule.ts";
import { invalidInput } from "../catalog/errors.ts";
import { crawlerNotFound, scheduleNotRunning } from "./errors.ts";
import type { CrawlerStore } from "./store.ts";

/** Starts crawlers by their cron expressions. A crawl that still runs when its time comes is left alone. */
export class CrawlerSchedules {
  readonly #deps: ServiceDeps;
  readonly #store: CrawlerStore;
  readonly #start: (name: string) => void;
  readonly #timers = new Map<string, Timer>();

  constructor(deps: ServiceDeps, store: CrawlerStore, start: (name: string) => void) {
    this.#deps = deps;
    this.#store = store;
    this.#start = start;
  }

  startSchedule(input: StartCrawlerScheduleCommandInput): object {
    return this.#set(input.CrawlerName, "SCHEDULED");
  }

  stopSchedule(input: StopCrawlerScheduleCommandInput): object {
    return this.#set(input.CrawlerName, "NOT_SCHEDULED");
  }

  updateSchedule(input: UpdateCrawlerScheduleCommandInput): object {
    const crawler = this.#find(input.CrawlerName);
    const schedule = input.Schedule ? ({ ScheduleExpression: input.Schedule, State: "SCHEDULED" } as const) : undefined;
    this.apply({ ...crawler, Schedule: schedule });
    this.#store.putCrawler({ ...crawler, Schedule: schedule });
    return {};
  }

  /** Arms the timer of a crawler's schedule anew. Refuses an expression that is none. */
  apply(crawler: Crawler): void {
    const name = crawler.Name ?? "";
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
    const { ScheduleExpression: expression, State: state } = crawler.Schedule ?? {};
    if (!expression || state !== "SCHEDULED") return;
    if (!expression.startsWith("cron(")) throw invalidInput(`Invalid schedule expression: ${expression}`);
    const next = parseSchedule(expression)(this.#deps.clock.now(), this.#deps.clock.now());
    if (next === undefined) return;
    const fire = () => {
      const current = this.#store.crawler(name);
      if (!current) return;
      this.apply(current);
      try {
        this.#start(name);
      } catch (error) {
        if (!(error instanceof AwsError) || error.code !== "CrawlerRunningException") throw error;
      }
    };
    this.#timers.set(name, this.#deps.clock.timer(next - this.#deps.clock.now(), fire, { background: true }));
  }

  close(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #set(name: string | undefined, state: "SCHEDULED" | "NOT_SCHEDULED"): object {
    const crawler = this.#find(name);
    if (!crawler.Schedule) throw scheduleNotRunning(crawler.Name ?? "");
    const changed: Crawler = { ...crawler, Schedule: { ...crawler.Schedule, State: state } };
    this.#store.putCrawler(changed);
    this.apply(changed);
    return {};
  }

  #find(name: string | undefined): Crawler {
    const crawler = this.#store.crawler(name ?? "");
    if (!crawler) throw crawlerNotFound(name ?? "");
    return crawler;
  }
}
