/** State of this screen alone: which session is shown, which dialog is open. Never a part of the conversation. */
import { create } from "zustand";
import type { RowId } from "../generated/RowId";
import type { SessionId } from "../generated/SessionId";
import { isNarrow, useNarrow } from "./narrow";

export type Place = { type: "new" } | { type: "session"; session: SessionId };

/** The open dialog. There is at most one: opening another closes it. */
export type OpenDialog =
  | { type: "search" }
  | { type: "settings" }
  | { type: "keyboard" }
  | { type: "relink" }
  /** Asks before an address from an answer is opened. */
  | { type: "openAddress"; url: string };

/** A row that a search hit points to; followed until it is loaded and shown. */
export interface Reveal {
  session: SessionId;
  row: RowId;
}

interface Interface {
  place: Place;
  dialog: OpenDialog | undefined;
  /** The list next to the session, in a wide window. */
  sidebar: "shown" | "hidden";
  /** The list over the session, in a narrow window. */
  drawer: "open" | "closed";
  reveal: Reveal | undefined;
  /** The row that a search led to; marked until another session is opened. */
  revealed: RowId | undefined;
  /** Counts the requests for a new session: its composer takes the focus each time. */
  newAsked: number;
  /** Counts the requests from elsewhere to show the end of the transcript. */
  endAsked: number;
  /** A stop that was pressed here: its target, and its intent once that is in the outbox. */
  stopPressed: { aim: string; command: string | undefined } | undefined;
  /** `armed`: Esc was pressed once, so the next Esc stops. */
  escape: "none" | "armed";
  /** Why a person's action failed; shown until dismissed. */
  problem: { message: string; hint: string } | undefined;
}

export const useInterface = create<Interface>()(() => ({
  place: { type: "new" },
  dialog: undefined,
  sidebar: "shown",
  drawer: "closed",
  reveal: undefined,
  revealed: undefined,
  newAsked: 0,
  endAsked: 0,
  stopPressed: undefined,
  escape: "none",
  problem: undefined,
}));

/** Scrolls to the end: the person has sent something that starts there. */
export function askForEnd(): void {
  useInterface.setState((state) => ({ endAsked: state.endAsked + 1 }));
}

export function showDialog(dialog: OpenDialog): void {
  useInterface.setState({ dialog });
}

export function closeDialog(): void {
  useInterface.setState({ dialog: undefined });
}

export function showProblem(message: string, hint: string): void {
  useInterface.setState({ problem: { message, hint } });
}

/** Shows or hides the list, in the form that fits the window's width. */
export function toggleSidebar(): void {
  useInterface.setState((state) =>
    isNarrow() ? { drawer: state.drawer === "open" ? "closed" : "open" } : { sidebar: state.sidebar === "shown" ? "hidden" : "shown" },
  );
}

/** Whether the list is hidden, so that a button to show it is needed. */
export function useListHidden(): boolean {
  const sidebar = useInterface((state) => state.sidebar);
  const narrow = useNarrow();
  return narrow || sidebar === "hidden";
}

export function closeDrawer(): void {
  useInterface.setState({ drawer: "closed" });
}
