import { renderToString } from "react-dom/server";
import { beforeAll, describe, expect, it } from "vitest";
import { MarkdownDocument } from "../src/components/markdown/document.logic";
import { DrawnBlock } from "../src/components/markdown/MarkdownBlock";
import { NO_REFERENCES } from "../src/components/markdown/references.logic";
import { HOSTILE } from "./markdown/hostile";
import { mixed } from "./markdown/mixed";
import { ordinary } from "./markdown/ordinary";
import { Yardstick } from "./markdown/tasks";

/** Up to what a part may hold (`PART_TEXT_BYTES_MAX`); below and above what a block may cost. */
const SIZES = [4_000, 12_000, 30_000, 160 * 1024];
const PART_CHARS = 160 * 1024;
/** The longest task of a hostile document, in longest tasks of an ordinary one of its size. */
const TIMES_ORDINARY = 10;

describe("an ordinary document", () => {
  it("is drawn as Markdown to its end, however long it is", () => {
    const document = new MarkdownDocument();
    const { settled } = document.read(ordinary(8 * PART_CHARS), "whole");
    expect(settled.filter((block) => document.drawingOf(block) === "text")).toEqual([]);
  });
});

describe("a hostile document", () => {
  it("of small blocks is text from where they would fill the memory", () => {
    const document = new MarkdownDocument();
    const { settled } = document.read(`${"|a".repeat(60)}\n${"|-".repeat(60)}\n${"|a\n".repeat(50_000)}`, "whole");
    const tables = settled.filter((block) => block.kind === "table" && document.drawingOf(block) === "markdown");
    const rows = tables.reduce((count, block) => count + block.text.split("\n").length, 0);
    expect(rows * 60).toBeGreaterThan(5_000);
    expect(rows * 60).toBeLessThan(80_000);
  });

  let yardstick: Yardstick;
  beforeAll(() => {
    yardstick = new Yardstick(ordinary(PART_CHARS));
  }, 60_000);

  it.each(Object.entries(HOSTILE))("is opened in short tasks: %s", (_, recipe) => {
    for (const size of SIZES) expect(yardstick.timesOrdinary(recipe(size), TIMES_ORDINARY), `${size} characters`).toBeLessThan(TIMES_ORDINARY);
  });

  it("is opened in short tasks, whatever it is made of", () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const text = mixed(seed, 40_000);
      expect(yardstick.timesOrdinary(text, TIMES_ORDINARY), `seed ${seed}`).toBeLessThan(TIMES_ORDINARY);
    }
  });

  it.each(Object.entries(HOSTILE))("grows in short tasks: %s", (_, recipe) => {
    const text = recipe(PART_CHARS / 4);
    const document = new MarkdownDocument();
    let longest = 0;
    for (let end = 512; end < text.length; end += 4_096) {
      const from = performance.now();
      const { tail } = document.read(text.slice(0, end), "growing");
      for (const block of tail) renderToString(<DrawnBlock block={block} references={NO_REFERENCES} progress="growing" drawing="markdown" />);
      longest = Math.max(longest, performance.now() - from);
    }
    expect(yardstick.timesOrdinaryOf(longest)).toBeLessThan(TIMES_ORDINARY);
  });
});
