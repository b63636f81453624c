import { Lexer } from "marked";
import { describe, expect, it } from "vitest";
import { randomOf } from "../../../test/random";
import { ANSWER, STEERED } from "../../platform/fake/fake-content";
import { BlockSplitter } from "./blocks.logic";

const TEXTS: Record<string, string> = {
  answer: ANSWER,
  list: STEERED,
  "lists that continue": "- a\n\n- b\n  more\n\n  still b\n\n1. one\n2. two\n\ntext after\n- new list\n",
  "setext and rules": "Title\n=====\n\nsub\n---\n\n---\n\nend",
  "fences in fences": "````md\n```js\nx\n```\n````\nafter\n~~~\nnever closed",
  tables: "before\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\nafter | not a table\n",
  "quotes and html": "> q\n> q2\nlazy\n\n<details>\n<summary>s</summary>\n\nx\n</details>\n\n> again",
  "indented code": "para\n\n    code\n\n    more\n\npara",
  unicode: "Grüße 👩‍👩‍👧 in *Zürich*\n\n日本語の**段落**。\n\nمرحبا\n",
  "leading blanks": "\n\n\n# h\n\n\n\ntext",
  empty: "",
};

describe("BlockSplitter", () => {
  it.each(Object.entries(TEXTS))("loses and adds nothing: %s", (_, source) => {
    const whole = new BlockSplitter().split(source, true);
    expect(whole.tail).toBe("");
    expect(whole.settled.join("")).toBe(source);
  });

  it.each(Object.entries(TEXTS))("gives the same blocks however the text comes in: %s", (name, source) => {
    const expected = new BlockSplitter().split(source, true).settled;
    for (let seed = 1; seed <= 40; seed += 1) {
      const random = randomOf(seed);
      const splitter = new BlockSplitter();
      let before: readonly string[] = [];
      for (let at = 0; at < source.length; ) {
        at += 1 + random(12);
        const { settled, tail } = splitter.split(source.slice(0, at), false);
        expect(settled.join("") + tail, `${name}, seed ${seed}`).toBe(source.slice(0, at));
        expect(settled.slice(0, before.length), `${name}, seed ${seed}: a settled block changed`).toEqual(before);
        before = settled;
      }
      expect(splitter.split(source, true).settled, `${name}, seed ${seed}`).toEqual(expected);
    }
  });

  it("keeps settled blocks the same strings, so that they are not drawn again", () => {
    const splitter = new BlockSplitter();
    const first = splitter.split("one\n\ntwo\n\nthr", false).settled;
    const then = splitter.split("one\n\ntwo\n\nthree\n\nfour", false).settled;
    expect(first).toEqual(["one\n\n"]);
    expect(then.slice(0, 2)).toEqual(["one\n\n", "two\n\n"]);
  });

  it("parses only the tail as the text grows", () => {
    const splitter = new BlockSplitter();
    const block = "A paragraph of an answer that is not short.\n\n";
    splitter.split(block.repeat(400), false);
    const { tail } = splitter.split(block.repeat(401), false);
    expect(tail.length).toBeLessThanOrEqual(block.length * 2);
  });

  it("starts over where the text was replaced", () => {
    const splitter = new BlockSplitter();
    splitter.split("one\n\ntwo\n\nthree", false);
    expect(splitter.split("uno\n\ndos", true)).toEqual({ settled: ["uno\n\n", "dos"], tail: "" });
  });

  it("takes Windows' line ends as line ends, also where one is cut in two", () => {
    const splitter = new BlockSplitter();
    splitter.split("one\r", false);
    splitter.split("one\r\n\r", false);
    expect(splitter.split("one\r\n\r\ntwo", true).settled).toEqual(["one\n\n", "two"]);
  });

  it("agrees with marked about where blocks are", () => {
    const tokens = new Lexer({ gfm: true }).blockTokens(ANSWER, []).filter((token) => token.type !== "space");
    expect(new BlockSplitter().split(ANSWER, true).settled).toHaveLength(tokens.length);
  });
});
