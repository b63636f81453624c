/** The texts in the composers, and how they reach other devices. */
import { create } from "zustand";
import type { DraftView } from "../generated/DraftView";
import type { Seq } from "../generated/Seq";
import type { SentDraft } from "../generated/SentDraft";
import type { SessionId } from "../generated/SessionId";
import type { ViewRequest } from "../generated/ViewRequest";
import { platform } from "../platform/platform";
import { useConversation } from "./conversation";
import { both, type Draft, follow, isUnsaved, newestUnbegun, NO_DRAFT, viewOf } from "./drafts.logic";
import { uuidV7 } from "./uuid";

interface Drafts {
  readonly drafts: Readonly<Record<SessionId, Draft>>;
  /** The id under which the next first prompt is drafted. No session has this id. */
  readonly next: SessionId;
}

export const useDrafts = create<Drafts>()(() => ({ drafts: {}, next: uuidV7() }));

/** How long a pause in typing must be before the draft is saved, and how long typing may continue unsaved. */
const SAVE_AFTER_MS = 400;
const SAVE_WITHIN_MS = 2_000;

interface Saving {
  timer: ReturnType<typeof setTimeout>;
  latest: number;
}

const savings = new Map<SessionId, Saving>();

/** The last request about each session's draft until it is answered; the next request waits for it. */
const turns = new Map<SessionId, Promise<unknown>>();

function draftText(session: SessionId): string {
  return useDrafts.getState().drafts[session]?.text ?? "";
}

/** Handles typing. */
export function setDraft(session: SessionId, text: string): void {
  put(session, { ...draftOf(session), text });
  saveSoon(session);
}

/** Takes the text to send it as a prompt. Returns the seq of the log's draft that the text is based on, if there is one. */
export function takeDraft(session: SessionId): Seq | undefined {
  cancelSave(session);
  const draft = draftOf(session);
  put(session, { ...draft, text: "" });
  return seenOf(draft);
}

/** Like `takeDraft`, for the first prompt of a session; the next first prompt gets another id. */
export function takeFirstDraft(): SentDraft {
  const session = useDrafts.getState().next;
  const seen = takeDraft(session);
  useDrafts.setState({ next: uuidV7() });
  return { session, ...(seen !== undefined && { seen }) };
}

/** Puts a text that could not be sent, or was taken back, before what was typed since. Saves at once: no other place has it. */
export function restoreDraft(session: SessionId, unsent: string): void {
  const current = draftText(session);
  put(session, { ...draftOf(session), text: current === "" ? unsent : `${unsent}\n${current}` });
  save(session);
}

/** Adds a text from elsewhere to this composer, once: another device may already have added it. */
export function joinDraft(session: SessionId, text: string): void {
  put(session, { ...draftOf(session), text: both(text, draftText(session)) });
  save(session);
}

/** Takes over what is kept now, here and in the account's log. */
export function followDrafts(views: readonly DraftView[]): void {
  const me = useConversation.getState().account?.me;
  const known = new Set([...Object.keys(useDrafts.getState().drafts), ...views.map((view) => view.session)]);
  for (const session of known) {
    const isHeld = savings.has(session) || turns.has(session);
    const after = follow(useDrafts.getState().drafts[session], viewOf(views, session), me, isHeld ? "held" : "free");
    put(session, after);
    if (isUnsaved(after) && !isHeld) saveSoon(session);
  }
  chooseNext(views);
}

/** Saves at once every draft that waits to be saved. */
export function saveDrafts(): void {
  for (const session of savings.keys()) save(session);
}

/** Chooses the draft for an empty composer of a new session: the newest one from any device, but never the draft of a session. */
function chooseNext(views: readonly DraftView[]): void {
  const { next, drafts } = useDrafts.getState();
  const view = viewOf(views, next);
  const isGone = view === undefined && drafts[next] !== undefined && draftText(next) === "";
  if (view?.isBegun === true || isGone) useDrafts.setState({ next: uuidV7() });
  if (draftText(useDrafts.getState().next) !== "") return;
  const waiting = newestUnbegun(views);
  if (waiting !== undefined) useDrafts.setState({ next: waiting.session });
}

function draftOf(session: SessionId): Draft {
  return useDrafts.getState().drafts[session] ?? NO_DRAFT;
}

function seenOf({ seen }: Draft): Seq | undefined {
  return seen > 0 ? seen : undefined;
}

function put(session: SessionId, draft: Draft): void {
  const { text, kept, seen } = draftOf(session);
  if (useDrafts.getState().drafts[session] && draft.text === text && draft.kept === kept && draft.seen === seen) return;
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
  const seen = seenOf(draft);
  const request: ViewRequest = { type: "saveDraft", session, text: draft.text, ...(seen !== undefined && { seen }) };
  // No person asked for this: after a refusal the text stays in the composer, and the next typing saves it again.
  void inTurn(session, () => platform().request(request)).catch(() => undefined);
}

/** Runs a request about a session's draft after the one before is answered: a prompt must not overtake the save of its text. */
export function inTurn<T>(session: SessionId, ask: () => Promise<T>): Promise<T> {
  const before = turns.get(session);
  const answer = before ? before.then(ask) : ask();
  const turn = answer
    .catch(() => undefined)
    .then(() => {
      if (turns.get(session) === turn) turns.delete(session);
    });
  turns.set(session, turn);
  return answer;
}
