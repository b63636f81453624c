/** The texts in the boxes, and their way to the other devices. */
import { create } from "zustand";
import type { DraftView } from "../generated/DraftView";
import type { Seq } from "../generated/Seq";
import type { SessionId } from "../generated/SessionId";
import type { ViewRequest } from "../generated/ViewRequest";
import { platform } from "../platform/platform";
import { useConversation } from "./conversation";
import { type Draft, follow, isUnsaved, newestUnbegun, NO_DRAFT, viewOf } from "./drafts.logic";
import { uuidV7 } from "./uuid";

interface Drafts {
  readonly drafts: Readonly<Record<SessionId, Draft>>;
  /** The session that the next first prompt begins. */
  readonly next: SessionId;
}

export const useDrafts = create<Drafts>()(() => ({ drafts: {}, next: uuidV7() }));

/** How long nothing must be typed before it is saved, and how long typing may go on without. */
const SAVE_AFTER_MS = 400;
const SAVE_WITHIN_MS = 2_000;

interface Saving {
  timer: ReturnType<typeof setTimeout>;
  latest: number;
}

const savings = new Map<SessionId, Saving>();

export function draftText(session: SessionId): string {
  return useDrafts.getState().drafts[session]?.text ?? "";
}

/** The person typed. */
export function setDraft(session: SessionId, text: string): void {
  put(session, { ...draftOf(session), text });
  saveSoon(session);
}

/** The text goes out as a prompt, and the draft of this seq with it, where there was one. */
export function takeDraft(session: SessionId): Seq | undefined {
  cancelSave(session);
  const draft = draftOf(session);
  put(session, { ...draft, text: "" });
  return seenOf(draft);
}

/** A text that could not be sent, or was taken back, comes before what was typed since. */
export function restoreDraft(session: SessionId, unsent: string): void {
  const current = draftText(session);
  setDraft(session, current === "" ? unsent : `${unsent}\n${current}`);
}

/** The next first prompt is another session's. */
export function beginNextDraft(): void {
  useDrafts.setState({ next: uuidV7() });
}

/** What the account's log has now. */
export function followDrafts(views: readonly DraftView[]): void {
  const me = useConversation.getState().account?.me;
  const known = new Set([...Object.keys(useDrafts.getState().drafts), ...views.map((view) => view.session)]);
  for (const session of known) {
    const before = useDrafts.getState().drafts[session];
    const view = viewOf(views, session);
    const after = follow(before, view, me);
    if (after !== before) put(session, after);
    if (isUnsaved(after, view) && !savings.has(session)) saveSoon(session);
  }
  chooseNext(views);
}

/** Saves at once whatever waits for it. */
export function saveDrafts(): void {
  for (const session of savings.keys()) save(session);
}

/**
 * An empty box shows the first prompt that was begun on any device. Where the session was begun meanwhile, what was typed since is the
 * first prompt of another one.
 */
function chooseNext(views: readonly DraftView[]): void {
  const { next, drafts } = useDrafts.getState();
  const text = draftText(next);
  const view = viewOf(views, next);
  if (view?.isBegun === true) {
    beginNextDraft();
    if (text !== "") {
      setDraft(next, "");
      setDraft(useDrafts.getState().next, text);
    }
  } else if (text === "") {
    const waiting = newestUnbegun(views);
    if (waiting !== undefined) useDrafts.setState({ next: waiting.session });
    // It was sent or given up, here or elsewhere: its session may be there by now.
    else if (drafts[next] !== undefined && view === undefined) beginNextDraft();
  }
}

function seenOf({ seen }: Draft): Seq | undefined {
  return seen.seq > 0 ? seen.seq : undefined;
}

function draftOf(session: SessionId): Draft {
  return useDrafts.getState().drafts[session] ?? NO_DRAFT;
}

function put(session: SessionId, draft: Draft): void {
  useDrafts.setState(({ drafts }) => ({ drafts: { ...drafts, [session]: draft } }));
}

function saveSoon(session: SessionId): void {
  const now = Date.now();
  const latest = savings.get(session)?.latest ?? now + SAVE_WITHIN_MS;
  cancelSave(session);
  const timer = setTimeout(() => save(session), Math.min(SAVE_AFTER_MS, latest - now));
  savings.set(session, { timer, latest });
}

function cancelSave(session: SessionId): void {
  clearTimeout(savings.get(session)?.timer);
  savings.delete(session);
}

function save(session: SessionId): void {
  cancelSave(session);
  const draft = draftOf(session);
  const { text } = draft;
  const seen = seenOf(draft);
  const request: ViewRequest = { type: "saveDraft", session, text, ...(seen !== undefined && { seen }) };
  // Nobody asked for it: where it is refused the text stays in the box, and the next change saves again.
  void platform()
    .request(request)
    .catch(() => undefined);
}
