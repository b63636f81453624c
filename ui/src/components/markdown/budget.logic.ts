/**
 * The budget of a block. Markdown parsers, including ours, need quadratic time for some inputs and deep stacks for others, and a short
 * table can ask for a million cells. So each block is estimated in one pass over its characters before a parser sees it, and a block over
 * the budget is shown as plain text.
 *
 * One unit is about the cost of parsing, rendering and laying out one character of ordinary prose.
 */
import { longestMarkedWord } from "./words.logic";

/** A block that costs more is shown as text. Twelve pages of prose without a blank line cost less. */
export const BLOCK_COST_MAX = 32_000;
/** A growing block is parsed in each frame, so its budget is much smaller. */
export const TAIL_COST_MAX = 8_000;
/** The nesting depth of quotes and lists. People nest four or five deep. */
export const DEPTH_MAX = 20;

/** Each adds an element to the screen, with all that its line or cell needs. */
const LINE_COST = 30;
const CELL_COST = 25;
const FORMULA_COST = 150;
/** An address is found, cut and checked several times on its way. */
const ADDRESS_COST = 25;
/** For a mark that may begin something: the parser tries it, and often creates an element. */
const MARK_COST = 8;
/** Divisors of squared counts: n marks of a kind cost n² / divisor more units. Measured with the corpus of `test/markdown/hostile.ts`. */
const EMPHASIS_SQUARE = 150;
const BRACKET_SQUARE = 100;
const TARGET_SQUARE = 5;
const TICK_SQUARE = 150;
/** A layout cost, not a parsing cost: see `words.logic.ts`. */
const MARKED_WORD_SQUARE = 30;

/**
 * The budget of all blocks of a document, so that ten thousand small ones do not fill the memory: a base amount, and an amount for each
 * character. Ordinary documents cost about four units per character.
 */
export const DOCUMENT_COST_MAX = 400_000;
export const DOCUMENT_COST_PER_CHAR_MAX = 6;

export type Budget = "block" | "tail";

export function isAffordable(text: string, budget: Budget): boolean {
  const max = budget === "tail" ? TAIL_COST_MAX : BLOCK_COST_MAX;
  return text.length <= max && isWithin(text, costOf(text), max);
}

/** Whether a text with this estimate may be parsed. */
export function isWithin(text: string, estimate: number, max: number): boolean {
  return estimate <= max && !isDeep(text);
}

interface Marks {
  emphasis: number;
  brackets: number;
  /** `](` and `![`: the parser may read on to the end in search of the closing mark of each. */
  targets: number;
  ticks: number;
  formulas: number;
  /** `<`, `&`, `\\` and tabs, which cost only the mark itself. */
  others: number;
  /** `://`, `www.` and `@`. */
  addresses: number;
}

/** Estimates the cost of a block, in units. */
export function costOf(text: string): number {
  const { emphasis, brackets, targets, ticks, formulas, others, addresses } = countMarks(text);
  const { lines, cells } = countCells(text);
  return (
    text.length +
    lines * LINE_COST +
    cells * CELL_COST +
    formulas * FORMULA_COST +
    addresses * ADDRESS_COST +
    (emphasis + brackets + ticks + others) * MARK_COST +
    emphasis ** 2 / EMPHASIS_SQUARE +
    brackets ** 2 / BRACKET_SQUARE +
    targets ** 2 / TARGET_SQUARE +
    ticks ** 2 / TICK_SQUARE +
    longestMarkedWord(text) ** 2 / MARKED_WORD_SQUARE
  );
}

function countMarks(text: string): Marks {
  const marks: Marks = { emphasis: 0, brackets: 0, targets: 0, ticks: 0, formulas: 0, others: 0, addresses: 0 };
  for (let at = 0; at < text.length; at += 1) {
    const next = text[at + 1];
    switch (text[at]) {
      case "*":
      case "_":
      case "~":
        marks.emphasis += 1;
        break;
      case "[":
        marks.brackets += 1;
        break;
      case "]":
        marks.brackets += 1;
        if (next === "(") marks.targets += 1;
        break;
      case "!":
        if (next === "[") marks.targets += 1;
        break;
      case "`":
        marks.ticks += 1;
        break;
      case ":":
        if (next === "/") marks.addresses += 1;
        break;
      case "@":
        marks.addresses += 1;
        break;
      case "w":
        if (next === "w" && text[at + 2] === "w") marks.addresses += 1;
        break;
      case "$":
        if (next === "$") marks.formulas += 0.5;
        break;
      case "<":
      case "&":
      case "\t":
        marks.others += 1;
        break;
      case "\\":
        marks.others += 1;
        if (next === "(" || next === "[") marks.formulas += 1;
        break;
    }
  }
  return marks;
}

/** Counts lines and table cells: each row from a delimiter row to the next blank line is padded to the width of the header. */
function countCells(text: string): { lines: number; cells: number } {
  let lines = 0;
  let cells = 0;
  let columns = 0;
  for (const line of text.split(/\r\n?|\n/)) {
    lines += 1;
    if (/^[\s>]*$/.test(line)) columns = 0;
    else if (mayBeDelimiterRow(line)) columns = Math.max(columns, pipesIn(line) + 1);
    if (columns > 0) cells += columns;
  }
  return { lines, cells };
}

/** Also accepts delimiter rows within quotes and lists, so it accepts more lines than the parser does. */
function mayBeDelimiterRow(line: string): boolean {
  return line.includes("|") && line.includes("-") && !/[^\s|:>*+\-.)\d]/.test(line);
}

function pipesIn(line: string): number {
  let pipes = 0;
  for (const character of line) if (character === "|") pipes += 1;
  return pipes;
}

/** Whether quotes and lists are nested more deeply than the budget allows, within a line or across lines. */
export function isDeep(text: string): boolean {
  const items: number[] = [];
  for (const line of text.split(/\r\n?|\n/)) {
    let quotes = 0;
    let column = 0;
    for (let at = 0; at < line.length; ) {
      const marker = /^(?:[-+*]|\d{1,9}[.)]|\[\^[^\]\s]{1,40}\]:)(?=\s|$)/.exec(line.slice(at, at + 48))?.[0];
      const character = line[at];
      if (character === " ") column += 1;
      else if (character === "\t") column += 4 - (column % 4);
      else if (character === ">") {
        quotes += 1;
        column += 1;
      } else if (marker === undefined) break;
      else {
        while ((items.at(-1) ?? -1) >= column) items.pop();
        items.push(column);
        column += marker.length;
      }
      if (quotes + items.length > DEPTH_MAX) return true;
      at += marker?.length ?? 1;
    }
  }
  return false;
}
