import { afterEach, beforeEach, expect, it, vi } from "vitest";

beforeEach(() => {
  vi.resetModules();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Pieces one below the other, each of 10 px; the window's middle is at piece `middle`. */
async function piecesAround(middle: number, count: number, cost: number) {
  const { drawLater } = await import("../src/components/markdown/drawing");
  const drawn: number[] = [];
  let measured = 0;
  for (let place = 0; place < count; place += 1) {
    const element = document.createElement("div");
    const top = window.innerHeight / 2 + (place - middle) * 10 - 5;
    element.getBoundingClientRect = () => {
      measured += 1;
      return { top, bottom: top + 10 } as DOMRect;
    };
    drawLater({ element, cost, draw: () => drawn.push(place) });
  }
  return { drawn, measured: () => measured };
}

it("draws first what is nearest to the window's middle, and measures few pieces of many", async () => {
  const { drawn, measured } = await piecesAround(7_321, 10_000, 4_000);
  vi.advanceTimersToNextTimer();
  expect(drawn[0]).toBe(7_321);
  // The queue of work goes on for some milliseconds, two pieces a step; a step measures at most three times 64.
  expect(drawn.length).toBeLessThan(10_000);
  expect(measured()).toBeLessThanOrEqual((drawn.length / 2) * 192);
});

it("draws all of them in the end", async () => {
  const { drawn } = await piecesAround(3, 200, 4_000);
  vi.runAllTimers();
  expect(drawn.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, place) => place));
});
