import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { servePages } from "../../scripts/pages.mjs";
import { launchWebKit, type WebKitWindow } from "../../scripts/webkit.mjs";
import { SHARED } from "../markdown/fixtures";
import { HOSTILE } from "../markdown/hostile";
import { mixed } from "../markdown/mixed";
import { ordinary } from "../markdown/ordinary";
import { growDocument, openDocument, PART_CHARS, type Seen, watchTasks } from "./documents";

/** The longest task of a hostile document, in longest tasks of an ordinary one of its size. `TASK_MS_MAX` is another limit, for an idle machine. */
const TIMES_ORDINARY = 10;
const LIMIT_MS = Number(process.env["TASK_MS_MAX"] ?? 0);
const MIXED_SEEDS = Number(process.env["MIXED_SEEDS"] ?? 12);

let pages: Awaited<ReturnType<typeof servePages>>;
let page: WebKitWindow;
let ordinaryMs = 0;
const all: { name: string; seen: Seen }[] = [];

beforeAll(async () => {
  pages = await servePages();
  page = await launchWebKit(`${pages.origin}?tick=0`);
  await watchTasks(page);
  await openDocument(page, ordinary(20_000));
  const { longestTaskMs } = await openDocument(page, ordinary(PART_CHARS));
  ordinaryMs = longestTaskMs;
});
afterAll(async () => {
  await page.close();
  pages.close();
  const slowest = all.toSorted((a, b) => b.seen.longestTaskMs - a.seen.longestTaskMs).slice(0, 12);
  console.log(`ordinary: ${ordinaryMs} ms\n${slowest.map(({ name, seen }) => `${seen.longestTaskMs} ms, shown after ${seen.shownMs} ms: ${name}`).join("\n")}`);
});

function expectUsable(name: string, seen: Seen): void {
  all.push({ name, seen });
  expect(seen.outOfReach, name).toEqual([]);
  expect(seen.longestTaskMs, name).toBeLessThan(LIMIT_MS || TIMES_ORDINARY * ordinaryMs);
}

describe("an answer leaves the window to the person while it is opened", () => {
  it.each(Object.entries(SHARED))("%s", async (name, text) => {
    const seen = await openDocument(page, text);
    expectUsable(name, seen);
    expect(seen.shownMs).toBeLessThan(LIMIT_MS > 0 ? 1_000 : TIMES_ORDINARY * 1_000);
  });

  it.each(Object.entries(HOSTILE))("%s", async (name, recipe) => expectUsable(name, await openDocument(page, recipe(PART_CHARS))));

  it("whatever it is made of", async () => {
    for (let seed = 1; seed <= MIXED_SEEDS; seed += 1) expectUsable(`seed ${seed}`, await openDocument(page, mixed(seed, 20_000)));
  });
});

describe("an answer leaves the window to the person while it grows", () => {
  it.each(Object.entries(SHARED))("%s", async (name, text) => {
    const steps = Math.min(60, Math.max(4, Math.ceil(text.length / 400)));
    const seen = await growDocument(page, text.slice(0, PART_CHARS), Math.ceil(Math.min(text.length, PART_CHARS) / steps));
    expectUsable(`${name}, growing`, seen);
    // Were the whole of it drawn again at each step, the second half would cost three times the first.
    if (text.length > 40_000) expect(seen.growth, name).toBeLessThan(2.5);
  });
});

it("code has its colours, found off the main thread", async () => {
  const seen = await openDocument(page, "```cpp\ntemplate <typename T> int main() { return 1; }\n```\n");
  await page.until(() => document.querySelector(".code-token") !== null);
  expectUsable("colours", seen);
});

it("a change elsewhere in the window does not restyle a long answer", async () => {
  await openDocument(page, ordinary(PART_CHARS));
  const restyleMs = await page.evaluate(() => {
    const times: number[] = [];
    for (const place of [document.body, document.getElementById("root"), document.querySelector('[data-testid="transcript"]')]) {
      const from = performance.now();
      const element = place?.appendChild(document.createElement("div"));
      void document.body.offsetHeight;
      times.push(performance.now() - from);
      element?.remove();
      void document.body.offsetHeight;
    }
    return Math.max(...times);
  });
  expect(restyleMs).toBeLessThan(ordinaryMs / 5);
});
