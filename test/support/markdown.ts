import { readFileSync } from "node:fs";
import path from "node:path";

/** A page of Markdown, taken apart as far as checks need it. */
export interface Page {
  /** Path in the repository. */
  readonly name: string;
  readonly text: string;
  readonly blocks: readonly { readonly language: string; readonly text: string }[];
  /** Code within lines. */
  readonly spans: readonly string[];
  /** Targets of links. */
  readonly links: readonly string[];
}

const FENCE = /^```(\w*)\n([^]*?)^```$/gm;

export function readPage(root: string, name: string): Page {
  const text = readFileSync(path.join(root, name), "utf8");
  const prose = text.replaceAll(FENCE, "");
  return {
    name,
    text,
    blocks: [...text.matchAll(FENCE)].map(([, language = "", code = ""]) => ({ language, text: code })),
    spans: [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code),
    links: [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target),
  };
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchors({ text }: Page): string[] {
  return [...text.replaceAll(FENCE, "").matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
