/**
 * When blocks are drawn. What is new on the screen is drawn at once as far as one task may go; the rest is there as text, and is drawn in
 * steps, what is nearest to the window's middle first. Between two steps the window takes keys and clicks.
 *
 * The budget is one for all rows: an answer that scrolls into the window costs a task no more because others do so too.
 */
import { flushSync } from "react-dom";
import { soon } from "./work";

/** What may be drawn at once in one task, in the units of `budget.logic.ts`: about four thousand characters of ordinary Markdown. */
export const TASK_COST_MAX = 16_000;
/** What is drawn in one step. */
export const STEP_COST_MAX = 8_000;

interface Undrawn {
  readonly element: Element;
  readonly cost: number;
  readonly draw: () => void;
}

let taken = 0;
let reset: ReturnType<typeof setTimeout> | undefined;
const undrawn = new Set<Undrawn>();
let cancelStep: (() => void) | undefined;

/** Whether so much more may be drawn in this task. */
export function mayDrawNow(cost: number): boolean {
  reset ??= setTimeout(() => {
    taken = 0;
    reset = undefined;
  }, 0);
  if (taken > 0 && taken + cost > TASK_COST_MAX) return false;
  taken += cost;
  return true;
}

/** Draws later what stands as text in `element`; gives what cancels it. */
export function drawLater(piece: Undrawn): () => void {
  undrawn.add(piece);
  cancelStep ??= soon(step);
  return () => undrawn.delete(piece);
}

function step(): void {
  cancelStep = undefined;
  const now: Undrawn[] = [];
  let cost = 0;
  for (const piece of nearestFirst([...undrawn])) {
    if (now.length > 0 && cost + piece.cost > STEP_COST_MAX) break;
    cost += piece.cost;
    now.push(piece);
    undrawn.delete(piece);
  }
  flushSync(() => now.forEach(({ draw }) => draw()));
  if (undrawn.size > 0) cancelStep ??= soon(step);
}

/** How many pieces are measured at once: an answer may have ten thousand. */
const MEASURED_MAX = 64;

/**
 * What is near to the window's middle, nearest first. Pieces stand in the order of the page but for rows that came later, so a sample of
 * them finds the region to look at, until that is small.
 */
function nearestFirst(pieces: readonly Undrawn[]): Undrawn[] {
  let region = pieces;
  while (region.length > MEASURED_MAX) {
    const stride = Math.ceil(region.length / MEASURED_MAX);
    const sample = region.filter((_, place) => place % stride === 0);
    const nearest = sample.indexOf(byDistance(sample)[0] as Undrawn) * stride;
    // Two strides are less than the whole, as a sample has more than two pieces.
    region = region.slice(Math.max(0, nearest - stride), nearest + stride);
  }
  return byDistance(region);
}

function byDistance(pieces: readonly Undrawn[]): Undrawn[] {
  const measured = pieces.map((piece) => ({ piece, distance: distanceOf(piece.element) }));
  return measured.toSorted((a, b) => a.distance - b.distance).map(({ piece }) => piece);
}

/** Pixels between an element and the middle of the window. */
function distanceOf(element: Element): number {
  const middle = window.innerHeight / 2;
  const { top, bottom } = element.getBoundingClientRect();
  return top > middle ? top - middle : bottom < middle ? middle - bottom : 0;
}
