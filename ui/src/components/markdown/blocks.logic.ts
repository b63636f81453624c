/**
 * Splits a growing Markdown text into blocks, line by line, each line read once. A block settles when no later text can change it any
 * more, and is frozen then: only the tail is parsed and rendered again as text comes in.
 *
 * **Invariant:** the blocks joined are the text, byte for byte, whatever the chunks were in which it came; and the parser finds in each
 * block what it finds there in the whole text, but for references (`references.logic.ts`). Where a line leaves doubt, it stays in the
 * block before it: a block that is too large costs time, one that is cut costs meaning.
 */
import {
  cellCount,
  detailsTag,
  type Fence,
  footnoteLabel,
  formulaMark,
  indentOf,
  isBlank,
  isClosingFence,
  isDelimiterRow,
  isHeading,
  isQuote,
  isRule,
  type ListMarker,
  listMarker,
  openingFence,
} from "./lines.logic";

export interface Block {
  readonly kind: "prose" | "list" | "code" | "table" | "footnote" | "detailsOpen" | "detailsClose" | "blank";
  readonly text: string;
  /** Of a numbered list, or of a piece of one: the number of its first item. */
  readonly start?: number | undefined;
  /** Of a piece of a table that is not its first: the table's header and the row below it. */
  readonly head?: string | undefined;
  /** Whether it is the rest of a list or table that the block before it began. */
  readonly place: "first" | "continued";
}

export interface Blocks {
  /** Only ever grows while the text grows. */
  readonly settled: readonly Block[];
  /** What may still change; empty once the text is whole. */
  readonly tail: readonly Block[];
}

/** A list is cut before its next item from here on, so that a long one costs only its newest piece. */
const LIST_PIECE_CHARS = 1_500;
/** A table is cut after so many cells or characters, so that laying out a row never means laying out ten thousand. */
export const TABLE_PIECE_CELLS = 500;
const TABLE_PIECE_CHARS = 8_000;
/** Wider tables are not read as tables: a row of one cell would be filled up with all the others. */
const TABLE_COLUMNS_MAX = 64;

/** A block that is being read. */
interface Open {
  kind: Block["kind"];
  lines: string[];
  chars: number;
  fence: Fence | undefined;
  list: ListMarker | undefined;
  /** A formula's mark stood alone on a line and is not closed. */
  formula: "$$" | "\\[" | undefined;
  isAfterBlank: boolean;
  start: number | undefined;
  place: Block["place"];
  items: number;
  head: string | undefined;
  columns: number;
}

/** Remembers how far it has read. For one text; another one starts it over. */
export class BlockSplitter {
  #text = "";
  #isWhole = false;
  #readTo = 0;
  #settled: readonly Block[] = [];
  #open: Open | undefined;
  #blocks: Blocks = { settled: [], tail: [] };

  split(text: string, whole: boolean): Blocks {
    if (text === this.#text && whole === this.#isWhole) return this.#blocks;
    if (this.#isWhole || !text.startsWith(this.#text)) {
      this.#settled = [];
      this.#open = undefined;
      this.#readTo = 0;
    }
    this.#text = text;
    this.#isWhole = whole;
    const closed: Block[] = [];
    const rest = this.#readLines(closed, whole);
    if (whole) {
      if (rest !== "") this.#open = readLine(this.#open, rest, closed);
      close(this.#open, closed);
      this.#open = undefined;
    }
    if (closed.length > 0) this.#settled = [...this.#settled, ...closed];
    this.#blocks = { settled: this.#settled, tail: whole ? [] : tailOf(this.#open, rest) };
    return this.#blocks;
  }

  /** Reads the lines that are complete, and gives what is behind them. */
  #readLines(closed: Block[], whole: boolean): string {
    const text = this.#text;
    while (this.#readTo < text.length) {
      const end = lineEnd(text, this.#readTo);
      // A `\r` at the end of an open text may be the first half of a `\r\n`.
      if (end === -1 || (!whole && end === text.length && text.endsWith("\r"))) break;
      this.#open = readLine(this.#open, text.slice(this.#readTo, end), closed);
      this.#readTo = end;
    }
    return text.slice(this.#readTo);
  }
}

/** The offset behind the line that begins at `from`; -1 where it has no end. */
function lineEnd(text: string, from: number): number {
  LINE_END.lastIndex = from;
  return LINE_END.test(text) ? LINE_END.lastIndex : -1;
}

const LINE_END = /\r\n?|\n/g;

/** The open block with the line that is not complete, as if it were. */
function tailOf(open: Open | undefined, rest: string): readonly Block[] {
  const blocks: Block[] = [];
  const copy = open && { ...open, lines: [...open.lines] };
  close(rest === "" ? copy : readLine(copy, rest, blocks), blocks);
  return blocks;
}

function close(open: Open | undefined, closed: Block[]): void {
  if (!open) return;
  const { kind, lines, start, head, place } = open;
  closed.push({ kind, text: lines.join(""), start, head, place });
}

function begin(kind: Block["kind"], line: string, more: Partial<Open> = {}): Open {
  return {
    kind,
    lines: [line],
    chars: line.length,
    fence: undefined,
    list: undefined,
    formula: undefined,
    isAfterBlank: false,
    start: undefined,
    place: "first",
    items: 1,
    head: undefined,
    columns: 0,
    ...more,
  };
}

function append(open: Open, line: string): Open {
  open.lines.push(line);
  open.chars += line.length;
  open.isAfterBlank = isBlank(line);
  return open;
}

/** Adds one line; pushes the block that it ends, and gives the one that is open then. */
function readLine(open: Open | undefined, line: string, closed: Block[]): Open | undefined {
  if (open?.fence) {
    append(open, line);
    if (!isClosingFence(line, open.fence)) return open;
    close(open, closed);
    return undefined;
  }
  if (isBlank(line)) return readBlank(open, line, closed);
  if (open?.formula !== undefined && (indentOf(line) >= 4 || openingFence(line) === undefined)) {
    append(open, line);
    if (formulaMark(line) !== (open.formula === "$$" ? "$$" : "\\]")) return open;
    close(open, closed);
    return undefined;
  }
  const next = open && !endsBefore(open, line) ? grow(open, line, closed) : undefined;
  if (next) return next;
  // Blank lines before the first block belong to no block.
  close(open, closed);
  return startBlock(line, closed);
}

function readBlank(open: Open | undefined, line: string, closed: Block[]): Open | undefined {
  if (!open) return begin("blank", line);
  const item = listMarker(open.lines.at(-1) ?? "");
  if (open.list && item?.holds === "nothing") open.list = { ...open.list, content: Infinity, contentMin: Infinity };
  append(open, line);
  const goesOn = open.kind === "blank" || open.list !== undefined || open.kind === "footnote" || isIndentedCode(open);
  if (goesOn) return open;
  close(open, closed);
  return undefined;
}

/** Whether the line begins something that ends the open block, whatever that is. */
function endsBefore(open: Open, line: string): boolean {
  const indent = indentOf(line);
  if (open.kind === "blank") return true;
  if (open.isAfterBlank) {
    if ((open.kind === "footnote" || isIndentedCode(open)) && indent < 4) return true;
    const marker = indent < 4 ? listMarker(line) : undefined;
    if (open.list && indent < open.list.contentMin && marker?.mark !== open.list.mark) return true;
  }
  // What belongs to a list's item cannot begin a block of the document.
  if (indent >= (open.list ? Math.min(open.list.content, 4) : 4)) return false;
  if (openingFence(line) !== undefined || isHeading(line) || footnoteLabel(line) !== undefined) return true;
  if (open.kind !== "table" && opensFormula(line) !== undefined) return true;
  if (isQuote(line) && !isQuote(open.lines[0] ?? "")) return true;
  if (open.kind === "list" && isRule(line)) return true;
  return open.kind !== "detailsOpen" && detailsTag(line) !== undefined;
}

/** Adds the line to the open block, or gives nothing where it does not belong there. */
function grow(open: Open, line: string, closed: Block[]): Open | undefined {
  if (open.kind === "detailsOpen") {
    const hasSummary = /<summary>/i.test(open.lines[0] ?? "");
    return hasSummary || open.lines.length > 1 || detailsTag(line)?.type !== "summary" ? undefined : append(open, line);
  }
  if (open.kind === "table") return growTable(open, line, closed);
  const marker = indentOf(line) < 4 ? listMarker(line) : undefined;
  if (marker && (!open.list || indentOf(line) < open.list.contentMin)) return growList(open, line, marker, closed);
  // Only a paragraph goes on at a line that is not indented as its item is.
  const item = open.list && indentOf(line) < open.list.contentMin ? listMarker(open.lines.at(-1) ?? "") : undefined;
  if (item?.holds === "nothing" || item?.holds === "code") return undefined;
  return tableFrom(open, line, closed) ?? append(open, line);
}

function growList(open: Open, line: string, marker: ListMarker, closed: Block[]): Open {
  if (open.kind === "prose" && !open.list && marker.interrupts) {
    close(open, closed);
    return begin("list", line, { list: marker, start: marker.number });
  }
  const isSibling = open.list?.mark === marker.mark;
  if (open.kind === "list" && (!isSibling || open.chars >= LIST_PIECE_CHARS)) {
    const number = isSibling && open.start !== undefined ? open.start + open.items : marker.number;
    close(open, closed);
    return begin("list", line, { list: marker, start: number, place: isSibling ? "continued" : "first" });
  }
  open.list = marker;
  open.items += 1;
  return append(open, line);
}

/** The row below a header makes a table of the line before it. */
function tableFrom(open: Open, line: string, closed: Block[]): Open | undefined {
  const header = open.lines.at(-1);
  if (open.kind !== "prose" || open.list || open.isAfterBlank || header === undefined) return undefined;
  if (!isDelimiterRow(line) || indentOf(line) >= 4 || indentOf(header) >= 4 || isQuote(header)) return undefined;
  const columns = cellCount(line);
  if (columns > TABLE_COLUMNS_MAX || cellCount(header) !== columns || isRule(header) || /^ {0,3}(?:=+|-+)[ \t\r\n]*$/.test(header)) return undefined;
  open.lines.pop();
  if (open.lines.length > 0) close(open, closed);
  return append(begin("table", header, { columns }), line);
}

function growTable(open: Open, line: string, closed: Block[]): Open | undefined {
  const indent = indentOf(line);
  if (indent >= 4 || listMarker(line) || isQuote(line)) return undefined;
  const headLines = open.head === undefined ? 2 : 0;
  if ((open.lines.length - headLines) * open.columns < TABLE_PIECE_CELLS && open.chars < TABLE_PIECE_CHARS) return append(open, line);
  const head = open.head ?? open.lines.slice(0, 2).join("");
  close(open, closed);
  return begin("table", line, { columns: open.columns, head, place: "continued" });
}

function startBlock(line: string, closed: Block[]): Open | undefined {
  const indent = indentOf(line);
  if (indent >= 4) return begin("prose", line);
  const fence = openingFence(line);
  if (fence) return begin("code", line, { fence });
  if (footnoteLabel(line) !== undefined) return begin("footnote", line);
  if (isHeading(line)) {
    closed.push({ kind: "prose", text: line, place: "first" });
    return undefined;
  }
  const details = detailsTag(line);
  if (details?.type === "open") return begin("detailsOpen", line);
  if (details?.type === "close") {
    closed.push({ kind: "detailsClose", text: line, place: "first" });
    return undefined;
  }
  const list = listMarker(line);
  if (list) return begin("list", line, { list, start: list.number });
  return begin("prose", line, { formula: opensFormula(line) });
}

function opensFormula(line: string): "$$" | "\\[" | undefined {
  const mark = formulaMark(line);
  return mark === "\\]" ? undefined : mark;
}

function isIndentedCode(open: Open): boolean {
  return open.kind === "prose" && open.list === undefined && indentOf(open.lines[0] ?? "") >= 4;
}
