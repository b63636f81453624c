/** Which waiting prompts stand where: the one that is about to begin at the transcript's end, the others in the queue. */
import type { QueueItem } from "../generated/QueueItem";
import type { OpenSession } from "./conversation.logic";

export interface Waiting {
  /** Nothing stands between it and its run but time or the line: it is shown where it will stand. */
  readonly pending: QueueItem | undefined;
  readonly queued: readonly QueueItem[];
}

const NOTHING: Waiting = { pending: undefined, queued: [] };

export function waitingOf({ header, queue, rows }: Pick<OpenSession, "header" | "queue" | "rows">): Waiting {
  if (!queue) return NOTHING;
  // A prompt that stands in the transcript already is not shown twice.
  const shown = new Set(rows.slice(-20).flatMap((row) => (row.body.type === "prompt" ? [row.body.prompt] : [])));
  const items = queue.items.filter((item) => !shown.has(item.prompt));
  const first = items[0];
  const begins = first !== undefined && header?.run === undefined && queue.paused === undefined && queue.runnerOnline;
  return begins ? { pending: first, queued: items.slice(1) } : { pending: undefined, queued: items };
}
