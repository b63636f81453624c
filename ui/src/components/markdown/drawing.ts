/**
 * When blocks are drawn. What is new on the screen is drawn at once as far as one task may go; the rest is there as text. What of it is in
 * or near the window is drawn in steps, what is nearest to the window's middle first; what is farther stays text until it comes near.
 * Between two steps the window takes keys and clicks.
 *
 * The budget is one for all rows: an answer that scrolls into the window costs a task no more because others do so too.
 */
import { flushSync } from "react-dom";
import { keepReadingPosition } from "./reading-position";
import { soon } from "./work";

/** What may be drawn at once in one task, in the units of `budget.logic.ts`: about two thousand characters of ordinary Markdown. */
export const TASK_COST_MAX = 8_000;
/** What is drawn in one step. */
export const STEP_COST_MAX = 4_000;

/** How far above and below the window is near, in its heights. */
const REACH = 2;

interface Undrawn {
  readonly element: HTMLElement;
  readonly cost: number;
  readonly draw: () => void;
}

let taken = 0;
let reset: ReturnType<typeof setTimeout> | undefined;
const undrawn = new Set<Undrawn>();
let isStepDue = false;

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

/** Draws what stands as text in `element` when it is near to the window; gives what cancels it. */
export function drawLater(piece: Undrawn): () => void {
  if (undrawn.size === 0) document.addEventListener("scroll", wantStep, { capture: true, passive: true });
  undrawn.add(piece);
  watch(piece.element.closest(SCROLLER));
  wantStep();
  return () => done(piece);
}

function done(piece: Undrawn): void {
  undrawn.delete(piece);
  if (undrawn.size === 0) document.removeEventListener("scroll", wantStep, { capture: true });
}

/** What scrolls an answer, and has one element that holds everything in it. */
const SCROLLER = "[data-following]";
const watched = new WeakSet<Element>();

/** What changes its height moves the rest, without a scroll. */
function watch(scroller: Element | null): void {
  const content = scroller?.firstElementChild;
  if (!scroller || !content || watched.has(content)) return;
  watched.add(content);
  const observer = new ResizeObserver(() => {
    if (undrawn.size > 0) wantStep();
  });
  observer.observe(scroller);
  observer.observe(content);
}

function wantStep(): void {
  if (isStepDue) return;
  isStepDue = true;
  soon(step);
}

/** Draws some of what is near. It is asked for again until nothing is. */
function step(): void {
  isStepDue = false;
  const now: Undrawn[] = [];
  let cost = 0;
  for (const { piece, distance } of nearestFirst([...undrawn])) {
    const isEnough = now.length > 0 && cost + piece.cost > STEP_COST_MAX;
    if (isEnough || distance > REACH * window.innerHeight) break;
    cost += piece.cost;
    now.push(piece);
  }
  const [nearest] = now;
  if (!nearest) return;
  now.forEach(done);
  keepReadingPosition(nearest.element.closest<HTMLElement>(SCROLLER), now.map(({ element }) => element), () => {
    flushSync(() => now.forEach(({ draw }) => draw()));
  });
  wantStep();
}

/** How many pieces are measured at once: an answer may have ten thousand. */
const MEASURED_MAX = 64;

interface Measured {
  readonly piece: Undrawn;
  /** Pixels to the middle of the window. */
  readonly distance: number;
}

/**
 * What is near to the window's middle, nearest first. Pieces stand in the order of the page but for rows that came later, so a sample of
 * them finds the region to look at, until that is small.
 */
function nearestFirst(pieces: readonly Undrawn[]): Measured[] {
  let region = pieces;
  while (region.length > MEASURED_MAX) {
    const stride = Math.ceil(region.length / MEASURED_MAX);
    const sample = region.filter((_, place) => place % stride === 0);
    const nearest = sample.indexOf(byDistance(sample)[0]?.piece as Undrawn) * stride;
    // Two strides are less than the whole, as a sample has more than two pieces.
    region = region.slice(Math.max(0, nearest - stride), nearest + stride);
  }
  return byDistance(region);
}

function byDistance(pieces: readonly Undrawn[]): Measured[] {
  return pieces.map((piece) => ({ piece, distance: distanceOf(piece.element) })).toSorted((a, b) => a.distance - b.distance);
}

/** Pixels between an element and the middle of the window. */
function distanceOf(element: Element): number {
  const middle = window.innerHeight / 2;
  const { top, bottom } = element.getBoundingClientRect();
  return top > middle ? top - middle : bottom < middle ? middle - bottom : 0;
}
