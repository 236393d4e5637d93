/** A private-use character, which no statement may contain: it frames the place of a scan in translated SQL. */
export const MARK = "\u{F8FF}";

const MARKS = new RegExp(`${MARK}(\\d+)${MARK}`, "gu");

/** Where the relation that a scan reads goes. */
export function scanMark(scan: number): string {
  return `${MARK}${scan}${MARK}`;
}

/** The SQL with each scan's relation (a name, or a SELECT in parentheses) in its place. */
export function withScans(sql: string, relation: (scan: number) => string): string {
  return sql.replaceAll(MARKS, (_all, scan: string) => relation(Number(scan)));
}
