import type { GetCrawlerCommandOutput, LastCrawlInfo } from "@aws-sdk/client-glue";
import { AwsError } from "../../src/local/service.ts";

/**
 * A crawler whose crawls end when the test says so: what the functions see of one, its states and its refusal to start
 * twice. What a crawl finds is the business of the crawlers' own tests.
 */
export class HandCrawler {
  state: "READY" | "RUNNING" | "STOPPING" = "READY";
  last: LastCrawlInfo | undefined;
  starts = 0;
  #began = new Date(0);

  readonly operations = {
    GetCrawler: (): Omit<GetCrawlerCommandOutput, "$metadata"> => ({
      Crawler: { Name: "crawler", State: this.state, LastCrawl: this.last },
    }),
    StartCrawler: () => {
      if (this.state !== "READY") {
        throw new AwsError("CrawlerRunningException", "Crawler with name crawler has already started");
      }
      this.state = "RUNNING";
      this.starts++;
      // No two crawls begin in the same instant.
      this.#began = new Date(Math.max(Date.now(), this.#began.getTime() + 1));
      return {};
    },
  };

  end(Status: "SUCCEEDED" | "FAILED"): void {
    if (this.state === "READY") throw new Error("no crawl is running");
    this.state = "READY";
    this.last = { Status, StartTime: this.#began, ErrorMessage: Status === "FAILED" ? "Access Denied" : undefined };
  }
}
