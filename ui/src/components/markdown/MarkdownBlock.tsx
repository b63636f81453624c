import { memo, useMemo } from "react";
import ReactMarkdown from "react-markdown";
import remend, { type RemendOptions } from "remend";
import type { PluggableList } from "unified";
import { RenderBoundary } from "../RenderBoundary";
import type { Block } from "./blocks.logic";
import { isAffordable } from "./budget.logic";
import { CodeBlock, type CodeProgress } from "./CodeBlock";
import { readFence, withoutHalfFence } from "./code.logic";
import { costOfBlock, type Drawing } from "./document.logic";
import { COMPONENTS } from "./elements";
import { Chunks, PlainText } from "./PlainText";
import { PLUGINS } from "./plugins";
import type { References } from "./references.logic";
import { remarkListStart } from "./syntax/list-start";
import { HANDLERS, remarkReferences } from "./syntax/references";
import { TableBlock } from "./TableBlock";
import { useDrawn } from "./useDrawn";

interface Props {
  block: Block;
  references: References;
  progress: CodeProgress;
  drawing: Drawing;
}

/** Links are checked where they are rendered, and nothing is fetched automatically, so no address needs rewriting. */
const asWritten = (url: string) => url;
/** Completes what is still open, for display only. An open formula stays text. */
const OPEN_END: RemendOptions = { linkMode: "text-only", singleTilde: false, katex: false };

/** Completing an open end takes quadratic time. A longer open end shows its marks until it settles. */
const OPEN_END_CHARS_MAX = 2_000;

/** One block. A settled block renders again only if its references change. */
export const MarkdownBlock = memo(function MarkdownBlock({ block, references, progress, drawing }: Props) {
  const { place, isDrawn } = useDrawn<HTMLDivElement>(() => costOfBlock(block));
  if (!isDrawn) {
    return (
      <div ref={place} className="block break-words whitespace-pre-wrap" data-undrawn>
        <Chunks text={block.text.trimEnd()} />
      </div>
    );
  }
  return (
    <div className="block" dir="auto" data-continued={block.place === "continued" || undefined}>
      <RenderBoundary fallback={<PlainText text={block.text} />} resetBy={block.text}>
        <DrawnBlock block={block} references={references} progress={progress} drawing={drawing} />
      </RenderBoundary>
    </div>
  );
});

/** A block as it is drawn, without waiting for its turn. */
export function DrawnBlock({ block, references, progress, drawing }: Props) {
  const plugins = usePlugins(block, references);
  if (block.kind === "code") {
    const { language, code } = readFence(block.text);
    return <CodeBlock code={progress === "growing" ? withoutHalfFence(code) : code} language={language} progress={progress} />;
  }
  const { kind, text } = block;
  if (drawing === "text") return <PlainText text={text} />;
  if (kind === "table") return <TableBlock block={block} plugins={plugins} />;
  if (!isAffordable(text, progress === "growing" ? "tail" : "block")) return <PlainText text={text} />;
  return (
    <ReactMarkdown remarkPlugins={plugins} remarkRehypeOptions={HANDLERS} components={COMPONENTS[progress]} urlTransform={asWritten}>
      {progress === "growing" ? closed(text) : text}
    </ReactMarkdown>
  );
}

function closed(text: string): string {
  const shown = withoutHalfFence(text);
  return shown.length <= OPEN_END_CHARS_MAX ? remend(shown, OPEN_END) : shown;
}

function usePlugins(block: Block, references: References): PluggableList {
  const { start } = block;
  return useMemo(() => {
    const plugins: PluggableList = [...PLUGINS];
    if (references.links.length + references.footnotes.length > 0) plugins.push([remarkReferences, references]);
    if (start !== undefined) plugins.push([remarkListStart, start]);
    return plugins;
  }, [references, start]);
}
