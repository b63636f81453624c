/**
 * Where waiting prompts are shown: those that go into the answer, and the one that is about to start, at the transcript's end, where their
 * rows will be; the others in the queue.
 */
import type { QueueItem } from "../generated/QueueItem";
import type { OpenSession } from "./conversation.logic";

export interface Waiting {
  /** Only time or the connection separates them from a run, so they are shown where their rows will be. */
  readonly pending: readonly QueueItem[];
  readonly queued: readonly QueueItem[];
}

const NOTHING: Waiting = { pending: [], queued: [] };

export function waitingOf({ header, queue, rows }: Pick<OpenSession, "header" | "queue" | "rows">): Waiting {
  if (!queue) return NOTHING;
  // A prompt that is already in the transcript is not shown twice.
  const shown = new Set(rows.slice(-20).flatMap((row) => (row.body.type === "prompt" ? [row.body.prompt] : [])));
  const items = queue.items.filter((item) => !shown.has(item.prompt));
  if (header?.run) {
    const steers = items.filter((item) => item.delivery === "steer");
    return { pending: steers, queued: items.filter((item) => item.delivery !== "steer") };
  }
  const begins = queue.paused === undefined && queue.runnerOnline;
  return begins ? { pending: items.slice(0, 1), queued: items.slice(1) } : { pending: [], queued: items };
}
