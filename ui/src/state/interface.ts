/** What belongs to this screen alone: which session is shown, which dialog is open. Never a part of the conversation. */
import { create } from "zustand";
import type { RowId } from "../generated/RowId";
import type { SessionId } from "../generated/SessionId";

export type Place = { type: "new" } | { type: "session"; session: SessionId };
export type DialogName = "none" | "search" | "settings" | "keyboard" | "link";

/** A row that a search hit points to; followed until it is loaded and shown. */
export interface Reveal {
  session: SessionId;
  row: RowId;
}

interface Interface {
  place: Place;
  dialog: DialogName;
  sidebar: "shown" | "hidden";
  reveal: Reveal | undefined;
  /** The row that a search led to; marked until another session is opened. */
  revealed: RowId | undefined;
  /** How often a new session was asked for: the box for it takes the focus each time. */
  newAsked: number;
  /** How often the end of the transcript was asked for from elsewhere. */
  endAsked: number;
  /** A stop that was pressed here: at what, and its intent once that is in the outbox. */
  stopPressed: { aim: string; command: string | undefined } | undefined;
  /** Whether one Esc was pressed, so that the next one stops. */
  escape: "none" | "armed";
  /** Something that a person did could not be done at all; shown until dismissed. */
  problem: { message: string; hint: string } | undefined;
}

export const useInterface = create<Interface>()(() => ({
  place: { type: "new" },
  dialog: "none",
  sidebar: "shown",
  reveal: undefined,
  revealed: undefined,
  newAsked: 0,
  endAsked: 0,
  stopPressed: undefined,
  escape: "none",
  problem: undefined,
}));

/** The person sent something that begins at the end: that is where they want to look. */
export function askForEnd(): void {
  useInterface.setState((state) => ({ endAsked: state.endAsked + 1 }));
}

export function showDialog(dialog: DialogName): void {
  useInterface.setState({ dialog });
}

export function showProblem(message: string, hint: string): void {
  useInterface.setState({ problem: { message, hint } });
}

export function toggleSidebar(): void {
  useInterface.setState((state) => ({ sidebar: state.sidebar === "shown" ? "hidden" : "shown" }));
}
