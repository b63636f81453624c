/**
 * Hostile documents until the time is over: `npm run fuzz:markdown`. A failure names the seed; `FUZZ_SEED` begins with it.
 * `FUZZ_SECONDS` (60) is how long it goes on, `FUZZ_CHARS` (160 Ki) how long a document is at most.
 */
import { expect, it } from "vitest";
import { BlockSplitter } from "../../src/components/markdown/blocks.logic";
import { MarkdownDocument } from "../../src/components/markdown/document.logic";
import { linkTarget, namesItsHost } from "../../src/components/markdown/links.logic";
import { randomOf } from "../random";
import { mixed } from "./mixed";
import { ordinary } from "./ordinary";
import { draw, Yardstick } from "./tasks";

const SECONDS = Number(process.env["FUZZ_SECONDS"] ?? 60);
const FIRST_SEED = Number(process.env["FUZZ_SEED"] ?? 1);
const CHARS = Number(process.env["FUZZ_CHARS"] ?? 160 * 1024);
const TIMES_ORDINARY = 10;

it(
  "no document costs a long task, loses a character or opens another address than it shows",
  () => {
    const yardstick = new Yardstick(ordinary(CHARS));
    const end = performance.now() + SECONDS * 1_000;
    let seed = FIRST_SEED;
    for (; performance.now() < end; seed += 1) {
      const text = mixed(seed, CHARS);
      expect(yardstick.timesOrdinary(text, TIMES_ORDINARY), `seed ${seed}`).toBeLessThan(TIMES_ORDINARY);
      expectWhole(text, seed);
      expectHonestLinks(text, seed);
    }
    console.log(`${seed - FIRST_SEED} documents, the last with seed ${seed - 1}`);
  },
  (SECONDS + 120) * 1_000,
);

/** The blocks are the text, also where it comes in pieces. */
function expectWhole(text: string, seed: number): void {
  const random = randomOf(seed);
  const splitter = new BlockSplitter();
  for (let at = 0; at < text.length; at += 1 + random(text.length / 4)) splitter.split(text.slice(0, at), false);
  const { settled } = splitter.split(text, true);
  expect(settled.map((block) => block.text).join("") === text, `seed ${seed}`).toBe(true);
  expect(settled, `seed ${seed}`).toEqual(new BlockSplitter().split(text, true).settled);
}

/** Every address that can be followed is https and has its host in sight. */
function expectHonestLinks(text: string, seed: number): void {
  const document = new MarkdownDocument();
  const [block] = document.read(text, "whole").settled;
  if (!block) return;
  const html = draw(block, document);
  for (const [, href, label, behind] of html.matchAll(/<a href="([^"]*)"[^>]*>(.*?)<\/a>(.{0,200})/gs)) {
    const target = linkTarget(href?.replaceAll("&amp;", "&"));
    if (target.type !== "https") throw new Error(`seed ${seed}: a link to ${href}`);
    const shown = (label ?? "").replace(/<[^>]*>/g, "").replaceAll("&amp;", "&");
    expect(namesItsHost(shown, target.host) || behind?.includes(target.host), `seed ${seed}: ${href}`).toBe(true);
  }
}
