import { useEffect, useRef, useState } from "react";
import { t } from "../../i18n/i18n";
import type { Block } from "./blocks.logic";
import { MarkdownDocument, type Section, sectionsOf } from "./document.logic";
import { MarkdownBlock } from "./MarkdownBlock";

interface Props {
  text: string;
  progress: "growing" | "whole";
  /** Called with blocks that settled while this was on the screen; not with those that were there before. */
  onSettled?: ((blocks: readonly string[]) => void) | undefined;
}

/** Markdown that may still grow: settled blocks are frozen, only the tail is parsed and rendered again. A long text is drawn in steps. */
export function Markdown({ text, progress, onSettled }: Props) {
  const [source] = useState(() => new MarkdownDocument());
  const { settled, tail } = source.read(text, progress);
  const announced = useRef(settled.length);
  useEffect(() => {
    if (settled.length > announced.current) onSettled?.(settled.slice(announced.current).map((block) => block.text));
    announced.current = settled.length;
  }, [settled, onSettled]);
  return (
    <div className="prose">
      <Sections sections={sectionsOf([...settled, ...tail])} source={source} tail={tail} />
    </div>
  );
}

function Sections({ sections, source, tail }: { sections: readonly Section[]; source: MarkdownDocument; tail: readonly Block[] }) {
  return sections.map((section, place) => {
    // A settled block never changes its place.
    if (section.type === "details") {
      return (
        <details key={place} className="block rounded-lg border border-line px-3 py-2">
          <summary className="cursor-default text-ink-muted">{section.summary || t("details.label")}</summary>
          <Sections sections={section.sections} source={source} tail={tail} />
        </details>
      );
    }
    const { block } = section;
    const grows = tail.includes(block);
    return (
      <MarkdownBlock
        key={place}
        block={block}
        references={grows ? source.referencesOfTail(block) : source.referencesOf(block)}
        progress={grows ? "growing" : "settled"}
        drawing={source.drawingOf(block)}
      />
    );
  });
}
