import { useEffect, useState } from "react";
import type { Block } from "./blocks.logic";
import { costOfBlock } from "./document.logic";
import { soon } from "./work";

/** What is drawn in one step, in the units of the budget. */
const STEP_COST_MAX = 8_000;
/** How many of the blocks to draw now. More follow in steps between which the window takes keys and clicks, until it is all of them. */
export function useGradually(blocks: readonly Block[]): number {
  const [drawn, setDrawn] = useState(0);
  const count = stepFrom(Math.min(drawn, blocks.length), blocks);
  useEffect(() => (count === drawn ? undefined : soon(() => setDrawn(count))), [count, drawn]);
  return count;
}

/** Where a step ends that begins behind `drawn` blocks: at least one block further. */
export function stepFrom(drawn: number, blocks: readonly Block[]): number {
  let count = drawn;
  for (let cost = 0; count < blocks.length; count += 1) {
    const block = blocks[count];
    cost += block ? costOfBlock(block) : 0;
    if (cost > STEP_COST_MAX && count > drawn) break;
  }
  return count;
}
