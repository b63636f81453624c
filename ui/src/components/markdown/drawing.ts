/**
 * Schedules the drawing of blocks. New blocks are drawn at once within the budget of a task; the rest is shown as text first. Blocks in or
 * near the window are then drawn in steps, the nearest to the middle of the window first; blocks farther away stay text until they come
 * near. Between two steps the window handles keys and clicks.
 *
 * All rows share one budget, so several answers that scroll into the window together cost a task no more than one.
 */
import { flushSync } from "react-dom";
import { keepReadingPosition } from "./reading-position";
import { soon } from "./work";

/** The cost that one task may draw at once, in the units of `budget.logic.ts`: about two thousand characters of ordinary Markdown. */
export const TASK_COST_MAX = 8_000;
/** The cost that one step may draw. */
export const STEP_COST_MAX = 4_000;

/** How far above and below the window counts as near, in window heights. */
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

/** Whether a piece of this cost may still be drawn in this task. */
export function mayDrawNow(cost: number): boolean {
  reset ??= setTimeout(() => {
    taken = 0;
    reset = undefined;
  }, 0);
  if (taken > 0 && taken + cost > TASK_COST_MAX) return false;
  taken += cost;
  return true;
}

/** Draws the piece, which is shown as text in `element`, when it is near the window. Returns a function that cancels it. */
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

/** The element that scrolls an answer. It has one child that holds the whole content. */
const SCROLLER = "[data-following]";
const watched = new WeakSet<Element>();

/** Asks for a step when the height of the scroller or its content changes: that moves pieces without a scroll event. */
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

/** Draws some of the pieces near the window, and asks for another step until none is left. */
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

/** The number of pieces that are measured at once: an answer may have ten thousand. */
const MEASURED_MAX = 64;

interface Measured {
  readonly piece: Undrawn;
  /** The distance to the middle of the window, in pixels. */
  readonly distance: number;
}

/**
 * The pieces near the middle of the window, nearest first. Pieces are in page order except for rows that were added later, so sampling
 * narrows down the region until it is small enough to measure.
 */
function nearestFirst(pieces: readonly Undrawn[]): Measured[] {
  let region = pieces;
  while (region.length > MEASURED_MAX) {
    const stride = Math.ceil(region.length / MEASURED_MAX);
    const sample = region.filter((_, place) => place % stride === 0);
    const nearest = sample.indexOf(byDistance(sample)[0]?.piece as Undrawn) * stride;
    // A sample has more than two pieces, so two strides are less than the whole region.
    region = region.slice(Math.max(0, nearest - stride), nearest + stride);
  }
  return byDistance(region);
}

function byDistance(pieces: readonly Undrawn[]): Measured[] {
  return pieces.map((piece) => ({ piece, distance: distanceOf(piece.element) })).toSorted((a, b) => a.distance - b.distance);
}

/** The pixels between an element and the middle of the window. */
function distanceOf(element: Element): number {
  const middle = window.innerHeight / 2;
  const { top, bottom } = element.getBoundingClientRect();
  return top > middle ? top - middle : bottom < middle ? middle - bottom : 0;
}
