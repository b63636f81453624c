import { describe, expect, it } from "vitest";
import type { QueueItem } from "../../generated/QueueItem";
import {
  bytesOver,
  chosenDelivery,
  composerKey,
  type KeyPress,
  lastTakeable,
  otherDelivery,
  placeholderId,
  PROMPT_BYTES_MAX,
  type Situation,
} from "./composer.logic";

const press = (key: string, change: Partial<KeyPress> = {}): KeyPress => ({
  key,
  keyCode: 0,
  isComposing: false,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  ...change,
});
const running: Situation = { run: "on", steering: "possible", queue: "open", line: "up" };
const idle: Situation = { ...running, run: "off" };

describe("composerKey", () => {
  it.each([
    ["Enter sends", press("Enter"), "x", "send"],
    ["Ctrl+Enter sends the other way", press("Enter", { ctrlKey: true }), "x", "sendOther"],
    ["Cmd+Enter sends the other way", press("Enter", { metaKey: true }), "x", "sendOther"],
    ["Shift+Enter is a new line", press("Enter", { shiftKey: true }), "x", "typing"],
    ["Enter while composing is the input method's", press("Enter", { isComposing: true }), "にほ", "typing"],
    ["Enter with key code 229 is the input method's", press("Enter", { keyCode: 229 }), "にほ", "typing"],
    ["Ctrl+Enter while composing sends nothing", press("Enter", { ctrlKey: true, isComposing: true }), "x", "typing"],
    ["Up in an empty composer takes back", press("ArrowUp"), "", "takeBack"],
    ["Up in a text moves the caret", press("ArrowUp"), "x", "typing"],
    ["Up while composing is the input method's", press("ArrowUp", { keyCode: 229 }), "", "typing"],
    ["Shift+Up selects", press("ArrowUp", { shiftKey: true }), "", "typing"],
    ["a letter is typed", press("a"), "", "typing"],
  ] as const)("%s", (_, key, text, expected) => {
    expect(composerKey(key, text)).toBe(expected);
  });
});

describe("where a text goes", () => {
  it("is the setting while a run is on, and the other one with Ctrl+Enter", () => {
    expect(chosenDelivery(running, "steer", undefined)).toBe("steer");
    expect(otherDelivery(running, "steer")).toBe("queue");
    expect(chosenDelivery(running, "queue", undefined)).toBe("queue");
    expect(otherDelivery(running, "queue")).toBe("steer");
  });

  it("is what a person chose for this one", () => {
    expect(chosenDelivery(running, "steer", "interrupt")).toBe("interrupt");
    expect(otherDelivery(running, "interrupt")).toBe("queue");
  });

  it("is the queue where the agent cannot be steered", () => {
    const unsteerable: Situation = { ...running, steering: "impossible" };
    expect(chosenDelivery(unsteerable, "steer", undefined)).toBe("queue");
    expect(otherDelivery(unsteerable, "queue")).toBe("interrupt");
  });

  it("is the queue while nothing runs, and before a paused one", () => {
    expect(chosenDelivery(idle, "steer", "steer")).toBe("queue");
    expect(chosenDelivery({ ...idle, queue: "paused" }, "steer", undefined)).toBe("interrupt");
    expect(otherDelivery(idle, "queue")).toBe("queue");
  });

  it("is named by the placeholder", () => {
    expect(placeholderId(running, "steer")).toBe("composer.placeholder.steer");
    expect(placeholderId(running, "queue")).toBe("composer.placeholder.queue");
    expect(placeholderId(running, "interrupt")).toBe("composer.placeholder.interrupt");
    expect(placeholderId(idle, "queue")).toBe("composer.placeholder.idle");
    expect(placeholderId({ ...idle, queue: "paused" }, "interrupt")).toBe("composer.placeholder.paused");
    expect(placeholderId({ ...idle, line: "down" }, "queue")).toBe("composer.placeholder.offline");
  });
});

describe("a draft", () => {
  it("is measured in bytes, not in characters", () => {
    expect(bytesOver("a".repeat(PROMPT_BYTES_MAX))).toBe(0);
    expect(bytesOver("a".repeat(PROMPT_BYTES_MAX + 3))).toBe(3);
    expect(bytesOver("ü".repeat(PROMPT_BYTES_MAX / 2 + 1))).toBe(2);
  });
});

it("takes back the last one that nothing has taken", () => {
  const item = (prompt: string, type: "accepted" | "pickedUp" | "unknown"): QueueItem => ({
    prompt,
    text: prompt,
    by: { type: "hub" },
    at: 0,
    delivery: "queue",
    state: { type },
  });
  expect(lastTakeable([item("a", "accepted"), item("b", "accepted"), item("c", "pickedUp")])?.prompt).toBe("b");
  expect(lastTakeable([item("a", "unknown")])).toBeUndefined();
});
