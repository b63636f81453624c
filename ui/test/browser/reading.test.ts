import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ordinary } from "../markdown/ordinary";
import { addToolCalls, type Fake, id, openPage, openSession, openStage, readingPosition, replaceRows, say, sessionId, type Stage } from "./page";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

it("keeps the end in view while an answer grows", async () => {
  const { page, faults } = await openPage(stage);
  await openSession(page, 1);
  for (let round = 0; round < 30; round += 1) {
    await say(page, 60);
    expect((await readingPosition(page)).fromEnd, `round ${round}`).toBeLessThanOrEqual(1);
  }
  expect(await page.getAttribute(id("transcript"), "data-following")).toBe("true");
  expect(faults).toEqual([]);
  await page.close();
});

it("never moves the reading position: not while the answer grows, not when older rows come, and the jump brings the end back", async () => {
  const { page, faults } = await openPage(stage, "rows=200");
  await openSession(page, 6);
  await page.evaluate(
    (session) =>
      (window as unknown as { __batonFake: { asLaptop(session: string, body: unknown): void } }).__batonFake.asLaptop(session, {
        type: "sendPrompt",
        text: "And now?",
        delivery: "queue",
      }),
    sessionId(6),
  );
  await say(page, 400);
  await say(page, 100);
  await page.hover(id("transcript"));
  await page.mouse.wheel(0, -700);
  await page.waitForSelector(id("jump-to-latest"));
  // The virtualizer measures what came into view.
  await page.waitForTimeout(300);

  const before = await readingPosition(page);
  for (let round = 0; round < 20; round += 1) {
    await say(page, 90);
    const now = await readingPosition(page);
    expect([now.row, Math.round(now.y)], `round ${round}`).toEqual([before.row, Math.round(before.y)]);
  }

  // Near the first row that is loaded: older ones come by themselves before it, and what is read stays where it is but for the wheel.
  await page.evaluate(() => document.querySelector('[data-testid="transcript"]')?.scrollTo(0, 760));
  await page.waitForTimeout(300);
  const rowsBefore = await page.evaluate(() => window.__batonInspect?.().open?.rows.length ?? 0);
  const read = await readingPosition(page);
  const push = await page.evaluate(() => (document.querySelector('[data-testid="transcript"]')?.scrollTop ?? 0) - 560);
  await page.mouse.wheel(0, -push);
  await page.waitForFunction((count) => (window.__batonInspect?.().open?.rows.length ?? 0) > count, rowsBefore);
  await page.waitForTimeout(300);
  const y = await page.evaluate((row) => document.querySelector(`[data-testid="${row}"]`)?.getBoundingClientRect().top, read.row);
  expect(Math.abs((y ?? 0) - (read.y + push))).toBeLessThanOrEqual(2);

  await page.click(id("jump-to-latest"));
  await page.waitForFunction(() => document.querySelector('[data-testid="transcript"]')?.getAttribute("data-following") === "true");
  await page.waitForTimeout(200);
  expect((await readingPosition(page)).fromEnd).toBeLessThanOrEqual(1);
  expect(faults).toEqual([]);
  await page.close();
});

it("keeps few nodes for a session of thousands of rows", async () => {
  const { page } = await openPage(stage, "rows=3300");
  const opened = await page.evaluate(async (row) => {
    const begun = performance.now();
    document.querySelector<HTMLElement>(row)?.click();
    while (!document.querySelector('[data-testid^="row-"]')) await new Promise((done) => requestAnimationFrame(done));
    return performance.now() - begun;
  }, id(`session-row-${sessionId(6)}`));
  const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
  console.log(`opened in ${Math.round(opened)} ms, ${nodes} nodes`);
  expect(nodes).toBeLessThan(1500);
  await page.close();
});

it("leads to a row that a search found, far above what is loaded", async () => {
  const { page } = await openPage(stage, "rows=300");
  await page.keyboard.press("Control+k");
  await page.fill(id("palette-input"), "Question 3:");
  await page.click('[data-testid^="palette-messages"]');
  const row = await page.waitForSelector("article:has(.outline-accent)");
  expect(await row.textContent()).toContain("Question 3:");
  await page.waitForTimeout(300);
  expect(await row.isVisible()).toBe(true);
  await page.close();
});

const FOLDS = '[data-testid="tool-fold"]';
const OUTPUT = '[data-testid="tool-call"] [data-testid="tool-output"]';

/** The top and bottom of an element, measured from the top of the transcript's window. */
function placeIn(page: Page, css: string): Promise<{ top: number; bottom: number; room: number }> {
  return page.evaluate((selector) => {
    const scroller = document.querySelector('[data-testid="transcript"]')?.getBoundingClientRect();
    const box = [...document.querySelectorAll(selector)].at(-1)?.getBoundingClientRect();
    if (!scroller || !box) throw new Error("nothing to measure");
    return { top: box.top - scroller.top, bottom: box.bottom - scroller.top, room: scroller.height };
  }, css);
}

it("keeps in view what is unfolded while following", async () => {
  const { page } = await openPage(stage);
  await openSession(page, 1);
  await addToolCalls(page, 1, 4, 80);
  await say(page, 1);
  expect(await page.getAttribute(id("transcript"), "data-following")).toBe("true");

  await page.locator(FOLDS).last().click();
  await page.waitForSelector(OUTPUT);
  await page.waitForFunction(() => document.querySelectorAll('[data-testid="tool-output-tail"]').length === 1);
  await say(page, 400);
  for (let round = 0; round < 8; round += 1) await say(page, 200);
  const head = await placeIn(page, '[data-testid="tool-fold"][aria-expanded="true"]');
  expect(head.top).toBeGreaterThanOrEqual(0);
  expect(head.bottom).toBeLessThan(head.room);
  expect(await page.getAttribute(id("transcript"), "data-following")).toBe("false");

  // What unfolds inside of it, with a control that goes away by its own press.
  await page.click(id("tool-show-all"));
  await say(page, 100);
  const all = await placeIn(page, '[data-testid="tool-fold"][aria-expanded="true"]');
  expect(Math.round(all.top)).toBe(Math.round(head.top));
  await page.close();
});

it("brings into view what the last row unfolds, and goes on following where all of it fits", async () => {
  const { page } = await openPage(stage, "content=approval");
  await openSession(page, 8);
  await addToolCalls(page, 8, 3, 2);
  await page.locator(FOLDS).last().click();
  await page.waitForSelector(OUTPUT);
  await page.waitForFunction(() => {
    const scroller = document.querySelector('[data-testid="transcript"]');
    return scroller !== null && scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop <= 1;
  });
  expect(await page.getAttribute(id("transcript"), "data-following")).toBe("true");
  const output = await placeIn(page, OUTPUT);
  expect(output.bottom).toBeLessThanOrEqual(output.room);
  await page.locator(FOLDS).last().click();
  await page.waitForSelector(OUTPUT, { state: "detached" });
  expect(await page.getAttribute(id("transcript"), "data-following")).toBe("true");
  await page.close();
});

it("keeps what was unfolded and half-written in a row that leaves the window and comes back", async () => {
  const { page } = await openPage(stage, "content=approval");
  await openSession(page, 8);
  await page.click(FOLDS);
  await page.waitForSelector(OUTPUT);
  await page.fill(id("deny-reason"), "Not in the night");
  await addToolCalls(page, 8, 50, 3);
  const scrollTo = (top: number) => page.evaluate((place) => document.querySelector('[data-testid="transcript"]')?.scrollTo(0, place), top);
  await scrollTo(1e6);
  await page.waitForSelector(id("deny-reason"), { state: "detached" });
  await page.waitForSelector(OUTPUT, { state: "detached" });
  await scrollTo(0);
  await page.waitForSelector(OUTPUT);
  expect(await page.inputValue(id("deny-reason"))).toBe("Not in the night");

  // And when another session was looked at meanwhile.
  await openSession(page, 6);
  await page.waitForSelector(OUTPUT, { state: "detached" });
  await page.click(id(`session-row-${sessionId(8)}`));
  await page.waitForSelector('[data-testid="tool-call"]');
  await scrollTo(0);
  await page.waitForSelector(OUTPUT);
  expect(await page.inputValue(id("deny-reason"))).toBe("Not in the night");
  await page.close();
});
it("keeps a text selection while its rows are scrolled out of view", async () => {
  const { page } = await openPage(stage, "rows=60");
  await openSession(page, 6);
  const selected = await page.evaluate(() => {
    const [first, second] = [...document.querySelectorAll('[data-row-kind="text"]')].slice(-2);
    if (first && second) getSelection()?.setBaseAndExtent(first, 0, second, second.childNodes.length);
    return getSelection()?.toString() ?? "";
  });
  expect(selected.length).toBeGreaterThan(50);
  const scrollTo = (top: number) => page.evaluate((place) => document.querySelector('[data-testid="transcript"]')?.scrollTo(0, place), top);
  await page.hover(id("transcript"));
  await page.mouse.wheel(0, -100);
  await page.waitForFunction(() => document.querySelector('[data-testid="transcript"]')?.getAttribute("data-following") === "false");
  // Far above the end, where other rows are drawn; the wheel may still be turning.
  await page.waitForFunction(() => {
    const scroller = document.querySelector('[data-testid="transcript"]');
    if (!scroller) return false;
    const away = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    if (away < 2 * scroller.clientHeight) scroller.scrollTo(0, scroller.scrollHeight - 4 * scroller.clientHeight);
    const { top, bottom } = scroller.getBoundingClientRect();
    const isThere = (row: Element) => row.getBoundingClientRect().bottom > top && row.getBoundingClientRect().top < bottom;
    return away >= 2 * scroller.clientHeight && [...scroller.querySelectorAll("article")].some(isThere);
  });
  expect(await page.evaluate(() => getSelection()?.toString())).toBe(selected);
  await page.keyboard.press("Escape");
  await page.evaluate(() => getSelection()?.removeAllRanges());
  await scrollTo(901);
  await page.close();
});

it("keeps the row of an answer that grows by more than a window at once", async () => {
  const { page, faults } = await openPage(stage);
  const code = `\`\`\`js\n${Array.from({ length: 2_000 }, (_, line) => `const value${line} = compute(${line});\n`).join("")}\`\`\`\n`;
  await openSession(page, 2);
  await page.evaluate(
    ([session, script]) => {
      const fake = (window as unknown as { __batonFake: Fake }).__batonFake;
      const found = fake.sessions.find((each) => each.id === session);
      if (found) found.script = script;
      fake.asLaptop(session, { type: "sendPrompt", text: "Go on.", delivery: "queue" });
    },
    [sessionId(2), code] as const,
  );
  await page.waitForSelector(id("stop"));
  // Past the reasoning, to the first lines of code.
  await say(page, 400);
  await say(page, 400);
  await page.waitForSelector(id("code-block"));
  await page.evaluate(() => {
    const block = document.querySelector('[data-testid="code-block"]');
    // The end is kept in one frame, and the row's height is known in the next one: it must not leave the page in between either.
    const left = new MutationObserver(() => document.body.toggleAttribute("data-left", !block?.isConnected || document.body.hasAttribute("data-left")));
    left.observe(document.body, { childList: true, subtree: true });
  });
  for (let round = 0; round < 8; round += 1) {
    await say(page, 4_000);
    expect((await readingPosition(page)).fromEnd, `round ${round}`).toBeLessThanOrEqual(1);
  }
  expect(await page.evaluate(() => document.body.hasAttribute("data-left"))).toBe(false);
  expect(faults).toEqual([]);
  await page.close();
});

it("draws a long answer where it is read, and leaves in its place what is read", async () => {
  const { page, faults } = await openPage(stage);
  await replaceRows(page, 2, ordinary(120_000));
  await openSession(page, 2);
  const isNearDrawn = () => {
    const box = document.querySelector('[data-testid="transcript"]')?.getBoundingClientRect();
    return ![...document.querySelectorAll("[data-undrawn]")].some((element) => {
      const { top, bottom } = element.getBoundingClientRect();
      return box && bottom > box.top - box.height && top < box.bottom + box.height;
    });
  };
  // In characters.
  const undrawn = () =>
    page.evaluate(() => [...document.querySelectorAll("[data-undrawn]")].filter((each) => !each.parentElement?.closest("[data-undrawn]")).reduce((sum, each) => sum + (each.textContent?.length ?? 0), 0));
  await page.waitForFunction(isNearDrawn);
  const far = await undrawn();
  expect(far, "what is far is not drawn").toBeGreaterThan(60_000);

  await page.hover(id("transcript"));
  await page.mouse.wheel(0, -200);
  await page.waitForSelector(id("jump-to-latest"));
  for (let round = 0; round < 40; round += 1) {
    // The first block that stands whole in the window, and where.
    const before = await page.evaluate(() => {
      const scroller = document.querySelector('[data-testid="transcript"]');
      const top = scroller?.getBoundingClientRect().top ?? 0;
      const read = [...document.querySelectorAll(".block")].find((block) => block.getBoundingClientRect().top > top);
      Object.assign(window, { __read: read });
      return { top: scroller?.scrollTop ?? 0, y: read?.getBoundingClientRect().top ?? 0 };
    });
    await page.mouse.wheel(0, -300);
    await page.waitForFunction((top) => document.querySelector('[data-testid="transcript"]')?.scrollTop !== top, before.top);
    await page.waitForFunction(isNearDrawn);
    await page.evaluate(() => new Promise<void>((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))));
    const y = await page.evaluate(() => (window as unknown as { __read: Element }).__read.getBoundingClientRect().top);
    // The wheel alone has moved it.
    expect(Math.abs(y - before.y - 300), `round ${round}`).toBeLessThanOrEqual(2);
  }
  expect(await undrawn()).toBeLessThan(far);
  expect(faults).toEqual([]);
  await page.close();
});

it("shows code of any length without a seam", async () => {
  const { page, faults } = await openPage(stage);
  const code = `\`\`\`text\n${Array.from({ length: 600 }, (_, line) => `line ${line} of a long file\n`).join("")}\`\`\`\n`;
  await replaceRows(page, 2, code);
  await openSession(page, 2);
  const gaps = await page.evaluate(() => {
    const boxes = [...document.querySelectorAll('[data-testid="code-block"] .chunk')].map((chunk) => chunk.getBoundingClientRect());
    return boxes.slice(1).map((box, before) => box.top - (boxes[before]?.bottom ?? 0));
  });
  expect(gaps.length).toBeGreaterThan(2);
  expect(gaps.every((gap) => Math.abs(gap) < 0.5), String(gaps)).toBe(true);
  expect(faults).toEqual([]);
  await page.close();
});
