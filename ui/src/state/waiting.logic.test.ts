import { describe, expect, it } from "vitest";
import type { QueueItem } from "../generated/QueueItem";
import type { SessionHeader } from "../generated/SessionHeader";
import type { TranscriptRow } from "../generated/TranscriptRow";
import { waitingOf } from "./waiting.logic";

const item = (prompt: string, delivery: QueueItem["delivery"] = "queue"): QueueItem => ({
  prompt,
  text: prompt,
  by: { type: "hub" },
  at: 0,
  delivery,
  state: { type: "accepted" },
});
const items = [item("a"), item("b")];
const header: SessionHeader = { session: "s", title: "", agent: "x", seq: 1, hasOlder: false, caughtUp: true, isDeleted: false };
const run = { run: "r", prompt: "p", runner: "x", startedAt: 0, startedBy: { type: "hub" }, canSteer: true, stopping: "none" } as const;
const names = (waiting: ReturnType<typeof waitingOf>) => [waiting.pending.map((each) => each.prompt), waiting.queued.map((each) => each.prompt)];

describe("waitingOf", () => {
  it("puts the one that is about to begin where it will stand", () => {
    expect(names(waitingOf({ header, queue: { runnerOnline: true, items }, rows: [] }))).toEqual([["a"], ["b"]]);
  });

  it("leaves all in the queue while a run is on, while it is paused, and while no runner is there", () => {
    expect(names(waitingOf({ header: { ...header, run }, queue: { runnerOnline: true, items }, rows: [] }))).toEqual([[], ["a", "b"]]);
    expect(names(waitingOf({ header, queue: { runnerOnline: true, paused: "stopped", items }, rows: [] }))).toEqual([[], ["a", "b"]]);
    expect(names(waitingOf({ header, queue: { runnerOnline: false, items }, rows: [] }))).toEqual([[], ["a", "b"]]);
  });

  it("puts what steers the answer at the answer's end", () => {
    const mixed = [item("s", "steer"), item("a")];
    expect(names(waitingOf({ header: { ...header, run }, queue: { runnerOnline: true, items: mixed }, rows: [] }))).toEqual([["s"], ["a"]]);
  });

  it("shows nothing twice", () => {
    const row: TranscriptRow = {
      id: "1",
      seq: 1,
      at: 0,
      body: { type: "prompt", prompt: "a", text: "a", by: { type: "hub" }, steered: false, state: { type: "pickedUp" } },
    };
    expect(names(waitingOf({ header: { ...header, run }, queue: { runnerOnline: true, items }, rows: [row] }))).toEqual([[], ["b"]]);
  });
});
