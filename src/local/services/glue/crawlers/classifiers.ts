import type {
  Classifier,
  CreateClassifierCommandInput,
  CreateCsvClassifierRequest,
  DeleteClassifierCommandInput,
  GetClassifierCommandInput,
  GetClassifiersCommandInput,
  UpdateClassifierCommandInput,
} from "@aws-sdk/client-glue";
import type { ServiceDeps } from "../../../service.ts";
import { invalidInput } from "../catalog/errors.ts";
import { classifierExists, classifierNotFound, unsupported } from "./errors.ts";
import type { CrawlerStore } from "./store.ts";

/** Custom classifiers: CSV, and JSON with the path `$[*]`. */
export class Classifiers {
  readonly #deps: ServiceDeps;
  readonly #store: CrawlerStore;

  constructor(deps: ServiceDeps, store: CrawlerStore) {
    this.#deps = deps;
    this.#store = store;
  }

  create(input: CreateClassifierCommandInput): object {
    const name = nameOf(input);
    if (this.#store.classifier(name)) throw classifierExists(name);
    this.#put(name, input, undefined);
    return {};
  }

  update(input: UpdateClassifierCommandInput): object {
    const name = nameOf(input);
    this.#put(name, input, this.find(name));
    return {};
  }

  get(input: GetClassifierCommandInput): { Classifier: Classifier } {
    return { Classifier: this.find(input.Name ?? "") };
  }

  list(input: GetClassifiersCommandInput): { Classifiers: Classifier[]; NextToken?: string } {
    const all = this.#store.classifiers().filter((classifier) => nameOf(classifier) > (input.NextToken ?? ""));
    const page = all.slice(0, input.MaxResults ?? 100);
    const last = page.at(-1);
    return { Classifiers: page, NextToken: last && page.length < all.length ? nameOf(last) : undefined };
  }

  delete(input: DeleteClassifierCommandInput): object {
    if (!this.#store.deleteClassifier(input.Name ?? "")) throw classifierNotFound(input.Name ?? "");
    return {};
  }

  find(name: string): Classifier {
    const classifier = this.#store.classifier(name);
    if (!classifier) throw classifierNotFound(name);
    return classifier;
  }

  #put(
    name: string,
    input: CreateClassifierCommandInput | UpdateClassifierCommandInput,
    before: Classifier | undefined,
  ): void {
    if (input.GrokClassifier) throw unsupported("GrokClassifier");
    if (input.XMLClassifier) throw unsupported("XMLClassifier");
    const now = new Date(this.#deps.clock.now());
    const old = before?.CsvClassifier ?? before?.JsonClassifier;
    const stamps = { CreationTime: old?.CreationTime ?? now, LastUpdated: now, Version: (old?.Version ?? 0) + 1 };
    if (input.CsvClassifier) {
      checkCsv(input.CsvClassifier);
      this.#store.putClassifier(name, {
        CsvClassifier: { ...before?.CsvClassifier, ...input.CsvClassifier, ...stamps, Name: name },
      });
    } else if (input.JsonClassifier) {
      const path = input.JsonClassifier.JsonPath ?? before?.JsonClassifier?.JsonPath;
      if (path !== "$[*]") throw unsupported(`JsonClassifier with the path ${path} (only $[*] is)`);
      this.#store.putClassifier(name, { JsonClassifier: { JsonPath: path, ...stamps, Name: name } });
    }
  }
}

function checkCsv(csv: Partial<CreateCsvClassifierRequest>): void {
  if (csv.CustomDatatypeConfigured || csv.CustomDatatypes?.length)
    throw unsupported("CsvClassifier with CustomDatatypes");
  for (const member of ["Delimiter", "QuoteSymbol"] as const) {
    const value = csv[member];
    if (value !== undefined && Array.from(value).length !== 1)
      throw invalidInput(`${member} must be exactly one character.`);
  }
  if (csv.Delimiter !== undefined && csv.Delimiter === csv.QuoteSymbol) {
    throw invalidInput("Delimiter and QuoteSymbol must be different.");
  }
}

type Kind = "CsvClassifier" | "JsonClassifier" | "GrokClassifier" | "XMLClassifier";

function nameOf(input: Partial<Record<Kind, { Name: string | undefined }>>): string {
  const given = [input.CsvClassifier, input.JsonClassifier, input.GrokClassifier, input.XMLClassifier].filter(
    (one) => one !== undefined,
  );
  const [only] = given;
  if (!only?.Name || given.length !== 1)
    throw invalidInput("Exactly one kind of classifier must be given, with its name.");
  return only.Name;
}
