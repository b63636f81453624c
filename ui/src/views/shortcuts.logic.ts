/** What a key press means, apart from a text field's own handling. */
export type Shortcut =
  | { type: "none" }
  | { type: "escape" }
  | { type: "stop" }
  | { type: "newSession" }
  | { type: "palette" }
  | { type: "settings" }
  | { type: "sidebar" }
  | { type: "needsYou" }
  | { type: "help" }
  /** A character typed outside a text field: it goes to the composer. */
  | { type: "write" }
  | { type: "switch"; place: number };

export interface ShortcutPress {
  key: string;
  code: string;
  keyCode: number;
  isComposing: boolean;
  shiftKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** The second Esc must follow within this time. */
export const ESCAPE_TWICE_MS = 1500;

const NONE: Shortcut = { type: "none" };

/** Where the focus is: in a text field, in a control that handles letters itself, in another control, or nowhere. */
export type FocusKind = "text" | "letters" | "control" | "nowhere";

export function shortcutOf(press: ShortcutPress, focus: FocusKind): Shortcut {
  // An input method that starts while the focus is elsewhere starts a text.
  if (press.isComposing || press.keyCode === 229) return takesText(focus) ? NONE : { type: "write" };
  if (press.altKey) return NONE;
  const mod = press.ctrlKey || press.metaKey;
  if (!mod) {
    if (press.key === "Escape") return { type: "escape" };
    if (takesText(focus)) return NONE;
    if (press.key === "?") return { type: "help" };
    return isCharacter(press.key) && !(press.key === " " && focus === "control") ? { type: "write" } : NONE;
  }
  // Falls back to the key's position, so that it also works with a keyboard of another script.
  const key = /^[a-z]$/i.test(press.key) ? press.key.toLowerCase() : press.code.replace(/^Key/, "").toLowerCase();
  if (press.shiftKey) return key === "u" ? { type: "needsYou" } : NONE;
  if (press.key === ".") return { type: "stop" };
  if (press.key === ",") return { type: "settings" };
  if (/^[1-9]$/.test(press.key)) return { type: "switch", place: Number(press.key) - 1 };
  switch (key) {
    case "n":
      return { type: "newSession" };
    case "k":
    case "f":
      return { type: "palette" };
    case "b":
      return { type: "sidebar" };
    default:
      return NONE;
  }
}

function takesText(focus: FocusKind): boolean {
  return focus === "text" || focus === "letters";
}

/** Whether a key writes a character. */
function isCharacter(key: string): boolean {
  return key === "Dead" || [...key].length === 1;
}
