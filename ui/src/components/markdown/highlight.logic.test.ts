import { expect, it } from "vitest";
import { isColorable, languageOf } from "./highlight.logic";

it.each([
  ["rust", "rust"],
  ["RS", "rust"],
  ["c++", "cpp"],
  ["", undefined],
  ["constructor", undefined],
  ["__proto__", undefined],
])("%j is the language %s", (name, language) => expect(languageOf(name)).toBe(language));

it("leaves data and long files without colours", () => {
  expect(isColorable("let a = 1;\n".repeat(400).trimEnd())).toBe(true);
  expect(isColorable("let a = 1;\n".repeat(401))).toBe(false);
  expect(isColorable("a".repeat(601))).toBe(false);
  expect(isColorable(`${"a".repeat(500)}\n`.repeat(41))).toBe(false);
});
