import { describe, expect, it } from "vitest";
import type { DraftView } from "../generated/DraftView";
import type { Principal } from "../generated/Principal";
import { both, type Draft, follow, isUnsaved, newestUnbegun, NO_DRAFT } from "./drafts.logic";

const device = (id: string): Principal => ({ type: "device", account: "a", device: id });
const me = device("me");
const other = device("other");
const view = (text: string, seq: number, by = other, more: Partial<DraftView> = {}): DraftView => ({
  session: "s",
  isBegun: true,
  text,
  seq,
  by,
  ...more,
});
const unsent = (text: string, basedOn = 0) => ({ unsent: { text, basedOn } });
const typed = (draft: Draft, text: string): Draft => ({ ...draft, text });
/** The composer's text after all of these views in turn. */
const boxAfter = (draft: Draft | undefined, ...views: (DraftView | undefined)[]) =>
  views.reduce<Draft | undefined>((now, next) => follow(now, next, me), draft);

describe("a draft", () => {
  it("begins with what this device saved last, or else with what the log has", () => {
    expect(boxAfter(undefined, view("theirs", 5))).toEqual({ text: "theirs", kept: "theirs", seen: 5 });
    expect(boxAfter(undefined, view("wh", 5, me, unsent("why", 3)))?.text).toBe("why");
    expect(boxAfter(undefined, undefined)).toEqual(NO_DRAFT);
  });

  it("keeps both where this device had saved without knowing of the other's", () => {
    const shown = boxAfter(undefined, view("theirs", 5, other, unsent("mine", 0)));
    expect(shown?.text).toBe("theirs\nmine");
    expect(shown && isUnsaved(shown)).toBe(true);
    expect(boxAfter(undefined, view("theirs", 5, other, unsent("theirs and mine", 5)))?.text).toBe("theirs and mine");
  });

  it("follows another device while nothing was typed here", () => {
    const shown = follow(undefined, view("wh", 5), me);
    expect(boxAfter(shown, view("why", 6))).toEqual({ text: "why", kept: "why", seen: 6 });
    expect(boxAfter(shown, view("why", 6), undefined)).toEqual(NO_DRAFT);
  });

  it("keeps both texts where both devices wrote", () => {
    const shown = typed(follow(undefined, view("wh", 5), me), "what");
    expect(boxAfter(shown, view("why", 6))).toEqual({ text: "why\nwhat", kept: "why", seen: 6 });
    expect(both("why", "why not")).toBe("why not");
    expect(both("why not", "why")).toBe("why not");
    expect(both("Is it on or off?", "on")).toBe("Is it on or off?\non");
  });

  it("keeps both where the other's comes while this one's is on its way", () => {
    const saved = boxAfter(typed(NO_DRAFT, "mine"), view("", 0, me, unsent("mine")));
    expect(boxAfter(saved, view("theirs", 5, other, unsent("mine")))?.text).toBe("theirs\nmine");
  });

  it("is never replaced by an older text of its own, and takes a newer one", () => {
    const shown = typed(NO_DRAFT, "why no");
    expect(boxAfter(shown, view("why", 5, me))).toEqual({ text: "why no", kept: "why", seen: 5 });
    const old = follow(undefined, view("wh", 5, me), me);
    expect(boxAfter(old, view("why", 6, me))?.text).toBe("why");
  });

  it("is saved again where the other one was emptied meanwhile", () => {
    const refused = boxAfter(undefined, view("", 9, other, unsent("what", 5)));
    expect(refused).toEqual({ text: "what", kept: "", seen: 9 });
    expect(refused && isUnsaved(refused)).toBe(true);
    expect(boxAfter(refused, view("", 9, other, unsent("what", 9)))).toEqual({ text: "what", kept: "what", seen: 9 });
  });

  it("is not what is kept while it is being typed", () => {
    const typing = typed({ text: "abcd", kept: "abc", seen: 0 }, "abc");
    expect(follow(typing, view("", 0, me, unsent("abcd")), me, "held").text).toBe("abc");
    expect(follow(typing, view("", 0, me, unsent("abcd")), me, "free").text).toBe("abcd");
  });

  it("stays empty once it was sent, while the log still has it", () => {
    const sent = typed(follow(undefined, view("why", 5, me), me), "");
    const emptying = follow(sent, view("why", 5, me, unsent("", 5)), me);
    expect([emptying.text, isUnsaved(emptying)]).toEqual(["", false]);
    expect(boxAfter(emptying, undefined)).toEqual(NO_DRAFT);
  });

  it("goes when another device sent it, unless more was typed here", () => {
    const saved = boxAfter(typed(NO_DRAFT, "why"), view("", 0, me, unsent("why")));
    expect(boxAfter(saved, undefined)).toEqual(NO_DRAFT);
    const more = saved && boxAfter(typed(saved, "why not"), undefined);
    expect(more?.text).toBe("why not");
    expect(more && isUnsaved(more)).toBe(true);
  });

  it("is what a log has that took the place of another", () => {
    const shown = follow(undefined, view("newer", 9), me);
    expect(boxAfter(shown, view("older", 7))?.text).toBe("older");
    const mine = typed(shown, "newer, and more");
    expect(boxAfter(mine, view("older", 7))?.text).toBe("older\nnewer, and more");
  });
});

describe("first prompts", () => {
  it("are those of sessions that nobody began, the newest of them", () => {
    const unbegun = { isBegun: false };
    const drafts = [view("a", 3, other, unbegun), view("b", 9), view("c", 7, other, { session: "t", ...unbegun })];
    expect(newestUnbegun(drafts)?.session).toBe("t");
    expect(newestUnbegun([view("sent", 4, other, { ...unbegun, ...unsent("") })])).toBeUndefined();
  });
});
