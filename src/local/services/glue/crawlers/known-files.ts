import type { Classifier } from "@aws-sdk/client-glue";
import type { Classification } from "./classification.ts";

const MAX_KNOWN = 50_000;

/** What files were found to be in earlier crawls, so that a crawl reads only what is new. */
export class KnownFiles {
  readonly #known = new Map<string, Classification | undefined>();

  /** `identity` is another one when the file is (its ETag is in it); other classifiers may find something else. */
  async find(
    identity: readonly string[],
    classifiers: readonly Classifier[],
    classify: () => Promise<Classification | undefined>,
  ): Promise<Classification | undefined> {
    const versions = classifiers.map(({ CsvClassifier: csv, JsonClassifier: json }) => [
      csv?.Name ?? json?.Name,
      csv?.Version ?? json?.Version,
    ]);
    const key = JSON.stringify([identity, versions]);
    if (this.#known.has(key)) return this.#known.get(key);
    const found = await classify();
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(key, found);
    return found;
  }
}
