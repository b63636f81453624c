import { describe, expect, it } from "vitest";
import { randomOf } from "../../test/random";
import type { RowPatch } from "../generated/RowPatch";
import type { TranscriptRow } from "../generated/TranscriptRow";
import { applyFrame, applyPatches, emptyConversation, openedSession } from "./conversation.logic";

const text = (id: string, content = ""): TranscriptRow => ({
  id,
  seq: Number(id),
  at: 0,
  body: { type: "text", text: content, state: "open" },
});
const open = (rows: TranscriptRow[]) => ({ ...openedSession(1, "s"), rows });

describe("applyPatches", () => {
  it("appends at the end and counts what is new", () => {
    const after = applyPatches(open([text("1")]), [{ type: "insert", row: text("2") }]);
    expect(after.rows.map((row) => row.id)).toEqual(["1", "2"]);
    expect([after.appended, after.prepended, after.painted]).toEqual([1, 0, true]);
  });

  it("puts older rows before the first one in the order in which they come", () => {
    const after = applyPatches(open([text("5")]), [
      { type: "insert", row: text("3"), before: "5" },
      { type: "insert", row: text("4"), before: "5" },
    ]);
    expect(after.rows.map((row) => row.id)).toEqual(["3", "4", "5"]);
    expect(after.appended).toBe(0);
    expect(after.prepended).toBe(1);
  });

  it("grows a text and leaves every other row the same object", () => {
    const before = open([text("1", "a"), text("2", "b")]);
    const after = applyPatches(before, [{ type: "appendText", id: "2", text: "c" }]);
    expect(after.rows[0]).toBe(before.rows[0]);
    expect(after.rows[1]).toEqual(text("2", "bc"));
    expect(before.rows[1]).toEqual(text("2", "b"));
  });

  it("drops patches for rows that it does not have", () => {
    const before = open([text("1", "a")]);
    const after = applyPatches(before, [
      { type: "appendText", id: "9", text: "x" },
      { type: "update", row: text("9", "x") },
      { type: "remove", id: "9" },
    ]);
    expect(after.rows).toEqual(before.rows);
  });

  it("ends with the same rows however the patches are cut into frames", () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = randomOf(seed);
      const patches = randomPatches(random, 60);
      const whole = applyPatches(open([]), patches);
      let pieces = open([]) as ReturnType<typeof applyPatches>;
      for (let at = 0; at < patches.length; ) {
        const size = 1 + random(7);
        pieces = applyPatches(pieces, patches.slice(at, at + size));
        at += size;
      }
      expect(pieces, `seed ${seed}`).toEqual(whole);
      expect(whole.rows, `seed ${seed}`).toEqual(model(patches));
    }
  });
});

describe("applyFrame", () => {
  it("drops what is for a view that is closed by now", () => {
    const state = { ...emptyConversation, sessionsView: 1, open: openedSession(7, "s") };
    const after = applyFrame(state, {
      messages: [
        { type: "rows", view: 6, patches: [{ type: "reset", rows: [text("1")] }] },
        { type: "sessions", view: 2, rows: [] },
      ],
    });
    expect(after).toEqual(state);
  });

  it("keeps going when a newer shell says something unknown", () => {
    const unknown = { type: "weather", rain: true } as never;
    const after = applyFrame(emptyConversation, {
      messages: [unknown, { type: "connection", connection: { phase: "live", hubName: "h", outbox: 0 } }],
    });
    expect(after.connection?.phase).toBe("live");
  });
});

function randomPatches(random: (below: number) => number, count: number): RowPatch[] {
  const ids: string[] = [];
  return Array.from({ length: count }, (_, place): RowPatch => {
    const known = ids[random(Math.max(1, ids.length))];
    const kind = known === undefined ? 0 : random(6);
    if (kind <= 1 || known === undefined) {
      const id = String(place + 1);
      ids.push(id);
      return kind === 1 && known !== undefined ? { type: "insert", row: text(id), before: known } : { type: "insert", row: text(id) };
    }
    if (kind === 2) return { type: "update", row: text(known, "new") };
    if (kind === 3) return { type: "remove", id: known };
    return { type: "appendText", id: known, text: String(place) };
  });
}

/** Applies patches by the simplest means. */
function model(patches: readonly RowPatch[]): TranscriptRow[] {
  let rows: TranscriptRow[] = [];
  for (const patch of patches) {
    if (patch.type === "insert") {
      const at = rows.findIndex((row) => row.id === patch.before);
      rows = at === -1 ? [...rows, patch.row] : [...rows.slice(0, at), patch.row, ...rows.slice(at)];
    } else if (patch.type === "update") rows = rows.map((row) => (row.id === patch.row.id ? patch.row : row));
    else if (patch.type === "remove") rows = rows.filter((row) => row.id !== patch.id);
    else if (patch.type === "appendText") {
      rows = rows.map((row) =>
        row.id === patch.id && row.body.type === "text" ? { ...row, body: { ...row.body, text: row.body.text + patch.text } } : row,
      );
    }
  }
  return rows;
}
