/** Code blocks, read from their source: the parser's result would look the same, but not keep the exact bytes. */
import { isClosingFence, openingFence } from "./lines.logic";

export interface FencedCode {
  readonly language: string;
  /** Every byte between the fences, including the last line's end. */
  readonly code: string;
}

/** Reads a fenced code block. `block` begins with the fence. */
export function readFence(block: string): FencedCode {
  const first = /^.*(?:\r\n?|\n|$)/.exec(block)?.[0] ?? "";
  const fence = openingFence(first);
  if (!fence) return { language: "", code: block };
  const info = first.trim().slice(fence.length).trim();
  const body = block.slice(first.length);
  const last = body.slice(lastLine(body));
  const code = isClosingFence(last, fence) ? body.slice(0, body.length - last.length) : body;
  return { language: info.split(/\s/, 1)[0] ?? "", code: fence.indent === 0 ? code : unindented(code, fence.indent) };
}

/** The code to show while it grows: the first marks of a closing fence are not code. */
export function withoutHalfFence(code: string): string {
  return code.replace(/(^|\n) {0,3}[`~]+$/, "$1");
}

/** The code to show: with `\n` as the only line end, and none after the last line. */
export function shownCode(code: string): string {
  return (code.includes("\r") ? code.replace(/\r\n?/g, "\n") : code).replace(/\n$/, "");
}

/** The offset at which the last line begins; a trailing line end belongs to it. */
function lastLine(text: string): number {
  const end = text.length - (text.endsWith("\r\n") ? 2 : /[\r\n]$/.test(text) ? 1 : 0);
  return Math.max(text.lastIndexOf("\n", end - 1), text.lastIndexOf("\r", end - 1)) + 1;
}

/** Removes up to `columns` spaces from each line: the indentation of the fence itself. */
function unindented(code: string, columns: number): string {
  return code.replace(new RegExp(`(^|\\r\\n?|\\n) {1,${columns}}`, "g"), "$1");
}

/** How many characters are laid out as one chunk. */
export const CHUNK_CHARS = 4_000;

/** Cuts a text into chunks at line ends. As the text grows, all chunks but the last stay the same. */
export function chunksOf(text: string): readonly string[] {
  const chunks: string[] = [];
  for (let from = 0; from < text.length; ) {
    const end = from + CHUNK_CHARS;
    if (end >= text.length) {
      chunks.push(text.slice(from));
      break;
    }
    const line = text.lastIndexOf("\n", end - 1) + 1;
    const isPair = /[\ud800-\udbff]/.test(text[end - 1] ?? "");
    const to = line > from ? line : isPair ? end - 1 : end;
    chunks.push(text.slice(from, to));
    from = to;
  }
  return chunks;
}
