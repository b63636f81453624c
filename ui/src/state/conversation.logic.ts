/**
 * Applies view messages to what the screen holds. Rust owns the conversation; this only follows its ordered patches.
 *
 * Untouched rows keep their object identity, so that a memoised row is rendered again only when it changed.
 */
import type { AccountView } from "../generated/AccountView";
import type { ConnectionView } from "../generated/ConnectionView";
import type { DraftView } from "../generated/DraftView";
import type { OpaqueIntentView } from "../generated/OpaqueIntentView";
import type { QueueView } from "../generated/QueueView";
import type { RowPatch } from "../generated/RowPatch";
import type { SessionHeader } from "../generated/SessionHeader";
import type { SessionId } from "../generated/SessionId";
import type { SessionRow } from "../generated/SessionRow";
import type { TranscriptRow } from "../generated/TranscriptRow";
import type { ViewFrame } from "../generated/ViewFrame";
import type { ViewId } from "../generated/ViewId";
import type { ViewMessage } from "../generated/ViewMessage";

/** What the screen has of one open session. */
export interface OpenSession {
  readonly view: ViewId;
  readonly session: SessionId;
  readonly header: SessionHeader | undefined;
  readonly queue: QueueView | undefined;
  readonly rows: readonly TranscriptRow[];
  /** Whether the first rows have arrived; until then "empty" is not known to be true. */
  readonly painted: boolean;
  /** How many rows were put at the end since the view was opened: "12 new" is a difference of two of these. */
  readonly appended: number;
  /** Grows with each patch that put rows before the first one. */
  readonly prepended: number;
}

export interface Conversation {
  readonly connection: ConnectionView | undefined;
  readonly account: AccountView | undefined;
  readonly drafts: readonly DraftView[];
  readonly opaqueIntents: readonly OpaqueIntentView[];
  readonly sessionsView: ViewId | undefined;
  readonly sessions: readonly SessionRow[] | undefined;
  readonly open: OpenSession | undefined;
}

export const emptyConversation: Conversation = {
  connection: undefined,
  account: undefined,
  drafts: [],
  opaqueIntents: [],
  sessionsView: undefined,
  sessions: undefined,
  open: undefined,
};

export function openedSession(view: ViewId, session: SessionId): OpenSession {
  return { view, session, header: undefined, queue: undefined, rows: [], painted: false, appended: 0, prepended: 0 };
}

/** Applies a frame. Messages for a view that is closed by now are dropped. */
export function applyFrame(state: Conversation, frame: ViewFrame): Conversation {
  return frame.messages.reduce(applyMessage, state);
}

function applyMessage(state: Conversation, message: ViewMessage): Conversation {
  switch (message.type) {
    case "connection":
      return { ...state, connection: message.connection };
    case "account":
      return { ...state, account: message.account };
    case "drafts":
      return { ...state, drafts: message.drafts };
    case "opaqueIntents":
      return { ...state, opaqueIntents: message.intents };
    case "sessions":
      return message.view === state.sessionsView ? { ...state, sessions: message.rows } : state;
    case "header":
      return withOpen(state, message.view, (open) => ({ ...open, header: message.header }));
    case "queue":
      return withOpen(state, message.view, (open) => ({ ...open, queue: message.queue }));
    case "rows":
      return withOpen(state, message.view, (open) => applyPatches(open, message.patches));
    default:
      // A newer shell may say more than this screen knows.
      return state;
  }
}

function withOpen(state: Conversation, view: ViewId, next: (open: OpenSession) => OpenSession): Conversation {
  return state.open?.view === view ? { ...state, open: next(state.open) } : state;
}

/** Applies the patches in order; one copy of the list a call, not one a patch. */
export function applyPatches(open: OpenSession, patches: readonly RowPatch[]): OpenSession {
  let rows = [...open.rows];
  let { painted, appended, prepended } = open;
  for (const patch of patches) {
    switch (patch.type) {
      case "reset":
        rows = [...patch.rows];
        painted = true;
        break;
      case "insert": {
        const at = patch.before === undefined ? rows.length : indexOfRow(rows, patch.before, "front");
        if (at === rows.length) appended += 1;
        else if (at === 0) prepended += 1;
        rows.splice(at, 0, patch.row);
        painted = true;
        break;
      }
      case "update":
        change(rows, patch.row.id, () => patch.row);
        break;
      case "appendText":
        change(rows, patch.id, (row) => appendText(row, patch.text));
        break;
      case "remove":
        rows = rows.filter((row) => row.id !== patch.id);
        break;
    }
  }
  return { ...open, rows, painted, appended, prepended };
}

/** Where a row stands; the end where it is not known. Growth happens at the end and history at the front, so it looks there first. */
function indexOfRow(rows: readonly TranscriptRow[], id: string, from: "front" | "end"): number {
  const at = from === "front" ? rows.findIndex((row) => row.id === id) : rows.findLastIndex((row) => row.id === id);
  return at === -1 ? rows.length : at;
}

function change(rows: TranscriptRow[], id: string, next: (row: TranscriptRow) => TranscriptRow): void {
  const at = indexOfRow(rows, id, "end");
  const row = rows[at];
  if (row) rows[at] = next(row);
}

function appendText(row: TranscriptRow, text: string): TranscriptRow {
  const { body } = row;
  switch (body.type) {
    case "text":
    case "reasoning":
    case "toolCall":
    case "toolResult":
      return { ...row, body: { ...body, text: body.text + text } };
    default:
      return row;
  }
}
