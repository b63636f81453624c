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
  const cancels: (() => void)[] = [];
  let measured = 0;
  let at = middle;
  for (let place = 0; place < count; place += 1) {
    const element = document.createElement("div");
    element.getBoundingClientRect = () => {
      measured += 1;
      const top = window.innerHeight / 2 + (place - at) * 10 - 5;
      return { top, bottom: top + 10 } as DOMRect;
    };
    cancels.push(drawLater({ element, cost, draw: () => drawn.push(place) }));
  }
  const scrollTo = (place: number) => {
    at = place;
    document.body.dispatchEvent(new Event("scroll"));
  };
  return { drawn, cancels, measured: () => measured, scrollTo };
}

const places = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, step) => from + step);
const sorted = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b);
/** Two windows above and below the middle. */
const REACH = Math.floor((window.innerHeight * 2 + 5) / 10);

it("draws first what is nearest to the window's middle, and measures few pieces of many", async () => {
  const { drawn, measured } = await piecesAround(7_321, 10_000, 4_000);
  vi.advanceTimersToNextTimer();
  expect(drawn[0]).toBe(7_321);
  // The queue of work goes on for some milliseconds, a piece a step; a step measures at most three times 64.
  expect(measured()).toBeLessThanOrEqual(drawn.length * 192);
});

it("draws what is near, and what is far when it comes near", async () => {
  const { drawn, scrollTo } = await piecesAround(500, 2_000, 4_000);
  vi.runAllTimers();
  expect(sorted(drawn)).toEqual(places(500 - REACH, 500 + REACH));
  scrollTo(520);
  vi.runAllTimers();
  expect(sorted(drawn)).toEqual(places(500 - REACH, 520 + REACH));
});

it("draws nothing that left before its turn", async () => {
  const { drawn, cancels } = await piecesAround(10, 20, 4_000);
  cancels[7]?.();
  vi.runAllTimers();
  expect(sorted(drawn)).toEqual([...places(0, 6), ...places(8, 19)]);
});
