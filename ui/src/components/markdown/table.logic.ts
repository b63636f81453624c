import { type Block, TABLE_PIECE_CELLS } from "./blocks.logic";
import { cellCount } from "./lines.logic";

/** Rows that are parsed together, under the table's header. */
export interface RowGroup {
  readonly source: string;
  readonly shows: "all" | "body";
}

/** The most cells in a group, unless a single row has more. */
const GROUP_CELLS = 100;

/** The groups of a table's rows. As the table grows, all groups but the last stay the same. Long tables have columns of equal width. */
export function rowGroups({ text, head }: Block): { groups: readonly RowGroup[]; layout: "fitted" | "even" } {
  const lines = text.trimEnd().split(/\r\n?|\n/);
  const header = head === undefined ? lines.slice(0, 2) : head.trimEnd().split(/\r\n?|\n/);
  const rows = head === undefined ? lines.slice(2) : lines;
  const columns = Math.max(1, cellCount(header[1] ?? ""));
  const size = Math.max(1, Math.floor(GROUP_CELLS / columns));
  const groups: RowGroup[] = [];
  for (let from = 0; from < Math.max(1, rows.length); from += size) {
    const source = [...header, ...rows.slice(from, from + size)].join("\n");
    groups.push({ source, shows: head === undefined && from === 0 ? "all" : "body" });
  }
  const isLong = head !== undefined || rows.length * columns >= TABLE_PIECE_CELLS;
  return { groups, layout: isLong ? "even" : "fitted" };
}
