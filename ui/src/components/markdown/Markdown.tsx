import { useEffect, useRef, useState } from "react";
import { BlockSplitter } from "./blocks.logic";
import { SettledBlock, TailBlock } from "./MarkdownBlock";

interface Props {
  text: string;
  progress: "growing" | "whole";
  /** Called with blocks that settled while this was on the screen; not with those that were there before. */
  onSettled?: ((blocks: readonly string[]) => void) | undefined;
}

/** Markdown that may still grow: settled blocks are frozen, only the tail is parsed and rendered again. */
export function Markdown({ text, progress, onSettled }: Props) {
  const [splitter] = useState(() => new BlockSplitter());
  const { settled, tail } = splitter.split(text, progress === "whole");
  const announced = useRef(settled.length);
  useEffect(() => {
    if (settled.length > announced.current) onSettled?.(settled.slice(announced.current));
    announced.current = settled.length;
  }, [settled, onSettled]);
  return (
    <div className="prose">
      {settled.map((block, place) => (
        // A settled block never changes its place.
        <SettledBlock key={place} text={block} />
      ))}
      {tail !== "" && <TailBlock text={tail} />}
    </div>
  );
}
