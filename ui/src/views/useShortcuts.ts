import { useEffect } from "react";
import { nextNeedingYou } from "../features/sessions/sessions.logic";
import { beginNewSession, openSession, stop, stopTargetOf } from "../state/actions";
import { useConversation } from "../state/conversation";
import { closeDrawer, showDialog, toggleSidebar, useInterface } from "../state/interface";
import { ESCAPE_TWICE_MS, type FocusKind, type Shortcut, shortcutOf } from "./shortcuts.logic";
import { focusHome } from "./useFocusReturn";

/** Handles the window's keys. A dialog handles Esc itself. */
export function useShortcuts(): void {
  useEffect(() => {
    let disarm: ReturnType<typeof setTimeout> | undefined;
    const armed = (state: "none" | "armed") => {
      clearTimeout(disarm);
      useInterface.setState({ escape: state });
      if (state === "armed") disarm = setTimeout(() => useInterface.setState({ escape: "none" }), ESCAPE_TWICE_MS);
    };
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented) return;
      const shortcut = shortcutOf(event, focusKindOf(event.target));
      if (shortcut.type === "none") return;
      const { dialog, drawer } = useInterface.getState();
      if (dialog && shortcut.type !== "palette") return;
      if (shortcut.type === "escape") {
        // A held key may already have closed something: its repeats are not a second press.
        if (event.repeat) return;
        if (drawer === "open") return closeDrawer();
        if (!canStop()) return;
        if (useInterface.getState().escape === "armed") {
          armed("none");
          stopHere();
        } else {
          armed("armed");
        }
        return;
      }
      // The key press is still to be handled: it writes into the element that has the focus by then.
      if (shortcut.type === "write") return focusHome();
      event.preventDefault();
      perform(shortcut);
    };
    window.addEventListener("keydown", onKeyDown);
    return () => {
      armed("none");
      window.removeEventListener("keydown", onKeyDown);
    };
  }, []);
}

function perform(shortcut: Shortcut): void {
  const { sessions } = useConversation.getState();
  const { place } = useInterface.getState();
  switch (shortcut.type) {
    case "stop":
      return stopHere();
    case "newSession":
      return void beginNewSession();
    case "palette":
      return showDialog({ type: "search" });
    case "settings":
      return showDialog({ type: "settings" });
    case "help":
      return showDialog({ type: "keyboard" });
    case "sidebar":
      return toggleSidebar();
    case "needsYou": {
      const next = nextNeedingYou(sessions ?? [], place.type === "session" ? place.session : undefined);
      return next === undefined ? undefined : void openSession(next);
    }
    case "switch": {
      const row = sessions?.[shortcut.place];
      return row && void openSession(row.session);
    }
    case "none":
    case "escape":
    case "write":
      return undefined;
  }
}

function canStop(): boolean {
  return stopTargetOf(useConversation.getState().open) !== undefined;
}

function stopHere(): void {
  const { open } = useConversation.getState();
  const target = stopTargetOf(open);
  if (open && target) void stop(open.session, target, "tree");
}

function focusKindOf(target: EventTarget | null): FocusKind {
  if (!(target instanceof HTMLElement) || target === document.body) return "nowhere";
  if (target.closest("select, [role=menu]")) return "letters";
  return target.closest("input:not([type=radio]), textarea, [contenteditable]") ? "text" : "control";
}
