import { existsSync, globSync, readFileSync, readdirSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { definitionSchema } from "../src/definition/schema.ts";
import { loadPipeline } from "../src/etl/compile/load-pipeline.ts";
import { FILE_REASONS, RECORD_REASONS } from "../src/plan/reject-reasons.ts";
import { EXIT } from "../src/cli/user-error.ts";
import { type Page, anchors, readPage } from "./support/markdown.ts";
import { referencePages } from "./support/reference.ts";

const ROOT = path.resolve(import.meta.dirname, "..");
const PAGES: readonly Page[] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]
  .concat(globSync("docs/**/*.md", { cwd: ROOT }))
  .toSorted()
  .map((name) => readPage(ROOT, name));

/** Everything that a page shows as code. */
function* codeOf(page: Page): Generator<string> {
  yield* page.spans;
  for (const { text } of page.blocks) yield text;
}

/** What a reader may type. */
function* shellOf({ spans, blocks }: Page): Generator<string> {
  yield* spans;
  for (const { language, text } of blocks) if (language === "sh") yield* text.split("\n");
}

function page(name: string): Page {
  const found = PAGES.find((one) => one.name === name);
  if (!found) throw new Error(`there is no page ${name}`);
  return found;
}

describe("what pages name exists", () => {
  test("paths of the repository", () => {
    const missing = PAGES.flatMap((one) =>
      [...codeOf(one)]
        .flatMap((text) => [...text.matchAll(/(?<![\w./-])(?:src|test|docs|examples|bench)\/[\w./<>*{},-]*/g)])
        .map(([match]) => match.replace(/[.,]+$/, ""))
        // What a runtime leaves is not of the repository.
        .filter((named) => !named.includes("/.millrace/"))
        .filter((named) => globSync(named.replaceAll(/<[^>]*>/g, "*"), { cwd: ROOT }).length === 0)
        .map((named) => `${one.name}: ${named}`),
    );
    expect(missing).toEqual([]);
  });

  test("relative links, with the headings they point to", () => {
    const broken = PAGES.flatMap((one) =>
      one.links.filter((link) => !/^[a-z]+:/.test(link) && !leads(one, link)).map((link) => `${one.name}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  test("npm scripts", async () => {
    const { scripts } = JSON.parse(await readFile(path.join(ROOT, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    const missing = PAGES.flatMap((one) =>
      [...codeOf(one)]
        .flatMap((text) => [...text.matchAll(/\bnpm (?:run (?:-s )?([\w:-]+)|(start|test)\b)/g)])
        .map(([, named, short]) => named ?? short ?? "")
        .filter((script) => !(script in scripts))
        .map((script) => `${one.name}: npm run ${script}`),
    );
    expect(missing).toEqual([]);
  });
});

function leads(from: Page, link: string): boolean {
  const [file = "", anchor] = link.split("#");
  const target = path.resolve(ROOT, path.dirname(from.name), file);
  if (file !== "" && !existsSync(target)) return false;
  if (anchor === undefined) return true;
  return anchors(file === "" ? from : readPage(ROOT, path.relative(ROOT, target))).includes(anchor);
}

describe("the command line", async () => {
  const commands = new Map<string, Command>();
  for (const file of readdirSync(path.join(ROOT, "src/cli/commands"))) {
    const module = (await import(`../src/cli/commands/${file.slice(0, -3)}.ts`)) as { command: () => Command };
    const command = module.command();
    commands.set(command.name(), command);
  }
  const flags = (command: Command | undefined) =>
    command?.options.flatMap(({ short, long }) => [short, long].filter((flag) => flag !== undefined)) ?? [];
  /** Of the program, and of tools that pages show beside ours. */
  const OTHERS = ["--help", "--version", "--app", "--endpoint-url"];

  test("every command that a page shows exists, and has the options shown with it", () => {
    const wrong = PAGES.flatMap((one) =>
      [...shellOf(one)]
        .flatMap((line) => [...line.matchAll(/(?:^|\bnpm run (?:-s )?)millrace (?:-- )?((?:--)?[a-z]\S*)(.*)/g)])
        .flatMap(([shown, name = "", rest = ""]) => {
          if (name.startsWith("--")) return OTHERS.includes(name) ? [] : [shown];
          const unquoted = rest.replaceAll(/"[^"]*"/g, "");
          const used = [...unquoted.matchAll(/(?<=\s)--?[a-z][a-z-]*/g)].map(([flag]) => flag);
          const known = flags(commands.get(name));
          return commands.has(name) && used.every((flag) => known.includes(flag)) ? [] : [shown];
        })
        .map((shown) => `${one.name}: ${shown}`),
    );
    expect(wrong).toEqual([]);
  });

  test("every option that a page names alone is one of some command", () => {
    const known = [...OTHERS, ...[...commands.values()].flatMap(flags)];
    const wrong = PAGES.flatMap((one) =>
      one.spans
        .filter((span) => /^--?[a-z]/.test(span) && !known.includes(span.split(" ")[0] ?? ""))
        .map((span) => `${one.name}: ${span}`),
    );
    expect(wrong).toEqual([]);
  });

  test("the guide has every command with its options, and every exit code", () => {
    const guide = page("docs/guide/cli.md");
    const common = guide.text.slice(0, guide.text.indexOf("\n## Exit codes"));
    const missing = [...commands].flatMap(([name, command]) => {
      const section = new RegExp(`\\n## millrace ${name}\\n([^]*?)(?=\\n## |$)`).exec(guide.text)?.[1] ?? "";
      const long = command.options.flatMap((option) => option.long ?? []);
      return long
        .filter((flag) => !`${common}${section}`.includes(`\`${flag}\``))
        .map((flag) => `millrace ${name} ${flag}`);
    });
    expect(missing).toEqual([]);
    for (const code of Object.values(EXIT)) expect(guide.text).toMatch(new RegExp(`^\\| ${code} +\\|`, "m"));
  });
});

describe("the definition", () => {
  test("the guide has every field", () => {
    const { spans } = page("docs/guide/definition.md");
    const named = spans.flatMap((span) => span.split("."));
    expect(fieldsOf(definitionSchema).filter((field) => !named.includes(field))).toEqual([]);
  });

  test("the guide has every reason of a reject in the words of the code", () => {
    const { text } = page("docs/guide/definition.md");
    const rows = text.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
    const missing = Object.entries({ ...RECORD_REASONS, ...FILE_REASONS }).filter(([reason, because]) => {
      const written = rows.filter(([, first]) => first === `\`${reason}\``).map(([, , second = ""]) => second);
      return !written.some((words) => words.replaceAll("`", "").includes(because));
    });
    expect(missing).toEqual([]);
  });

  const shown = PAGES.flatMap((one) =>
    one.blocks
      .filter(({ text }) => text.includes("export default definePipeline(") || text.startsWith("name: "))
      .map(({ language, text }, index) => ({ name: `${one.name} ${index + 1}`, language, text })),
  );

  test.each(shown)("the definition shown compiles: $name", async ({ language, text }) => {
    const directory = await mkdtemp(path.join(tmpdir(), "millrace-docs-"));
    try {
      await writeFile(path.join(directory, `millrace.config.${language}`), text);
      const { plan } = await loadPipeline(directory);
      expect(Object.keys(plan.datasets)).not.toEqual([]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  test("definitions are shown at all", () => {
    expect(shown.map(({ language }) => language)).toEqual(expect.arrayContaining(["ts", "yaml"]));
  });
});

/** Names of the members at every level that a user writes. */
function fieldsOf(schema: z.core.$ZodType): string[] {
  if (schema instanceof z.ZodObject) {
    const members: Record<string, z.core.$ZodType> = schema.shape;
    return Object.entries(members).flatMap(([name, member]) => [name, ...fieldsOf(member)]);
  }
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(fieldsOf);
  if (schema instanceof z.ZodRecord) return fieldsOf(schema.valueType);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return fieldsOf(schema.unwrap());
  if (schema instanceof z.ZodPipe) return fieldsOf(schema.in);
  return [];
}

test("the diagram of the README is ARCHITECTURE's", () => {
  const diagram = (name: string) =>
    page(name).blocks.find(({ text }) => text.includes("SourceBucket ──event──>"))?.text;
  expect(diagram("README.md")).toBeDefined();
  expect(diagram("README.md")).toBe(diagram("ARCHITECTURE.md"));
});

test("generated pages are what the code says (npm run docs writes them)", async () => {
  const pages = await referencePages();
  const written = Object.keys(pages).map((name) => [name, readFileSync(path.join(ROOT, name), "utf8")]);
  expect(Object.fromEntries(written)).toEqual(pages);
});
