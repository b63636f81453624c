import { describe, expect, it } from "vitest";
import type { DraftView } from "../generated/DraftView";
import type { Principal } from "../generated/Principal";
import { both, type Draft, follow, isUnsaved, newestUnbegun, NO_DRAFT } from "./drafts.logic";

const device = (id: string): Principal => ({ type: "device", account: "a", device: id });
const me = device("me");
const view = (text: string, seq: number, more: Partial<DraftView> = {}): DraftView => ({
  session: "s",
  isBegun: true,
  text,
  seq,
  by: device("other"),
  ...more,
});
const typed = (draft: Draft, text: string): Draft => ({ ...draft, text });

describe("a draft", () => {
  it("begins with what this device saved last, or else with what the log has", () => {
    expect(follow(undefined, view("theirs", 5), me)).toEqual({ text: "theirs", seen: { seq: 5, text: "theirs" } });
    expect(follow(undefined, view("theirs", 5, { unsent: "mine" }), me).text).toBe("mine");
    expect(follow(undefined, undefined, me)).toEqual(NO_DRAFT);
  });

  it("follows another device while nothing was typed here", () => {
    const shown = follow(undefined, view("wh", 5), me);
    const grown = follow(shown, view("why", 6), me);
    expect(grown).toEqual({ text: "why", seen: { seq: 6, text: "why" } });
    expect(follow(grown, undefined, me)).toEqual(NO_DRAFT);
  });

  it("keeps both texts where both devices wrote", () => {
    const shown = typed(follow(undefined, view("wh", 5), me), "what");
    expect(follow(shown, view("why", 6), me)).toEqual({ text: "why\nwhat", seen: { seq: 6, text: "why" } });
    expect(both("why", "why not")).toBe("why not");
    expect(both("why not", "why")).toBe("why not");
  });

  it("is never replaced by an older text of its own", () => {
    const shown = typed(NO_DRAFT, "why no");
    expect(follow(shown, view("why", 5, { by: me }), me)).toEqual({ text: "why no", seen: { seq: 5, text: "why" } });
    const settled = follow(typed(NO_DRAFT, "x"), view("y", 7), me);
    expect(follow(settled, view("old", 6), me)).toBe(settled);
  });

  it("stays empty once it was sent, while the log still has it", () => {
    const sent = typed(follow(undefined, view("why", 5, { by: me }), me), "");
    const emptying = view("why", 5, { by: me, unsent: "" });
    expect(follow(sent, emptying, me).text).toBe("");
    expect(isUnsaved(sent, emptying)).toBe(false);
    expect(follow(sent, undefined, me)).toEqual(NO_DRAFT);
  });

  it("keeps what was typed when the other device sent its own", () => {
    const shown = typed(follow(undefined, view("why", 5), me), "why not");
    const left = follow(shown, undefined, me);
    expect(left).toEqual({ text: "why not", seen: { seq: 0, text: "" } });
    expect(isUnsaved(left, undefined)).toBe(true);
  });

  it("is saved when it says something else than what was saved", () => {
    const draft = follow(undefined, view("why", 5), me);
    expect(isUnsaved(draft, view("why", 5))).toBe(false);
    expect(isUnsaved(typed(draft, "who"), view("why", 5))).toBe(true);
    expect(isUnsaved(typed(draft, "who"), view("why", 5, { unsent: "who" }))).toBe(false);
  });
});

describe("first prompts", () => {
  it("are those of sessions that nobody began, the newest of them", () => {
    const drafts = [view("a", 3, { isBegun: false }), view("b", 9), view("c", 7, { session: "t", isBegun: false })];
    expect(newestUnbegun(drafts)?.session).toBe("t");
    expect(newestUnbegun([view("sent", 4, { isBegun: false, unsent: "" })])).toBeUndefined();
  });
});
