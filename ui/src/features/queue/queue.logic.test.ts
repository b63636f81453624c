import { describe, expect, it } from "vitest";
import type { PromptState } from "../../generated/PromptState";
import type { QueueItem } from "../../generated/QueueItem";
import { actionsOf, moveTarget, placeOf } from "./queue.logic";

const item = (prompt: string, delivery: QueueItem["delivery"] = "queue", type: PromptState["type"] = "accepted"): QueueItem => ({
  prompt,
  text: prompt,
  by: { type: "hub" },
  at: 0,
  delivery,
  state: (type === "refused" ? { type, error: { code: "queue_full", message: "m", hint: "h" } } : { type }) as PromptState,
});
const items = [item("s", "steer"), item("a"), item("b"), item("c"), item("w", "queue", "waitingForHub")];

describe("the queue's rows", () => {
  it("offer what can be done at their place", () => {
    const of = (prompt: string) => actionsOf(items.find((each) => each.prompt === prompt) ?? item("?"), items);
    expect(of("a")).toEqual(["sendNow", "edit", "down", "remove"]);
    expect(of("b")).toEqual(["sendNow", "edit", "up", "down", "remove"]);
    expect(of("c")).toEqual(["sendNow", "edit", "up", "remove"]);
    expect(of("s")).toEqual(["edit", "remove"]);
    expect(of("w")).toEqual(["cancel"]);
  });

  it("offer Retry and Cancel where the outcome is unknown, and nothing once taken", () => {
    expect(actionsOf(item("x", "queue", "unknown"), [])).toEqual(["retry", "cancel"]);
    expect(actionsOf(item("x", "queue", "refused"), [])).toEqual(["edit", "cancel"]);
    expect(actionsOf(item("x", "queue", "pickedUp"), [])).toEqual([]);
  });

  it("move among those that wait at the hub", () => {
    expect(moveTarget("b", "up", items)).toEqual({ type: "before", prompt: "a" });
    expect(moveTarget("a", "down", items)).toEqual({ type: "before", prompt: "c" });
    expect(moveTarget("b", "down", items)).toEqual({ type: "end" });
    expect(moveTarget("a", "up", items)).toBeUndefined();
    expect(moveTarget("c", "down", items)).toBeUndefined();
    expect(moveTarget("w", "up", items)).toBeUndefined();
  });

  it("are numbered without the steers", () => {
    expect(items.map((each) => placeOf(each, items))).toEqual([undefined, 0, 1, 2, 3]);
  });
});
