import type { Principal, ServiceDeps } from "../../../service.ts";

const LOG_GROUP = "/aws-glue/crawlers";

/** A crawl's lines in CloudWatch Logs, written as the crawler's role. A role that may not write logs loses them. */
export class CrawlLog {
  readonly #deps: ServiceDeps;
  readonly #principal: Principal;
  readonly #crawler: string;
  readonly #crawlId: string;
  readonly #lines: { timestamp: number; message: string }[] = [];

  constructor(deps: ServiceDeps, principal: Principal, crawler: string, crawlId: string) {
    this.#deps = deps;
    this.#principal = principal;
    this.#crawler = crawler;
    this.#crawlId = crawlId;
  }

  write(message: string): void {
    const line = `[${this.#crawlId}] ${message}`;
    this.#lines.push({ timestamp: this.#deps.clock.now(), message: line });
    this.#deps.trace.emit({ type: "log", logGroup: LOG_GROUP, logStream: this.#crawler, message: line });
  }

  async flush(): Promise<void> {
    const { bus } = this.#deps;
    const stream = { logGroupName: LOG_GROUP, logStreamName: this.#crawler };
    const existing = (error: unknown) => {
      if (!(error instanceof Error) || error.name !== "ResourceAlreadyExistsException") throw error;
    };
    try {
      await bus.call("logs:CreateLogGroup", { logGroupName: LOG_GROUP }, this.#principal).catch(existing);
      await bus.call("logs:CreateLogStream", stream, this.#principal).catch(existing);
      await bus.call("logs:PutLogEvents", { ...stream, logEvents: this.#lines }, this.#principal);
    } catch (error) {
      this.#deps.trace.emit({ type: "internal-error", where: `log of crawler ${this.#crawler}`, error: String(error) });
    }
  }
}
