/** Decides where a text goes and what a key means in the composer. */
import type { ConnectionView } from "../../generated/ConnectionView";
import type { Delivery } from "../../generated/Delivery";
import type { QueueItem } from "../../generated/QueueItem";
import type { Line } from "../../state/line.logic";
import type { DefaultDelivery } from "../../state/settings";

/** The state of a session that matters for the next prompt. */
export interface Situation {
  run: "on" | "off";
  steering: "possible" | "impossible";
  queue: "open" | "paused";
  line: Line;
}

/** The delivery of the next prompt: during a run, the person's choice for this prompt, else the setting. */
export function chosenDelivery(situation: Situation, setting: DefaultDelivery, choice: Delivery | undefined): Delivery {
  if (situation.run === "off") return situation.queue === "paused" ? "interrupt" : "queue";
  const wanted = choice ?? setting;
  return wanted === "steer" && situation.steering === "impossible" ? "queue" : wanted;
}

/** The delivery that Ctrl/Cmd+Enter uses instead. */
export function otherDelivery(situation: Situation, chosen: Delivery): Delivery {
  if (situation.run === "off") return chosen;
  if (chosen !== "queue") return "queue";
  return situation.steering === "possible" ? "steer" : "interrupt";
}

export type PlaceholderId =
  | "composer.placeholder.idle"
  | "composer.placeholder.steer"
  | "composer.placeholder.queue"
  | "composer.placeholder.interrupt"
  | "composer.placeholder.paused"
  | "composer.placeholder.offline"
  | "composer.placeholder.refused";

/** The placeholder says where the text goes. */
export function placeholderId(situation: Situation, chosen: Delivery): PlaceholderId {
  if (situation.line === "refused") return "composer.placeholder.refused";
  if (situation.run === "on") return `composer.placeholder.${chosen}`;
  if (situation.line === "down") return "composer.placeholder.offline";
  return situation.queue === "paused" ? "composer.placeholder.paused" : "composer.placeholder.idle";
}

/** The message next to the field of a device whose prompts are never sent. */
export function refusedId(connection: ConnectionView | undefined): "composer.revoked" | "composer.refused" {
  return connection?.problem?.code === "revoked" ? "composer.revoked" : "composer.refused";
}

/** The fields that are read from a keyboard event. */
export interface KeyPress {
  key: string;
  keyCode: number;
  isComposing: boolean;
  shiftKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

export type ComposerKey = "send" | "sendOther" | "takeBack" | "typing";

/**
 * An input method handles its own Enter and arrows: `isComposing` marks them, or key code 229 if the webview ends the composition before it
 * reports the key.
 */
export function composerKey(press: KeyPress, text: string): ComposerKey {
  if (isInputMethod(press)) return "typing";
  if (press.key === "Enter") {
    if (press.shiftKey || press.altKey) return "typing";
    return press.ctrlKey || press.metaKey ? "sendOther" : "send";
  }
  const bare = !press.shiftKey && !press.ctrlKey && !press.metaKey && !press.altKey;
  return press.key === "ArrowUp" && bare && text === "" ? "takeBack" : "typing";
}

export function isInputMethod(press: Pick<KeyPress, "isComposing" | "keyCode">): boolean {
  return press.isComposing || press.keyCode === 229;
}

/** The last prompt that can still be taken back. */
export function lastTakeable(items: readonly QueueItem[]): QueueItem | undefined {
  return items.findLast((item) => item.state.type === "accepted" || item.state.type === "sending" || item.state.type === "waitingForHub");
}

/** `PROMPT_BYTES_MAX` of the protocol. */
export const PROMPT_BYTES_MAX = 128 * 1024;

/** How many UTF-8 bytes a text is over the limit; 0 if it fits. */
export function bytesOver(text: string): number {
  // A UTF-16 unit takes at most three bytes in UTF-8, so a text of a third of the limit cannot be over it; most texts are far below.
  if (text.length * 3 <= PROMPT_BYTES_MAX) return 0;
  return Math.max(0, new TextEncoder().encode(text).length - PROMPT_BYTES_MAX);
}
