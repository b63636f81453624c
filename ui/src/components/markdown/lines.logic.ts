/** What a line of Markdown may begin, judged by the line alone. No regular expression here visits a character more than a few times. */

/** The columns of white space before the text; a tab goes to the next multiple of four. */
export function indentOf(line: string): number {
  let columns = 0;
  for (const character of line) {
    if (character === " ") columns += 1;
    else if (character === "\t") columns += 4 - (columns % 4);
    else break;
  }
  return columns;
}

export function isBlank(line: string): boolean {
  return !/\S/.test(line);
}

export interface Fence {
  readonly mark: "`" | "~";
  readonly length: number;
  readonly indent: number;
}

/** The fence that opens a code block. */
export function openingFence(line: string): Fence | undefined {
  const [, marks] = /^[ \t]*(`{3,}|~{3,})/.exec(line) ?? [];
  if (marks === undefined) return undefined;
  const mark = marks.startsWith("`") ? "`" : "~";
  if (mark === "`" && line.slice(line.indexOf(marks) + marks.length).includes("`")) return undefined;
  return { mark, length: marks.length, indent: indentOf(line) };
}

export function isClosingFence(line: string, fence: Fence): boolean {
  const [, marks] = /^ {0,3}(`{3,}|~{3,})[ \t\r\n]*$/.exec(line) ?? [];
  return marks !== undefined && marks.startsWith(fence.mark) && marks.length >= fence.length;
}

export interface ListMarker {
  /** Items with the same mark belong to one list: `-`, `+`, `*`, `.` or `)`. */
  readonly mark: string;
  /** The column at which the item's content begins. */
  readonly content: number;
  /** The fewest columns by which a later line must be indented to belong to the item. */
  readonly contentMin: number;
  readonly number: number | undefined;
  /** What follows the marker. A blank line ends an item that holds nothing yet. */
  readonly holds: "text" | "code" | "nothing";
  /** Whether such an item can interrupt a paragraph above it. */
  readonly interrupts: boolean;
}

export function listMarker(line: string): ListMarker | undefined {
  const [all, space, bullet, digits, mark] = /^([ \t]*)(?:([-+*])|(\d{1,9})([.)]))(?=[ \t\r\n]|$)/.exec(line) ?? [];
  const mayBeRule = bullet === "-" || bullet === "*";
  if (all === undefined || (mayBeRule && isRule(line))) return undefined;
  const contentMin = indentOf(space ?? "") + all.length - (space ?? "").length + 1;
  const behind = line.slice(all.length);
  const gap = indentOf(`${" ".repeat((contentMin - 1) % 4)}${behind}`) - ((contentMin - 1) % 4);
  const content = isBlank(behind) || gap > 4 ? contentMin : contentMin - 1 + gap;
  const number = digits === undefined ? undefined : Number(digits);
  const holds = isBlank(behind) ? "nothing" : gap > 4 ? "code" : "text";
  const interrupts = holds !== "nothing" && (number === undefined || number === 1);
  return { mark: bullet ?? mark ?? "", content, contentMin, number, holds, interrupts };
}

/** Whether a line is a thematic break: `---`, `* * *`. */
export function isRule(line: string): boolean {
  const marks = line.replace(/[ \t\r\n]/g, "");
  return marks.length >= 3 && (isOnly(marks, "-") || isOnly(marks, "*") || isOnly(marks, "_"));
}

function isOnly(text: string, mark: string): boolean {
  for (const character of text) if (character !== mark) return false;
  return true;
}

export function isQuote(line: string): boolean {
  return /^[ \t]*>/.test(line);
}

export function isHeading(line: string): boolean {
  return /^ {0,3}#{1,6}(?:[ \t\r\n]|$)/.test(line);
}

/** A formula's mark that is alone on its line. */
export function formulaMark(line: string): "\\[" | "\\]" | "$$" | undefined {
  const mark = line.trim();
  return mark === "\\[" || mark === "\\]" || mark === "$$" ? mark : undefined;
}

export function footnoteLabel(line: string): string | undefined {
  return /^ {0,3}\[\^([^\]\s[]{1,200})\]:/.exec(line)?.[1];
}

export interface LinkDefinition {
  readonly label: string;
  readonly url: string;
  readonly title: string | undefined;
}

/** A definition on one line: `[label]: address "title"`. */
export function linkDefinition(line: string): LinkDefinition | undefined {
  const [, label, angled, bare, title] =
    /^ {0,3}\[([^\]\r\n[^][^\]\r\n[]{0,200})\]:[ \t]*(?:<([^<>\r\n]*)>|([^\s<]\S*))(?:[ \t]+("[^"]*"|'[^']*'|\([^()]*\)))?[ \t\r\n]*$/.exec(line) ?? [];
  const url = angled ?? bare;
  return label === undefined || isBlank(label) || url === undefined ? undefined : { label, url, title: title?.slice(1, -1) };
}

/** The number of cells in a table row. */
export function cellCount(line: string): number {
  const row = line.trim();
  let pipes = 0;
  let last = -1;
  for (let at = 0; at < row.length; at += 1) {
    if (row[at] === "\\" && (row[at + 1] === "\\" || row[at + 1] === "|")) at += 1;
    else if (row[at] === "|") {
      pipes += 1;
      last = at;
    }
  }
  return pipes + 1 - (row.startsWith("|") ? 1 : 0) - (row.length > 1 && last === row.length - 1 ? 1 : 0);
}

/** Whether a line is the delimiter row below a table's header: `|---|:-:|`. */
export function isDelimiterRow(line: string): boolean {
  if (!/^[|:\- \t\r\n]*$/.test(line) || !line.includes("|")) return false;
  const cells = line.trim().replace(/^\|/, "").replace(/\|$/, "").split("|");
  return cells.every((cell) => /^:?-+:?$/.test(cell.trim()));
}

export type DetailsTag = { type: "open"; summary: string | undefined } | { type: "summary"; summary: string } | { type: "close" };

/** `<details>`, with its `<summary>` on the same line or the next one, and `</details>`; each alone on its line and without attributes. */
export function detailsTag(line: string): DetailsTag | undefined {
  const tag = line.trim();
  if (!/^<\/?(?:details|summary)>/i.test(tag)) return undefined;
  if (/^<\/details>$/i.test(tag)) return { type: "close" };
  if (/^<details>$/i.test(tag)) return { type: "open", summary: undefined };
  const [, details, summary] = /^(<details>)?\s*<summary>([^<]*)<\/summary>$/i.exec(tag) ?? [];
  if (summary === undefined) return undefined;
  return details === undefined ? { type: "summary", summary: summary.trim() } : { type: "open", summary: summary.trim() };
}
