import { type CSSProperties, useContext, useEffect, useRef, useState } from "react";
import { KeptScope } from "../kept-state";
import { Details } from "./Details";
import { MarkdownDocument, type Section, sectionsOf } from "./document.logic";
import { MarkdownBlock } from "./MarkdownBlock";
import { Chunks, PlainText } from "./PlainText";
import { useDrawn } from "./useDrawn";

interface Props {
  text: string;
  progress: "growing" | "whole";
  /** Called with blocks that settled while this was on the screen; not with those that were there before. */
  onSettled?: ((blocks: readonly string[]) => void) | undefined;
}

/** Markdown that may still grow: settled blocks are frozen, only the tail is parsed and rendered again. A long text is drawn in steps. */
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

/** How many sections come to the page together: an answer may have forty thousand. */
const GROUP_SECTIONS = 50;
/** What a section costs before it is drawn, in the units of `budget.logic.ts`. */
const SECTION_COST = 40;

function Sections({ sections }: { sections: readonly Section[] }) {
  const groups: (readonly Section[])[] = [];
  for (let from = 0; from < sections.length; from += GROUP_SECTIONS) groups.push(sections.slice(from, from + GROUP_SECTIONS));
  return groups.map((group, place) => <Group key={place} sections={group} first={place * GROUP_SECTIONS} />);
}

/** Sections in a row. They are one text until their turn comes, and stay one where the document has used up its budget. */
function Group({ sections, first }: { sections: readonly Section[]; first: number }) {
  const { place, isDrawn } = useDrawn(() => sections.length * SECTION_COST);
  if (!isDrawn) {
    const text = textOf(sections);
    return (
      <div ref={place} className="block break-words whitespace-pre-wrap" style={outOfWindow(text)} data-undrawn>
        <Chunks text={text} />
      </div>
    );
  }
  const isText = sections.length === GROUP_SECTIONS && sections.every((section) => section.type === "block" && section.drawing === "text");
  if (isText) {
    return (
      <div className="block">
        <PlainText text={textOf(sections)} />
      </div>
    );
  }
  return sections.map((section, offset) => <OneSection key={offset} section={section} place={first + offset} />);
}

function OneSection({ section, place }: { section: Section; place: number }) {
  const scope = useContext(KeptScope);
  // A settled block never changes its place, so what a person did with it is kept by its place.
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

/** What is not in the window is not laid out: it has about the height that it will have. */
function outOfWindow(text: string): CSSProperties {
  return { contentVisibility: "auto", containIntrinsicBlockSize: `${lineCount(text) * LINE_EM}em` };
}

/** Lines of prose are 1.6 em high and hold about so many characters. */
const LINE_EM = 1.6;
const LINE_CHARS = 86;

function lineCount(text: string): number {
  return text.split("\n").reduce((count, line) => count + Math.max(1, Math.ceil(line.length / LINE_CHARS)), 0);
}

function textOf(sections: readonly Section[]): string {
  return sections.map((section) => (section.type === "block" ? section.block.text.trimEnd() : section.summary)).join("\n");
}
