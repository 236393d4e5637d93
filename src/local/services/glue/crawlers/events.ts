import type { ServiceDeps } from "../../../service.ts";
import type { CrawlSummary } from "./catalog-writer.ts";

export type CrawlAnnouncement =
  | { state: "Started"; startTime: Date }
  | { state: "Succeeded"; summary: CrawlSummary; seconds: number; completed: Date }
  | { state: "Failed"; message: string; seconds: number; completed: Date };

/**
 * "Glue Crawler State Change" on the default bus; every value is a string, as on AWS.
 * https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html
 */
export function announceCrawl(deps: ServiceDeps, crawlerName: string, announcement: CrawlAnnouncement): void {
  const { account, region } = deps.environment;
  const detail = {
    accountId: account,
    crawlerName,
    state: announcement.state,
    ...details(announcement, region, crawlerName),
  };
  const release = deps.clock.hold();
  deps.bus
    .call(
      "events:PutEvents",
      {
        Entries: [
          {
            Source: "aws.glue",
            DetailType: "Glue Crawler State Change",
            Detail: JSON.stringify(detail),
            Resources: [],
          },
        ],
      },
      {
        kind: "service",
        service: "glue.amazonaws.com",
        sourceArn: `arn:aws:glue:${region}:${account}:crawler/${crawlerName}`,
      },
    )
    .catch((error: unknown) =>
      deps.trace.emit({ type: "internal-error", where: "glue crawler events", error: String(error) }),
    )
    .finally(release);
}

function details(announcement: CrawlAnnouncement, region: string, crawler: string): Record<string, string> {
  const cloudWatchLogLink = `https://console.aws.amazon.com/cloudwatch/home?region=${region}#logEventViewer:group=/aws-glue/crawlers;stream=${crawler}`;
  switch (announcement.state) {
    case "Started":
      return { message: "Crawler Started", startTime: seconds(announcement.startTime) };
    case "Succeeded":
      return {
        message: "Crawler Succeeded",
        warningMessage: "N/A",
        ...Object.fromEntries(Object.entries(announcement.summary).map(([name, count]) => [name, String(count)])),
        "runningTime (sec)": String(announcement.seconds),
        completionDate: seconds(announcement.completed),
        cloudWatchLogLink,
      };
    case "Failed":
      return {
        message: "Crawler Failed",
        errorMessage: announcement.message,
        "runningTime (sec)": String(announcement.seconds),
        completionDate: seconds(announcement.completed),
        cloudWatchLogLink,
      };
  }
}

function seconds(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/u, "Z");
}
