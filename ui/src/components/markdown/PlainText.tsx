import { type CSSProperties, memo } from "react";
import { chunksOf } from "./code.logic";
import { useDrawn } from "./useDrawn";
import { runsOf } from "./words.logic";

/** A text as it was written, in chunks: only chunks near the window are laid out, and only the last one changes as the text grows. */
export function Chunks({ text }: { text: string }) {
  return chunksOf(text).map((chunk, place) => <Chunk key={place} text={chunk} />);
}

/** The cost of laying out a character, in the units of `budget.logic.ts`; more if letters are shaped together or run both ways. */
const CHAR_COST = 0.5;
const SHAPED_CHAR_COST = 3;
const SHAPED = /[\p{M}\p{Script=Arabic}\p{Script=Hebrew}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

function layoutCost(text: string): number {
  return text.length * (SHAPED.test(text) ? SHAPED_CHAR_COST : CHAR_COST);
}

const Chunk = memo(function Chunk({ text }: { text: string }) {
  const { place, isDrawn } = useDrawn<HTMLSpanElement>(() => layoutCost(text));
  const runs = runsOf(text);
  return (
    <span ref={place} className="chunk" style={isDrawn ? undefined : outOfWindow(text)} data-undrawn={!isDrawn || undefined}>
      {runs.length === 1 ? text : runs.map((run, at) => <span key={at}>{run}</span>)}
    </span>
  );
});

/** Skips the layout of a text that is far from the window, and reserves about the height that it will have. */
export function outOfWindow(text: string): CSSProperties {
  return { contentVisibility: "auto", blockSize: `${lineCount(text)}lh` };
}

/** The approximate number of characters in a line of prose. */
const LINE_CHARS = 86;

function lineCount(text: string): number {
  const lines = text.replace(/\n$/, "").split("\n");
  return lines.reduce((count, line) => count + Math.max(1, Math.ceil(line.length / LINE_CHARS)), 0);
}

/** Shows the source of Markdown that cannot be drawn or would cost too much to draw. */
export function PlainText({ text }: { text: string }) {
  return (
    <div className="break-words whitespace-pre-wrap" data-testid="markdown-plain">
      <Chunks text={text.trimEnd()} />
    </div>
  );
}
