/**
 * Splits a growing Markdown text into blocks, line by line, reading each line once. A block settles when no later text can change it, and
 * is then frozen: only the tail is parsed and rendered again as text arrives.
 *
 * **Invariant:** the joined blocks are the text, byte for byte, whatever chunks it arrived in; and the parser finds the same in each block
 * as it finds there in the whole text, except for references (`references.logic.ts`). A line in doubt stays in the block before it: a block
 * that is too large costs time, a block that is cut loses meaning.
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
  /** For a numbered list, or a piece of one: the number of its first item. */
  readonly start?: number | undefined;
  /** For a continued piece of a table: the table's header and the delimiter row below it. */
  readonly head?: string | undefined;
  /** Whether it continues the list or table of the block before it. */
  readonly place: "first" | "continued";
}

export interface Blocks {
  /** Only grows, as long as the text does. */
  readonly settled: readonly Block[];
  /** The blocks that may still change; empty once the text is whole. */
  readonly tail: readonly Block[];
}

/** From this length on, a list is cut before its next item, so that a long list costs only its newest piece. */
const LIST_PIECE_CHARS = 1_500;
/** A table is cut after this many cells or characters, so that a new row never means laying out ten thousand. */
export const TABLE_PIECE_CELLS = 500;
const TABLE_PIECE_CHARS = 8_000;
/** Wider tables are not read as tables: a row of one cell would be padded to the full width. */
const TABLE_COLUMNS_MAX = 64;

/** A block that is still being read. */
interface Open {
  kind: Block["kind"];
  lines: string[];
  chars: number;
  fence: Fence | undefined;
  list: ListMarker | undefined;
  /** The opening mark of a formula that was alone on its line and is not closed. */
  formula: "$$" | "\\[" | undefined;
  isAfterBlank: boolean;
  start: number | undefined;
  place: Block["place"];
  items: number;
  head: string | undefined;
  columns: number;
}

/** Splits one text and remembers how far it has read; a different text starts over. */
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

  /** Reads the complete lines, and returns the text after them. */
  #readLines(closed: Block[], whole: boolean): string {
    const text = this.#text;
    while (this.#readTo < text.length) {
      const end = lineEnd(text, this.#readTo);
      // A `\r` at the end of a growing text may be the first half of a `\r\n`.
      if (end === -1 || (!whole && end === text.length && text.endsWith("\r"))) break;
      this.#open = readLine(this.#open, text.slice(this.#readTo, end), closed);
      this.#readTo = end;
    }
    return text.slice(this.#readTo);
  }
}

/** The offset after the line that begins at `from`, including its line end; -1 if the line has no end yet. */
function lineEnd(text: string, from: number): number {
  LINE_END.lastIndex = from;
  return LINE_END.test(text) ? LINE_END.lastIndex : -1;
}

const LINE_END = /\r\n?|\n/g;

/** The open block together with the incomplete line, read as if it were complete. */
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

/** Reads one line. Pushes the block that it ends, and returns the block that is then open. */
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

/** Whether the line begins something that ends the open block, whatever kind that is. */
function endsBefore(open: Open, line: string): boolean {
  const indent = indentOf(line);
  if (open.kind === "blank") return true;
  if (open.isAfterBlank) {
    if ((open.kind === "footnote" || isIndentedCode(open)) && indent < 4) return true;
    const marker = indent < 4 ? listMarker(line) : undefined;
    if (open.list && indent < open.list.contentMin && marker?.mark !== open.list.mark) return true;
  }
  // Content of a list item cannot begin a block of the document.
  if (indent >= (open.list ? Math.min(open.list.content, 4) : 4)) return false;
  if (openingFence(line) !== undefined || isHeading(line) || footnoteLabel(line) !== undefined) return true;
  if (open.kind !== "table" && opensFormula(line) !== undefined) return true;
  if (isQuote(line) && !isQuote(open.lines[0] ?? "")) return true;
  if (open.kind === "list" && isRule(line)) return true;
  return open.kind !== "detailsOpen" && detailsTag(line) !== undefined;
}

/** Adds the line to the open block; returns undefined if it does not belong there. */
function grow(open: Open, line: string, closed: Block[]): Open | undefined {
  if (open.kind === "detailsOpen") {
    const hasSummary = /<summary>/i.test(open.lines[0] ?? "");
    return hasSummary || open.lines.length > 1 || detailsTag(line)?.type !== "summary" ? undefined : append(open, line);
  }
  if (open.kind === "table") return growTable(open, line, closed);
  const marker = indentOf(line) < 4 ? listMarker(line) : undefined;
  if (marker && (!open.list || indentOf(line) < open.list.contentMin)) return growList(open, line, marker, closed);
  // After an item, only a paragraph continues with a line that is indented less than the item.
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

/** Turns the line before a delimiter row into the header of a table. */
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
