/**
 * Splits a growing Markdown text into blocks. A block settles when no later text can change it any more, and is frozen then: only the
 * tail is parsed and rendered again as text comes in.
 *
 * The blocks joined are the text (with line ends as `\n`), whatever the chunks were in which it came.
 */
import { Lexer } from "marked";

export interface Blocks {
  /** Each is one top-level block with the blank lines after it. Only ever grows while the text grows. */
  readonly settled: readonly string[];
  /** What may still change; empty once the text is whole. */
  readonly tail: string;
}

const NOTHING: Blocks = { settled: [], tail: "" };

/** Remembers where it stands, so that a text that grew costs only its tail. For one text; another one starts it over. */
export class BlockSplitter {
  #source = "";
  #blocks: Blocks = NOTHING;
  #whole = false;

  split(text: string, whole: boolean): Blocks {
    const source = normalizeLineEnds(text, whole);
    if (source === this.#source && whole === this.#whole) return this.#blocks;
    const grew = !this.#whole && source.startsWith(this.#source);
    const { settled, tail } = grew ? this.#blocks : NOTHING;
    const unsettled = grew ? tail + source.slice(this.#source.length) : source;
    this.#source = source;
    this.#whole = whole;
    this.#blocks = settle(settled, unsettled, whole);
    return this.#blocks;
  }
}

function settle(settled: readonly string[], unsettled: string, whole: boolean): Blocks {
  const blocks = lexBlocks(unsettled);
  if (whole) return { settled: blocks.length === 0 ? settled : [...settled, ...blocks], tail: "" };
  const count = settledCount(blocks);
  if (count === 0) return { settled, tail: unsettled };
  return { settled: [...settled, ...blocks.slice(0, count)], tail: blocks.slice(count).join("") };
}

/**
 * The last block may always grow. The one before it may still swallow a last line that is not whole yet (`-` becomes a list item,
 * `|` a table row), so it settles with the line's end.
 */
function settledCount(blocks: readonly string[]): number {
  const last = blocks.at(-1);
  if (last === undefined) return 0;
  return Math.max(0, blocks.length - (last.includes("\n") ? 1 : 2));
}

function lexBlocks(source: string): string[] {
  const blocks: string[] = [];
  let at = 0;
  for (const token of new Lexer({ gfm: true }).blockTokens(source, [])) {
    // The lexer tidies the raw text of a few unfinished things. From there on it is one block, so that nothing is lost or added.
    if (!source.startsWith(token.raw, at)) break;
    at += token.raw.length;
    const last = blocks.length - 1;
    if (token.type === "space" && last >= 0) blocks[last] += token.raw;
    else if (last >= 0 && blocks[last]?.trim() === "") blocks[last] += token.raw;
    else blocks.push(token.raw);
  }
  if (at < source.length) blocks.push(source.slice(at));
  return blocks;
}

function normalizeLineEnds(text: string, whole: boolean): string {
  if (!text.includes("\r")) return text;
  // A `\r` at the end of an open text may be the first half of a `\r\n`.
  const complete = !whole && text.endsWith("\r") ? text.slice(0, -1) : text;
  return complete.replace(/\r\n?/g, "\n");
}
