import { expect, it } from "vitest";
import { longestMarkedWord, runsOf } from "./words.logic";

it.each([
  ["", 0],
  ["Zürich ist schön ".repeat(100), 0],
  ["u\u0308".repeat(100), 0],
  ["a".repeat(1_000), 0],
  [`short ${"e\u0301".repeat(300)} u\u0308`, 600],
])("the longest word with marks: %#", (text, length) => expect(longestMarkedWord(text)).toBe(length));

it("an endless word is cut into runs that are the text, each letter with its marks", () => {
  for (const unit of ["e\u0301\u0301\u0301", "e\u0301", "a\u{1f468}\u200d\u{1f469}\u0301"]) {
    const runs = runsOf(unit.repeat(1_000));
    expect(runs.length).toBeGreaterThan(5);
    expect(runs.join("")).toBe(unit.repeat(1_000));
    for (const run of runs.slice(1)) expect(run).not.toMatch(/^[\p{M}\p{Cs}]/u);
  }
});

it("a text is one run", () => {
  expect(runsOf("नमस्ते दुनिया ".repeat(400))).toHaveLength(1);
});
