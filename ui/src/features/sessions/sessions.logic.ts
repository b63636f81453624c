/** What the list shows about a session. Rust decides the order. */
import type { IconName } from "../../components/Icon";
import type { SessionId } from "../../generated/SessionId";
import type { SessionRow } from "../../generated/SessionRow";
import type { SessionRowState } from "../../generated/SessionRowState";

/** Each state has a shape and a word; the colour only helps. */
export const STATE_LOOKS: Record<SessionRowState["type"], { icon: IconName; tone: string }> = {
  needsYou: { icon: "flag", tone: "text-warn" },
  failed: { icon: "alert", tone: "text-bad" },
  unread: { icon: "unread", tone: "text-accent" },
  running: { icon: "spark", tone: "text-accent" },
  waiting: { icon: "clock", tone: "text-ink-muted" },
  notSent: { icon: "offline", tone: "text-ink-muted" },
  idle: { icon: "check", tone: "text-ink-muted" },
};

/** The next session after the shown one that a person should look at; wraps around at the end. */
export function nextNeedingYou(rows: readonly SessionRow[], shown: SessionId | undefined): SessionId | undefined {
  const wanting = rows.filter((row) => row.state.type === "needsYou" || row.state.type === "failed" || row.state.type === "unread");
  const at = wanting.findIndex((row) => row.session === shown);
  return wanting[(at + 1) % Math.max(1, wanting.length)]?.session;
}

/** The sessions whose title contains all the words, in the order of the list. */
export function matchingSessions(rows: readonly SessionRow[], query: string): SessionRow[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => words.every((word) => row.title.toLowerCase().includes(word)));
}

export interface ExcerptPiece {
  text: string;
  matched: "yes" | "no";
}

/** Splits an excerpt at its marks: a match is between U+0002 and U+0003. */
export function excerptPieces(excerpt: string): ExcerptPiece[] {
  return excerpt
    .split("\u0002")
    .flatMap((piece, place): ExcerptPiece[] => {
      if (place === 0) return [{ text: piece, matched: "no" }];
      const [matched = "", rest = ""] = piece.split("\u0003");
      return [
        { text: matched, matched: "yes" },
        { text: rest, matched: "no" },
      ];
    })
    .filter((piece) => piece.text !== "");
}
