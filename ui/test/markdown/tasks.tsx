import { renderToString } from "react-dom/server";
import type { Block } from "../../src/components/markdown/blocks.logic";
import { costOfBlock, MarkdownDocument } from "../../src/components/markdown/document.logic";
import { STEP_COST_MAX } from "../../src/components/markdown/drawing";
import { DrawnBlock } from "../../src/components/markdown/MarkdownBlock";

/** The tasks in which a document is opened, in milliseconds: reading it, then each step of drawing it. A step like one before is left out. */
function tasksOf(text: string): number[] {
  const tasks: number[] = [];
  const task = <T,>(work: () => T): T => {
    const from = performance.now();
    const result = work();
    tasks.push(performance.now() - from);
    return result;
  };
  const document = new MarkdownDocument();
  const { settled } = task(() => document.read(text, "whole"));
  const seen = new Set<string>();
  for (let drawn = 0; drawn < settled.length; ) {
    const to = stepFrom(drawn, settled);
    const step = settled.slice(drawn, to);
    drawn = to;
    const key = step.map((block) => block.text.replace(/\d+/g, "0")).join("");
    if (!seen.has(key)) task(() => step.forEach((block) => draw(block, document)));
    seen.add(key);
  }
  return tasks;
}

/** Where a step ends: at least one block further. */
function stepFrom(drawn: number, blocks: readonly Block[]): number {
  let to = drawn;
  for (let cost = 0; to < blocks.length; to += 1) {
    cost += costOfBlock(blocks[to] as Block);
    if (cost > STEP_COST_MAX && to > drawn) break;
  }
  return to;
}

export function draw(block: Block, document: MarkdownDocument): string {
  return renderToString(<DrawnBlock block={block} references={document.referencesOf(block)} progress="settled" drawing={document.drawingOf(block)} />);
}

/**
 * How long the longest task of a document is, in longest tasks of an ordinary one on the same machine. Other programs make a task longer,
 * never shorter: so the smallest of a few attempts counts, each with the ordinary document measured right after it.
 */
export class Yardstick {
  readonly #ordinary: string;
  #ordinaryMs: number;

  constructor(ordinary: string) {
    this.#ordinary = ordinary;
    this.#ordinaryMs = Math.min(...Array.from({ length: 4 }, () => longestTask(ordinary)));
  }

  timesOrdinary(text: string, enough: number): number {
    let best = longestTask(text) / this.#ordinaryMs;
    for (let attempt = 1; attempt < 8 && best > enough; attempt += 1) best = Math.min(best, longestTask(text) / longestTask(this.#ordinary));
    return best;
  }

  /** For work that is not a whole document. */
  timesOrdinaryOf(ms: number): number {
    return ms / this.#ordinaryMs;
  }
}

function longestTask(text: string): number {
  return Math.max(...tasksOf(text));
}
