import type { Nodes, Root, RootContent } from "mdast";
import remarkParse from "remark-parse";
import { unified } from "unified";
import { describe, expect, it } from "vitest";
import { HOSTILE } from "../../../test/markdown/hostile";
import { randomOf } from "../../../test/random";
import { ANSWER, STEERED } from "../../platform/fake/fake-content";
import { type Block, BlockSplitter } from "./blocks.logic";
import { MarkdownDocument } from "./document.logic";
import { PLUGINS } from "./plugins";
import { NO_REFERENCES, type References } from "./references.logic";
import { remarkReferences } from "./syntax/references";

const TEXTS: Record<string, string> = {
  answer: ANSWER,
  list: STEERED,
  "lists that continue": "- a\n\n- b\n  more\n\n  still b\n\n1. one\n2. two\n\ntext after\n- new list\n",
  "setext and rules": "Title\n=====\n\nsub\n---\n\n---\n\nend",
  "fences in fences": "````md\n```js\nx\n```\n````\nafter\n~~~\nnever closed",
  tables: "before\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\nafter | not a table\n",
  "a table below a line": "before\n| a | b |\n|---|---|\n| 1 | 2 |\n# after\n",
  "quotes and html": "> q\n> q2\nlazy\n\n<details>\n<summary>s</summary>\n\nx\n</details>\n\n> again",
  "indented code": "para\n\n    code\n\n    more\n\npara",
  "a fence after a wide list item": "1.  a\n\n   ```\n\nb\n\n   ```\n\nc\n",
  formulas: "so\n\\[\n- a\n+ b\n\\]\nis\n\n$$\nx\n$$\n\n- a\n\n  \\[\n  y\n  \\]\n",
  footnotes: "a[^1]\n\n[^1]: one\n[^2]: two\n\n    more of two\n\nb[^2]\n",
  unicode: "Grüße 👩‍👩‍👧 in *Zürich*\n\n日本語の**段落**。\n\nمرحبا\n",
  "Windows' line ends": "one\r\n\r\n```js\r\na\r\n```\r\n- b\r\n\r\n- c\r\rd",
  "leading blanks": "\n\n\n# h\n\n\n\ntext",
  empty: "",
};

const sourceOf = (blocks: readonly Block[]) => blocks.map((block) => block.text).join("");
const whole = (source: string) => new BlockSplitter().split(source, true).settled;

describe("BlockSplitter", () => {
  it.each(Object.entries(TEXTS))("loses and adds nothing: %s", (_, source) => {
    expect(sourceOf(whole(source))).toBe(source);
  });

  it.each(Object.entries(TEXTS))("gives the same blocks however the text comes in: %s", (name, source) => {
    const expected = whole(source);
    for (let seed = 1; seed <= 40; seed += 1) {
      const random = randomOf(seed);
      const splitter = new BlockSplitter();
      let before: readonly Block[] = [];
      for (let at = 0; at < source.length; ) {
        at += 1 + random(12);
        const { settled, tail } = splitter.split(source.slice(0, at), false);
        expect(sourceOf([...settled, ...tail]), `${name}, seed ${seed}`).toBe(source.slice(0, at));
        expect(settled.slice(0, before.length), `${name}, seed ${seed}: a settled block changed`).toEqual(before);
        before = settled;
      }
      expect(splitter.split(source, true).settled, `${name}, seed ${seed}`).toEqual(expected);
    }
  });

  it("keeps settled blocks the same objects, so that they are not drawn again", () => {
    const splitter = new BlockSplitter();
    const [first] = splitter.split("one\n\ntwo\n\nthr", false).settled;
    const then = splitter.split("one\n\ntwo\n\nthree\n\nfour", false).settled;
    expect(then[0]).toBe(first);
    expect(then.map((block) => block.text)).toEqual(["one\n\n", "two\n\n", "three\n\n"]);
  });

  it.each([
    ["paragraphs", "A paragraph of an answer that is not short.\n\n"],
    ["a list", "- an item of a list that is not short\n"],
    ["a numbered list", "1. an item of a list that is not short\n"],
    ["a list below a line", "- an item of a list that is not short\n", "Items:\n"],
    ["a table", "| a row | of a table |\n", "| a | b |\n|---|---|\n"],
    ["headings", "# a\nb\n"],
  ])("parses only the end of %s that grows", (_, piece, before = "") => {
    const splitter = new BlockSplitter();
    splitter.split(before + piece.repeat(2_000), false);
    const { tail } = splitter.split(before + piece.repeat(2_001), false);
    expect(sourceOf(tail).length).toBeLessThan(9_000);
  });

  it("starts over where the text was replaced", () => {
    const splitter = new BlockSplitter();
    splitter.split("one\n\ntwo\n\nthree", false);
    expect(sourceOf(splitter.split("uno\n\ndos", true).settled)).toBe("uno\n\ndos");
  });

  it("numbers the pieces of a long list on", () => {
    const pieces = whole("1. an item of a long list\n".repeat(100));
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces[1]).toMatchObject({ kind: "list", place: "continued", start: 1 + (pieces[0]?.text.split("\n").length ?? 0) - 1 });
  });
});

describe("a block", () => {
  it.each(Object.entries(TEXTS))("means what it means in the whole text: %s", (_, source) => expectSameMeaning(source));

  it.each(Object.entries(HOSTILE))("means what it means in the whole text: %s", (_, recipe) => expectSameMeaning(recipe(600)));

  it("means what it means in the whole text, whatever the lines are", () => {
    const lines = [
      "a", "b *c*", "  d", "    e", "\tf", "- g", "- ", "  - h", "+ i", "1. j", "2. k", "10.  l", "   m", "```", "```js", "   ```", "    ```", "~~~",
      "  ~~~", "> n", ">", "> ```", "> - o", "# p", "#", "---", "===", "| q | r |", "|---|---|", "|---|", "q | r", "$$", "\\[", "\\]", "  \\[", "  \\]",
      "", "", "", "", "[^s]: t", "    u", "* * *", "<div>", "\\(v\\)", "> | w | x |", "-     y", "***z***",
    ];
    const others: string[] = [];
    for (let seed = 1; seed <= 1_500; seed += 1) {
      const random = randomOf(seed);
      const text = Array.from({ length: 2 + random(12) }, () => lines[random(lines.length)] ?? "").join("\n");
      if (!hasSameMeaning(text)) others.push(`seed ${seed}: ${JSON.stringify(text)}`);
    }
    // Unpaired marks directly below a list item that they do not belong to are read differently.
    expect(others.length, others.join("\n")).toBeLessThan(15);
  }, 60_000);
});

function expectSameMeaning(source: string): void {
  const [pieces, together] = bothWays(source);
  expect(pieces).toEqual(together);
}

function hasSameMeaning(source: string): boolean {
  const [pieces, together] = bothWays(source);
  return JSON.stringify(pieces) === JSON.stringify(together);
}

/** What the parser finds in the separate blocks, and in the whole text. */
function bothWays(source: string): [RootContent[], RootContent[]] {
  const document = new MarkdownDocument();
  const { settled } = document.read(source, "whole");
  // The document recognises `<details>`, the parser does not.
  if (settled.some((block) => block.kind.startsWith("details"))) return [[], []];
  const pieces: RootContent[] = [];
  for (const block of settled) {
    const children = parsed((block.head ?? "") + block.text, document.referencesOf(block)).children;
    const last = pieces.at(-1);
    const [first] = children;
    if (block.place === "continued" && last && first && "children" in last && "children" in first) {
      const rest = block.kind === "table" ? first.children.slice(1) : first.children;
      (last.children as unknown[]).push(...rest);
      pieces.push(...children.slice(1));
    } else pieces.push(...children);
  }
  return [pieces, parsed(source, NO_REFERENCES).children];
}

function parsed(source: string, references: References): Root {
  const parser = unified().use(remarkParse).use(PLUGINS).use(remarkReferences, references);
  const tree = parser.runSync(parser.parse(source));
  // Removes definitions that came from other blocks.
  tree.children = tree.children.filter((child) => child.position !== undefined || child.type !== "definition");
  tidy(tree);
  return tree;
}

/** Removes positions, numbers and the spacing of lists, which depends on the pieces that a list is cut into. */
function tidy(node: Nodes): void {
  delete node.position;
  if (node.type === "footnoteReference" || node.type === "footnoteDefinition") delete node.data;
  if (node.type === "list" || node.type === "listItem") delete node.spread;
  if (node.type === "list") delete node.start;
  if ("children" in node) for (const child of node.children) tidy(child);
}
