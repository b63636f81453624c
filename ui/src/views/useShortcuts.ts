import { useEffect } from "react";
import { nextNeedingYou } from "../features/sessions/sessions.logic";
import { beginNewSession, openSession, stop, stopTargetOf } from "../state/actions";
import { useConversation } from "../state/conversation";
import { showDialog, toggleSidebar, useInterface } from "../state/interface";
import { ESCAPE_TWICE_MS, type Shortcut, shortcutOf } from "./shortcuts.logic";

/** Listens to the window's keys. A dialog keeps its own Esc. */
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
      const shortcut = shortcutOf(event, isTextField(event.target) ? "text" : "elsewhere");
      if (shortcut.type === "none") return;
      if (useInterface.getState().dialog !== "none" && shortcut.type !== "palette") return;
      if (shortcut.type === "escape") {
        if (!canStop()) return;
        if (useInterface.getState().escape === "armed") {
          armed("none");
          stopHere();
        } else {
          armed("armed");
        }
        return;
      }
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
      return showDialog("search");
    case "settings":
      return showDialog("settings");
    case "help":
      return showDialog("keyboard");
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

function isTextField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null;
}
