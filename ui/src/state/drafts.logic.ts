/**
 * What a person has begun to write, beside what is kept of it. Nothing that was typed is ever replaced: where another device has written
 * something else meanwhile, both texts stand.
 */
import type { DraftView } from "../generated/DraftView";
import type { Principal } from "../generated/Principal";
import type { SessionId } from "../generated/SessionId";

export interface Draft {
  /** What stands in the box. */
  readonly text: string;
  /** What is kept of it: by this device where it has saved since, else by the account's log. */
  readonly kept: string;
  /** The seq of the log's draft that it goes on from; 0: there was none. */
  readonly seen: number;
}

export const NO_DRAFT: Draft = { text: "", kept: "", seen: 0 };

/**
 * The draft after something, or nothing, is kept of it. `undefined` for one that was not looked at here yet. A text that is `held` is
 * being typed or is on its way to what keeps it: what is kept says nothing of it yet.
 */
export function follow(draft: Draft | undefined, view: DraftView | undefined, me: Principal | undefined, hold: "held" | "free" = "free"): Draft {
  const recorded = view?.text ?? "";
  const seen = view?.seq ?? 0;
  const { unsent } = view ?? {};
  const isElsewhere = view?.by !== undefined && !(me && isSame(view.by, me));
  // Saved without knowing of what the log has by now: the hub refuses it, so it is not kept, and it stands beside that.
  const isApart = isElsewhere && unsent !== undefined && unsent.basedOn !== seen;
  const kept = isApart ? recorded : (unsent?.text ?? recorded);
  const isClean = hold === "free" && draft?.text === draft?.kept;
  if (draft === undefined || isClean) return { text: isApart ? both(recorded, unsent.text) : kept, kept, seen };
  const isNews = isElsewhere && seen !== draft.seen;
  return { text: isNews ? both(recorded, draft.text) : draft.text, kept, seen };
}

/** Two texts in one: the longer where it begins with the other, otherwise one above the other. */
export function both(above: string, below: string): string {
  if (below.startsWith(above)) return below;
  return above.startsWith(below) ? above : `${above}\n${below}`;
}

/** Whether the box says something else than what is kept. */
export function isUnsaved({ text, kept }: Draft): boolean {
  return text !== kept;
}

/** A first prompt that was begun on some device: the newest, where there are several. */
export function newestUnbegun(drafts: readonly DraftView[]): DraftView | undefined {
  const waiting = drafts.filter((draft) => !draft.isBegun && (draft.unsent?.text ?? draft.text) !== "");
  return waiting.toSorted((a, b) => b.seq - a.seq)[0];
}

export function viewOf(drafts: readonly DraftView[], session: SessionId): DraftView | undefined {
  return drafts.find((draft) => draft.session === session);
}

function isSame(a: Principal, b: Principal): boolean {
  return a.type === "device" && b.type === "device" && a.device === b.device;
}
