import { describe, expect, it } from "vitest";
import type { SessionRow } from "../../generated/SessionRow";
import { excerptPieces, matchingSessions, nextNeedingYou } from "./sessions.logic";

const row = (session: string, type: "needsYou" | "failed" | "unread" | "idle", title = session): SessionRow => ({
  session,
  title,
  state: { type },
  updatedAt: 0,
  queued: 0,
});

describe("the sessions list", () => {
  it("finds the next one to look at, and begins again at the end", () => {
    const rows = [row("a", "needsYou"), row("b", "idle"), row("c", "unread")];
    expect(nextNeedingYou(rows, undefined)).toBe("a");
    expect(nextNeedingYou(rows, "a")).toBe("c");
    expect(nextNeedingYou(rows, "c")).toBe("a");
    expect(nextNeedingYou(rows, "b")).toBe("a");
    expect(nextNeedingYou([row("b", "idle")], "b")).toBeUndefined();
    expect(nextNeedingYou([], undefined)).toBeUndefined();
  });

  it("matches all words anywhere in a title", () => {
    const rows = [row("a", "idle", "Release names"), row("b", "idle", "Names")];
    expect(matchingSessions(rows, "name REL").map((each) => each.session)).toEqual(["a"]);
    expect(matchingSessions(rows, " ")).toHaveLength(2);
  });

  it("splits an excerpt at its marks", () => {
    expect(excerptPieces("a \u0002log\u0003 of \u0002logs\u0003")).toEqual([
      { text: "a ", matched: "no" },
      { text: "log", matched: "yes" },
      { text: " of ", matched: "no" },
      { text: "logs", matched: "yes" },
    ]);
    expect(excerptPieces("plain")).toEqual([{ text: "plain", matched: "no" }]);
  });
});
