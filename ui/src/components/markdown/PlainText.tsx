import { memo } from "react";
import { chunksOf } from "./code.logic";
import { runsOf } from "./words.logic";

/** A text as it was written, in chunks of which only the last is laid out again as it grows. */
export function Chunks({ text }: { text: string }) {
  return chunksOf(text).map((chunk, place) => <Chunk key={place} text={chunk} />);
}

const Chunk = memo(function Chunk({ text }: { text: string }) {
  const runs = runsOf(text);
  return <span className="block">{runs.length === 1 ? text : runs.map((run, place) => <span key={place}>{run}</span>)}</span>;
});

/** Markdown that would cost too much to draw, or that cannot be drawn. */
export function PlainText({ text }: { text: string }) {
  return (
    <div className="break-words whitespace-pre-wrap" data-testid="markdown-plain">
      <Chunks text={text.trimEnd()} />
    </div>
  );
}
