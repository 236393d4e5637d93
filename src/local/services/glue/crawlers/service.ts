import type { Operations, ServiceDeps } from "../../../service.ts";
import { Classifiers } from "./classifiers.ts";
import { Crawlers } from "./crawlers.ts";
import { createCrawlerResources } from "./resources.ts";
import { CrawlRuns } from "./runs.ts";
import { CrawlerSchedules } from "./schedules.ts";
import { CrawlerStore } from "./store.ts";

/** The crawlers' part of AWS Glue: they learn tables and partitions from what lies in S3. */
export function createCrawlers(deps: ServiceDeps) {
  const store = new CrawlerStore(deps.state.database("glue-crawlers"));
  const classifiers = new Classifiers(deps, store);
  const schedules = new CrawlerSchedules(deps, store, (name) => runs.start({ Name: name }));
  const crawlers = new Crawlers(deps, store, classifiers, (crawler) => schedules.apply(crawler));
  const runs = new CrawlRuns(deps, store, crawlers, classifiers);
  const operations = {
    CreateCrawler: crawlers.create.bind(crawlers),
    UpdateCrawler: crawlers.update.bind(crawlers),
    DeleteCrawler: crawlers.delete.bind(crawlers),
    GetCrawler: crawlers.get.bind(crawlers),
    GetCrawlers: crawlers.list.bind(crawlers),
    ListCrawlers: crawlers.names.bind(crawlers),
    BatchGetCrawlers: crawlers.batchGet.bind(crawlers),
    GetCrawlerMetrics: crawlers.metrics.bind(crawlers),
    ListCrawls: crawlers.crawls.bind(crawlers),
    StartCrawler: runs.start.bind(runs),
    StopCrawler: runs.stop.bind(runs),
    StartCrawlerSchedule: schedules.startSchedule.bind(schedules),
    StopCrawlerSchedule: schedules.stopSchedule.bind(schedules),
    UpdateCrawlerSchedule: schedules.updateSchedule.bind(schedules),
    CreateClassifier: classifiers.create.bind(classifiers),
    UpdateClassifier: classifiers.update.bind(classifiers),
    GetClassifier: classifiers.get.bind(classifiers),
    GetClassifiers: classifiers.list.bind(classifiers),
    DeleteClassifier: classifiers.delete.bind(classifiers),
  } satisfies Operations;
  return {
    operations,
    resources: createCrawlerResources(crawlers, classifiers),
    start() {
      for (const crawler of store.crawlers()) schedules.apply(crawler);
      runs.resume();
    },
    async stop() {
      schedules.close();
      await runs.close();
    },
  };
}
