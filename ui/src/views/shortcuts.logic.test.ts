import { describe, expect, it } from "vitest";
import { shortcutOf, type ShortcutPress } from "./shortcuts.logic";

const press = (key: string, change: Partial<ShortcutPress> = {}): ShortcutPress => ({
  key,
  code: /^[a-z]$/i.test(key) ? `Key${key.toUpperCase()}` : "",
  keyCode: 0,
  isComposing: false,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  ...change,
});
const ctrl = { ctrlKey: true };

describe("shortcuts", () => {
  it.each([
    ["n", "newSession"],
    ["k", "palette"],
    ["f", "palette"],
    ["b", "sidebar"],
    [",", "settings"],
    [".", "stop"],
  ])("Ctrl+%s is %s, also with Cmd", (key, type) => {
    expect(shortcutOf(press(key, ctrl), "text").type).toBe(type);
    expect(shortcutOf(press(key, { metaKey: true }), "control").type).toBe(type);
  });

  it("goes to a session by its number", () => {
    expect(shortcutOf(press("3", ctrl), "text")).toEqual({ type: "switch", place: 2 });
  });

  it("knows a key by its place where the keyboard has another script", () => {
    expect(shortcutOf(press("л", { ...ctrl, code: "KeyK" }), "text").type).toBe("palette");
  });

  it("leaves question marks to those who write", () => {
    expect(shortcutOf(press("?", { shiftKey: true }), "text").type).toBe("none");
    expect(shortcutOf(press("?", { shiftKey: true }), "control").type).toBe("help");
  });

  it("leaves an input method's Esc to it", () => {
    expect(shortcutOf(press("Escape"), "text").type).toBe("escape");
    expect(shortcutOf(press("Escape", { isComposing: true }), "text").type).toBe("none");
    expect(shortcutOf(press("Escape", { keyCode: 229 }), "text").type).toBe("none");
  });

  it("jumps to what needs a person", () => {
    expect(shortcutOf(press("U", { ctrlKey: true, shiftKey: true }), "text").type).toBe("needsYou");
  });

  it("lets what is typed outside of a field be written, but not a key that a control uses", () => {
    for (const key of ["a", "Ж", "字", "é", "Dead"]) {
      expect(shortcutOf(press(key), "control").type, key).toBe("write");
      expect(shortcutOf(press(key), "text").type, key).toBe("none");
      expect(shortcutOf(press(key), "letters").type, key).toBe("none");
    }
    expect(shortcutOf(press("Process", { keyCode: 229 }), "nowhere").type).toBe("write");
    expect(shortcutOf(press(" "), "nowhere").type).toBe("write");
    for (const key of [" ", "Enter", "Tab", "ArrowDown", "F6"]) expect(shortcutOf(press(key), "control").type, key).toBe("none");
  });
});
