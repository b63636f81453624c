import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ColorAnswer, ColorRequest } from "../src/components/markdown/highlight.logic";

/** A worker that answers when the test says so. */
class HeldWorker {
  static readonly all: HeldWorker[] = [];
  readonly asked: ColorRequest[] = [];
  state: "running" | "terminated" = "running";
  private readonly listeners = new Map<string, (event: { data: ColorAnswer }) => void>();
  constructor() {
    HeldWorker.all.push(this);
  }
  postMessage(request: ColorRequest): void {
    this.asked.push(request);
  }
  addEventListener(type: string, listener: (event: { data: ColorAnswer }) => void): void {
    this.listeners.set(type, listener);
  }
  answer(lines: ColorAnswer["lines"]): void {
    this.listeners.get("message")?.({ data: { lines } });
  }
  fail(): void {
    this.listeners.get("error")?.({ data: { lines: undefined } });
  }
  terminate(): void {
    this.state = "terminated";
  }
}

const LINES = [[{ text: "x", light: "#000", dark: "#fff" }]];
const wanted = () => new AbortController().signal;

beforeEach(() => {
  HeldWorker.all.length = 0;
  vi.resetModules();
  vi.stubGlobal("Worker", HeldWorker);
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("asks the worker for one block at a time, and for none twice", async () => {
  const { highlight } = await import("../src/components/markdown/highlight");
  const first = highlight("a", "rs", wanted());
  const second = highlight("b", "rs", wanted());
  const worker = HeldWorker.all[0];
  expect(worker?.asked).toEqual([{ code: "a", language: "rust" }]);
  worker?.answer(LINES);
  worker?.answer(undefined);
  expect(await first).toEqual(LINES);
  expect(await second).toBeUndefined();
  expect(await highlight("a", "rust", wanted())).toEqual(LINES);
  expect(HeldWorker.all).toHaveLength(1);
  expect(worker?.asked).toHaveLength(2);
});

it("ends a worker that takes too long, and goes on with the next block in another one", async () => {
  const { highlight } = await import("../src/components/markdown/highlight");
  const slow = highlight("slow", "cpp", wanted());
  const next = highlight("next", "cpp", wanted());
  vi.advanceTimersByTime(10_000);
  expect(await slow).toBeUndefined();
  expect(HeldWorker.all.map(({ state }) => state)).toEqual(["terminated", "running"]);
  HeldWorker.all[1]?.answer(LINES);
  expect(await next).toEqual(LINES);
  // The slow block is not tried again.
  expect(await highlight("slow", "cpp", wanted())).toBeUndefined();
  expect(HeldWorker.all).toHaveLength(2);
});

it("leaves code as it is where no worker can be started, and asks for nothing that left the screen", async () => {
  const { highlight } = await import("../src/components/markdown/highlight");
  const left = new AbortController();
  const failed = highlight("a", "js", wanted());
  const gone = highlight("b", "js", left.signal);
  left.abort();
  HeldWorker.all[0]?.fail();
  expect(await failed).toBeUndefined();
  expect(await gone).toBeUndefined();
  expect(HeldWorker.all).toHaveLength(1);
});
