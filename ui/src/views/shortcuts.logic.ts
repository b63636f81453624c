/** What a key means outside of a text field's own business. */
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

/** The second Esc must come within this. */
export const ESCAPE_TWICE_MS = 1500;

const NONE: Shortcut = { type: "none" };

export function shortcutOf(press: ShortcutPress, focus: "text" | "elsewhere"): Shortcut {
  if (press.isComposing || press.keyCode === 229 || press.altKey) return NONE;
  const mod = press.ctrlKey || press.metaKey;
  if (!mod) {
    if (press.key === "Escape") return { type: "escape" };
    return press.key === "?" && focus === "elsewhere" ? { type: "help" } : NONE;
  }
  // By the place of the key, so that it works with a keyboard of another script too.
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
