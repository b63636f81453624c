/** The text and the actions of a waiting prompt's row. */
import type { PromptId } from "../../generated/PromptId";
import type { QueueItem } from "../../generated/QueueItem";

export type QueueItemAction = "edit" | "sendNow" | "remove" | "up" | "down" | "retry" | "cancel";

/** The actions for a waiting prompt, in the order in which they are shown. */
export function actionsOf(item: QueueItem, items: readonly QueueItem[]): QueueItemAction[] {
  switch (item.state.type) {
    case "accepted": {
      if (item.delivery === "steer") return ["edit", "remove"];
      const movable = movableItems(items);
      const at = movable.findIndex((each) => each.prompt === item.prompt);
      const actions: QueueItemAction[] = ["sendNow", "edit"];
      if (at > 0) actions.push("up");
      if (at < movable.length - 1) actions.push("down");
      return [...actions, "remove"];
    }
    case "sending":
    case "waitingForHub":
      return ["cancel"];
    case "unknown":
      return ["retry", "cancel"];
    case "refused":
      return ["edit", "cancel"];
    case "pickedUp":
      return [];
  }
}

/** Where a move puts a prompt: before another one, or at the end. */
export type MoveTarget = { type: "before"; prompt: PromptId } | { type: "end" };

export function moveTarget(prompt: PromptId, direction: "up" | "down", items: readonly QueueItem[]): MoveTarget | undefined {
  const movable = movableItems(items);
  const at = movable.findIndex((item) => item.prompt === prompt);
  if (at === -1) return undefined;
  if (direction === "up") {
    const before = movable[at - 1];
    return before && { type: "before", prompt: before.prompt };
  }
  if (at === movable.length - 1) return undefined;
  const before = movable[at + 2];
  return before ? { type: "before", prompt: before.prompt } : { type: "end" };
}

/** The place in the queue that a row shows; 0 is next. Steers have none: they go into the running answer. */
export function placeOf(item: QueueItem, items: readonly QueueItem[]): number | undefined {
  if (item.delivery === "steer") return undefined;
  return items.filter((each) => each.delivery !== "steer").findIndex((each) => each.prompt === item.prompt);
}

function movableItems(items: readonly QueueItem[]): QueueItem[] {
  return items.filter((item) => item.state.type === "accepted" && item.delivery !== "steer");
}
