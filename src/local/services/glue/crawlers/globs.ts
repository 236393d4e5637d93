/**
 * Exclusion patterns, relative to the include path: `*` within a name, `**` across folders, `?`, `[a-c]`, `[!a]`,
 * `{a,b}`, `\` escapes. https://docs.aws.amazon.com/glue/latest/dg/define-crawler.html#crawler-data-stores-exclude
 */
export function globPattern(glob: string): RegExp {
  let source = "";
  let inBraces = false;
  for (let at = 0; at < glob.length; at++) {
    const character = glob[at] as string;
    switch (character) {
      case "*":
        if (glob[at + 1] === "*") {
          source += ".*";
          at++;
        } else {
          source += "[^/]*";
        }
        break;
      case "?":
        source += "[^/]";
        break;
      case "\\":
        source += literal(glob[++at] ?? "\\");
        break;
      case "[": {
        const end = glob.indexOf("]", at + 2);
        if (end === -1) {
          source += literal(character);
          break;
        }
        const content = glob.slice(at + 1, end);
        const negated = content.startsWith("!");
        const set = (negated ? content.slice(1) : content).replaceAll(/[\\\]^]/gu, String.raw`\$&`);
        source += `[${negated ? "^/" : ""}${set}]`;
        at = end;
        break;
      }
      case "{":
        source += "(?:";
        inBraces = true;
        break;
      case "}":
        source += inBraces ? ")" : literal(character);
        inBraces = false;
        break;
      case ",":
        source += inBraces ? "|" : ",";
        break;
      default:
        source += literal(character);
    }
  }
  return new RegExp(`^${source}$`, "su");
}

function literal(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/]/u, String.raw`\$&`);
}
