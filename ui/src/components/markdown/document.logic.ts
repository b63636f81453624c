import { type Block, type Blocks, BlockSplitter } from "./blocks.logic";
import { BLOCK_COST_MAX, costOf, DOCUMENT_COST_MAX, DOCUMENT_COST_PER_CHAR_MAX, isWithin } from "./budget.logic";
import { DocumentReferences, type References } from "./references.logic";

/** How a block is drawn: as Markdown, or as its source if the document has used up its budget. */
export type Drawing = "markdown" | "text";

/** A growing text: its blocks, the references between them, and their total cost. */
export class MarkdownDocument {
  readonly #splitter = new BlockSplitter();
  #references = new DocumentReferences();
  #first: Block | undefined;
  #priced = 0;
  #cost = 0;
  #chars = 0;
  #texts = new Set<Block>();

  read(text: string, progress: "growing" | "whole"): Blocks {
    const blocks = this.#splitter.split(text, progress === "whole");
    const [first] = blocks.settled;
    if (this.#first !== undefined && first !== this.#first) this.#startOver();
    this.#first = first;
    this.#references.read(blocks.settled);
    for (; this.#priced < blocks.settled.length; this.#priced += 1) this.#price(blocks.settled[this.#priced]);
    return blocks;
  }

  referencesOf(block: Block): References {
    return this.#references.of(block);
  }

  referencesOfTail(block: Block): References {
    return this.#references.ofTail(block);
  }

  drawingOf(block: Block): Drawing {
    return this.#texts.has(block) ? "text" : "markdown";
  }

  #startOver(): void {
    this.#references = new DocumentReferences();
    this.#texts = new Set();
    this.#priced = 0;
    this.#cost = 0;
    this.#chars = 0;
  }

  #price(block: Block | undefined): void {
    if (!block) return;
    const cost = costOfBlock(block);
    this.#chars += block.text.length;
    if (this.#cost + cost <= this.#costMax()) this.#cost += cost;
    else this.#texts.add(block);
  }

  #costMax(): number {
    return DOCUMENT_COST_MAX + this.#chars * DOCUMENT_COST_PER_CHAR_MAX;
  }
}

/** The cost of drawing a block. Plain text and code are laid out in chunks that have their own turns. */
export function costOfBlock(block: Block): number {
  const known = costs.get(block);
  if (known !== undefined) return known;
  if (block.kind === "blank") return 0;
  const cost = EACH_COST + (block.kind === "code" ? 0 : parsingCost(block));
  costs.set(block, cost);
  return cost;
}

function parsingCost({ kind, head = "", text }: Block): number {
  const estimate = costOf(head + text);
  if (kind === "table") return Math.min(BLOCK_COST_MAX, estimate);
  return isWithin(text, estimate, BLOCK_COST_MAX) ? estimate : 0;
}

/** The fixed cost of parsing a block, however short it is. */
const EACH_COST = 200;

const costs = new WeakMap<Block, number>();

/** A block, or a `<details>` with the sections up to its `</details>`. */
export type Section = BlockSection | { type: "details"; summary: string; sections: Section[] };

/** A block with everything that is needed to draw it. */
export interface BlockSection {
  readonly type: "block";
  readonly block: Block;
  readonly references: References;
  readonly progress: "settled" | "growing";
  readonly drawing: Drawing;
}

/** The greatest depth of nested details; deeper ones are shown as text. */
const DETAILS_DEPTH_MAX = 8;

export function sectionsOf({ settled, tail }: Blocks, source: MarkdownDocument): readonly Section[] {
  const sections: Section[] = [];
  const open: Section[][] = [sections];
  for (const [place, block] of [...settled, ...tail].entries()) {
    const current = open.at(-1) ?? sections;
    if (block.kind === "detailsOpen" && open.length <= DETAILS_DEPTH_MAX) {
      const inner: Section[] = [];
      current.push({ type: "details", summary: summaryOf(block.text), sections: inner });
      open.push(inner);
    } else if (block.kind === "detailsClose" && open.length > 1) open.pop();
    else if (block.kind !== "blank") {
      const section =
        place < settled.length
          ? ({ references: source.referencesOf(block), progress: "settled" } as const)
          : ({ references: source.referencesOfTail(block), progress: "growing" } as const);
      current.push({ type: "block", block, drawing: source.drawingOf(block), ...section });
    }
  }
  return sections;
}

function summaryOf(text: string): string {
  return /<summary>([^<]*)<\/summary>/i.exec(text)?.[1]?.trim() ?? "";
}
