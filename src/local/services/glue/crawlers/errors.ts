import { AwsError } from "../../../service.ts";

export const crawlerNotFound = (name: string) =>
  new AwsError("EntityNotFoundException", `Crawler entry with name ${name} does not exist`);

export const crawlerExists = (name: string) =>
  new AwsError("AlreadyExistsException", `Crawler with name ${name} already exists`);

/** StartCrawler while it runs or stops. */
export const crawlerRunning = (name: string) =>
  new AwsError("CrawlerRunningException", `Crawler with name ${name} has already started`);

/** UpdateCrawler and DeleteCrawler while it runs or stops. */
export const crawlerBusy = (name: string) =>
  new AwsError("CrawlerRunningException", `Crawler with name ${name} is currently running`);

export const crawlerNotRunning = (name: string) =>
  new AwsError("CrawlerNotRunningException", `Crawler with name ${name} isn't running`);

export const crawlerStopping = (name: string) =>
  new AwsError("CrawlerStoppingException", `Crawler with name ${name} is stopping`);

export const classifierNotFound = (name: string) =>
  new AwsError("EntityNotFoundException", `Classifier entry with name ${name} does not exist`);

export const classifierExists = (name: string) =>
  new AwsError("AlreadyExistsException", `Classifier with name ${name} already exists`);

export const scheduleNotRunning = (name: string) =>
  new AwsError("SchedulerNotRunningException", `The schedule of crawler ${name} is not running`);

/** Not AWS's: it would have done what was asked. */
export const unsupported = (what: string) =>
  new AwsError("InvalidInputException", `${what} is not supported by the local Glue. Leave it out to run locally.`);
