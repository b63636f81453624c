/**
 * Which waiting prompts stand where: those that go into the answer, and the one that is about to begin, at the transcript's end where
 * they will stand; the others in the queue.
 */
import type { QueueItem } from "../generated/QueueItem";
import type { OpenSession } from "./conversation.logic";

export interface Waiting {
  /** Nothing stands between them and a run but time or the line: they are shown where they will stand. */
  readonly pending: readonly QueueItem[];
  readonly queued: readonly QueueItem[];
}

const NOTHING: Waiting = { pending: [], queued: [] };

export function waitingOf({ header, queue, rows }: Pick<OpenSession, "header" | "queue" | "rows">): Waiting {
  if (!queue) return NOTHING;
  // A prompt that stands in the transcript already is not shown twice.
  const shown = new Set(rows.slice(-20).flatMap((row) => (row.body.type === "prompt" ? [row.body.prompt] : [])));
  const items = queue.items.filter((item) => !shown.has(item.prompt));
  if (header?.run) {
    const steers = items.filter((item) => item.delivery === "steer");
    return { pending: steers, queued: items.filter((item) => item.delivery !== "steer") };
  }
  const begins = queue.paused === undefined && queue.runnerOnline;
  return begins ? { pending: items.slice(0, 1), queued: items.slice(1) } : { pending: [], queued: items };
}
