/**
 * A runner cuts a long text into parts wherever a part is full: within a word or a block of code. On the screen, and for *Copy*, it is one
 * text again. The row of the first part shows it; the rows of the other parts are empty.
 */
import type { PartState } from "../../../generated/PartState";
import type { RowId } from "../../../generated/RowId";
import type { TranscriptRow } from "../../../generated/TranscriptRow";

/** `PART_TEXT_BYTES_MAX` of the protocol, in UTF-8 bytes. */
const PART_BYTES_MAX = 160 * 1024;
/** `PART_JSON_BYTES_MAX` of the runner, in bytes within a JSON string. */
const PART_JSON_BYTES_MAX = 256 * 1024 - 4 * 1024;

export type JoinedText = { role: "first"; text: string; state: PartState } | { role: "rest" };

const joinedOf = new WeakMap<readonly TranscriptRow[], ReadonlyMap<RowId, JoinedText>>();

/** The rows whose text continues in another row, or continues one. */
export function joinedTexts(rows: readonly TranscriptRow[]): ReadonlyMap<RowId, JoinedText> {
  const known = joinedOf.get(rows);
  if (known) return known;
  const joined = new Map<RowId, JoinedText>();
  let first: TranscriptRow | undefined;
  rows.forEach((row, place) => {
    const before = rows[place - 1];
    if (!before || !continues(before, row) || row.body.type !== "text" || before.body.type !== "text") {
      first = undefined;
      return;
    }
    first ??= before;
    const soFar = joined.get(first.id);
    const text = soFar?.role === "first" ? soFar.text : before.body.text;
    joined.set(first.id, { role: "first", text: text + row.body.text, state: row.body.state });
    joined.set(row.id, { role: "rest" });
  });
  joinedOf.set(rows, joined);
  return joined;
}

/** Whether the text of `row` continues that of `before`, whose part was full. */
export function continues(before: TranscriptRow, row: TranscriptRow): boolean {
  if (before.body.type !== "text" || row.body.type !== "text") return false;
  if (before.run === undefined || before.run !== row.run || before.body.state !== "complete") return false;
  return isFull(before.body.text, row.body.text.slice(0, 2));
}

function isFull(text: string, next: string): boolean {
  // A UTF-16 unit takes at most three bytes in UTF-8 and six in JSON.
  if (text.length * 6 < PART_BYTES_MAX || next === "") return false;
  const [character] = next;
  const grown = text + (character ?? "");
  const bytes = new TextEncoder().encode(grown).length;
  return bytes > PART_BYTES_MAX || jsonBytes(grown, bytes) > PART_JSON_BYTES_MAX;
}

/** Counts bytes as the runner does: two for a character with a short escape, six for another control character. */
function jsonBytes(text: string, bytes: number): number {
  let more = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit >= 32) more += unit === QUOTE || unit === BACKSLASH ? 1 : 0;
    else more += SHORT_ESCAPES.has(unit) ? 1 : 5;
  }
  return bytes + more;
}

const QUOTE = 34;
const BACKSLASH = 92;
/** `\b`, `\t`, `\n`, `\f` and `\r`. */
const SHORT_ESCAPES = new Set([8, 9, 10, 12, 13]);
