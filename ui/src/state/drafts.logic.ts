/**
 * A person's draft in the composer, next to what is kept of it. Typed text is never replaced: if another device has written something else
 * in the meantime, the composer shows both texts.
 */
import type { DraftView } from "../generated/DraftView";
import type { Principal } from "../generated/Principal";
import type { SessionId } from "../generated/SessionId";

export interface Draft {
  /** The text in the composer. */
  readonly text: string;
  /** The text that is kept: by this device if it has saved since, else by the account's log. */
  readonly kept: string;
  /** The seq of the log's draft that this one is based on; 0: there was none. */
  readonly seen: number;
}

export const NO_DRAFT: Draft = { text: "", kept: "", seen: 0 };

/**
 * Updates the draft with what is kept of it, if anything. `draft` is `undefined` if it was not looked at here yet. A `held` text is being
 * typed or is on its way to be kept: what is kept does not say anything about it yet.
 */
export function follow(draft: Draft | undefined, view: DraftView | undefined, me: Principal | undefined, hold: "held" | "free" = "free"): Draft {
  const recorded = view?.text ?? "";
  const seen = view?.seq ?? 0;
  const { unsent } = view ?? {};
  const isElsewhere = view?.by !== undefined && !(me && isSame(view.by, me));
  // This device saved without knowing the log's present draft: the hub refuses that, so it is not kept, and both texts are shown.
  const isApart = isElsewhere && unsent !== undefined && unsent.basedOn !== seen;
  const kept = isApart ? recorded : (unsent?.text ?? recorded);
  const isClean = hold === "free" && draft?.text === draft?.kept;
  if (draft === undefined || isClean) return { text: isApart ? both(recorded, unsent.text) : kept, kept, seen };
  const isNews = isElsewhere && seen !== draft.seen;
  return { text: isNews ? both(recorded, draft.text) : draft.text, kept, seen };
}

/** Merges two texts: the longer one if it begins with the other, otherwise one above the other. */
export function both(above: string, below: string): string {
  if (below.startsWith(above)) return below;
  return above.startsWith(below) ? above : `${above}\n${below}`;
}

/** Whether the composer's text differs from what is kept. */
export function isUnsaved({ text, kept }: Draft): boolean {
  return text !== kept;
}

/** The newest draft, from any device, of a session that does not exist yet. */
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
