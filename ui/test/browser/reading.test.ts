import { afterAll, beforeAll, expect, it } from "vitest";
import { id, openPage, openSession, openStage, readingPosition, say, sessionId, type Stage } from "./page";

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
