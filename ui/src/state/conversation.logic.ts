/**
 * Applies view messages to the screen's state. Rust owns the conversation; this code only follows its ordered patches.
 *
 * Unchanged rows keep their object identity, so that a memoised row renders again only if it changed.
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

/** The screen's state of one open session. */
export interface OpenSession {
  readonly view: ViewId;
  readonly session: SessionId;
  readonly header: SessionHeader | undefined;
  readonly queue: QueueView | undefined;
  readonly rows: readonly TranscriptRow[];
  /** Whether the first rows have arrived; before that, no rows does not mean an empty session. */
  readonly painted: boolean;
  /** How many rows were appended since the view was opened: "12 new" is a difference of two of these. */
  readonly appended: number;
  /** Incremented by each patch that puts rows before the first one. */
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

/** Applies a frame. Drops messages for a view that is already closed. */
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
      // A newer shell may send messages that this screen does not know.
      return state;
  }
}

function withOpen(state: Conversation, view: ViewId, next: (open: OpenSession) => OpenSession): Conversation {
  return state.open?.view === view ? { ...state, open: next(state.open) } : state;
}

/** Applies the patches in order. Copies the list once per call, not once per patch. */
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

/** A row's index; the end if it is unknown. Growth happens at the end and history at the front, so the search starts there. */
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
