import { useContext, useEffect, useRef, useState } from "react";
import { KeptScope } from "../kept-state";
import { Details } from "./Details";
import { MarkdownDocument, type Section, sectionsOf } from "./document.logic";
import { MarkdownBlock } from "./MarkdownBlock";
import { Chunks, outOfWindow, PlainText } from "./PlainText";
import { useDrawn } from "./useDrawn";

interface Props {
  text: string;
  progress: "growing" | "whole";
  /** Called with blocks that settle while this is mounted, but not with those that were settled before. */
  onSettled?: ((blocks: readonly string[]) => void) | undefined;
}

/** Markdown that may still grow: settled blocks are frozen; only the tail is parsed and rendered again. A long text is drawn in steps. */
export function Markdown({ text, progress, onSettled }: Props) {
  const [source] = useState(() => new MarkdownDocument());
  const blocks = source.read(text, progress);
  const { settled } = blocks;
  const announced = useRef(settled.length);
  useEffect(() => {
    if (settled.length > announced.current) onSettled?.(settled.slice(announced.current).map((block) => block.text));
    announced.current = settled.length;
  }, [settled, onSettled]);
  return (
    <div className="prose">
      <Sections sections={sectionsOf(blocks, source)} />
    </div>
  );
}

/**
 * How many sections are added to the page together, in one element. An answer may have forty thousand sections, and when the height of an
 * element changes, the engine visits every later sibling.
 */
const GROUP_SECTIONS = 50;
/** The cost of a section before it is drawn, in the units of `budget.logic.ts`. */
const SECTION_COST = 40;

function Sections({ sections }: { sections: readonly Section[] }) {
  const groups: (readonly Section[])[] = [];
  for (let from = 0; from < sections.length; from += GROUP_SECTIONS) groups.push(sections.slice(from, from + GROUP_SECTIONS));
  return groups.map((group, place) => <Group key={place} sections={group} first={place * GROUP_SECTIONS} />);
}

/** Consecutive sections. They are shown as one text until their turn comes, and stay text if the document has used up its budget. */
function Group({ sections, first }: { sections: readonly Section[]; first: number }) {
  const { place, isDrawn } = useDrawn<HTMLDivElement>(() => sections.length * SECTION_COST);
  if (!isDrawn) {
    const text = textOf(sections);
    return (
      <div ref={place} className="blocks break-words whitespace-pre-wrap" style={outOfWindow(text)} data-undrawn>
        <Chunks text={text} />
      </div>
    );
  }
  const isText = sections.length === GROUP_SECTIONS && sections.every((section) => section.type === "block" && section.drawing === "text");
  return (
    <div className="blocks" data-continued={isContinued(sections[0]) || undefined}>
      {isText ? <PlainText text={textOf(sections)} /> : sections.map((section, offset) => <OneSection key={offset} section={section} place={first + offset} />)}
    </div>
  );
}

function isContinued(section: Section | undefined): boolean {
  return section?.type === "block" && section.block.place === "continued";
}

function OneSection({ section, place }: { section: Section; place: number }) {
  const scope = useContext(KeptScope);
  // A settled block never changes its position, so the position identifies what a person did with it.
  const own = scope === undefined ? undefined : `${scope}/${place}`;
  if (section.type === "details") {
    return (
      <KeptScope value={own}>
        <Details summary={section.summary}>
          <Sections sections={section.sections} />
        </Details>
      </KeptScope>
    );
  }
  const { block, references, progress, drawing } = section;
  return (
    <KeptScope value={own}>
      <MarkdownBlock block={block} references={references} progress={progress} drawing={drawing} />
    </KeptScope>
  );
}

function textOf(sections: readonly Section[]): string {
  return sections.map((section) => (section.type === "block" ? section.block.text.trimEnd() : section.summary)).join("\n");
}
