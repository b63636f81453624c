/**
 * What a person has begun to write, beside what the account's log has of it. Nothing that was typed is ever replaced: where another
 * device has written something else meanwhile, both texts stand.
 */
import type { DraftView } from "../generated/DraftView";
import type { Principal } from "../generated/Principal";
import type { SessionId } from "../generated/SessionId";

/** A draft as the log has it; `seq` is 0 where there is none. */
interface Recorded {
  readonly seq: number;
  readonly text: string;
}

export interface Draft {
  /** What stands in the box. */
  readonly text: string;
  /** What it goes on from. */
  readonly seen: Recorded;
}

const NONE: Recorded = { seq: 0, text: "" };
export const NO_DRAFT: Draft = { text: "", seen: NONE };

/** The draft after the account's log said something of it, or nothing. `undefined` for one that was not looked at here yet. */
export function follow(draft: Draft | undefined, view: DraftView | undefined, me: Principal | undefined): Draft {
  const recorded: Recorded = view ? { seq: view.seq, text: view.text } : NONE;
  if (draft === undefined) return { text: view?.unsent ?? recorded.text, seen: recorded };
  const { text, seen } = draft;
  const isNews = view ? recorded.seq > seen.seq : seen.text !== "";
  if (!isNews) return draft;
  const isOwn = view?.by !== undefined && me !== undefined && isSame(view.by, me);
  if (isOwn) return { text, seen: recorded };
  const isClean = text === seen.text;
  return { text: isClean ? recorded.text : both(recorded.text, text), seen: recorded };
}

/** Two texts in one: the longer where it has the other, otherwise one above the other. */
export function both(above: string, below: string): string {
  if (below.includes(above)) return below;
  return above.includes(below) ? above : `${above}\n${below}`;
}

/** Whether the box says something else than what this device has saved and the log has. */
export function isUnsaved(draft: Draft, view: DraftView | undefined): boolean {
  return draft.text !== (view?.unsent ?? draft.seen.text);
}

/** A first prompt that was begun on some device: the newest, where there are several. */
export function newestUnbegun(drafts: readonly DraftView[]): DraftView | undefined {
  const waiting = drafts.filter((draft) => !draft.isBegun && (draft.unsent ?? draft.text) !== "");
  return waiting.toSorted((a, b) => b.seq - a.seq)[0];
}

export function viewOf(drafts: readonly DraftView[], session: SessionId): DraftView | undefined {
  return drafts.find((draft) => draft.session === session);
}

function isSame(a: Principal, b: Principal): boolean {
  return a.type === "device" && b.type === "device" && a.device === b.device;
}
