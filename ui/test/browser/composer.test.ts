import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fake, id, openPage, openSession, openStage, readingPosition, say, sessionId, type Stage } from "./page";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const WIDTHS = [420, 480, 640, 700, 767, 768, 790, 900, 1100];

/** Opens the first session in a window of this width, with an answer that grows. */
async function openRunning(width: number): Promise<Page> {
  const { page } = await openPage(stage, "", { width, height: 760 });
  if (width < 768) await page.click(id("sidebar-show"));
  await openSession(page, 1);
  await say(page, 400);
  await say(page, 900);
  return page;
}

const setPhase = (page: Page, phase: "reconnecting" | "refused" | "live") =>
  page.evaluate((next) => (window as unknown as { __batonFake: Fake }).__batonFake.setPhase(next), phase);

/** Elements of which a part is outside of the window or clipped by something around them; their texts and controls included. */
function clipped(page: Page, testIds: readonly string[]): Promise<string[]> {
  return page.evaluate((names) => {
    const faults: string[] = [];
    for (const name of names) {
      const element = document.querySelector<HTMLElement>(`[data-testid="${name}"]`);
      if (!element) {
        faults.push(`${name} is not there`);
        continue;
      }
      const inner = [element, ...element.querySelectorAll<HTMLElement>("label, button, span")].filter((each) => !each.classList.contains("sr-only") && each.getClientRects().length > 0);
      for (const each of inner) {
        const box = each.getBoundingClientRect();
        if (box.left < -0.5 || box.right > innerWidth + 0.5 || box.bottom > innerHeight + 0.5) faults.push(`${name}: ${each.textContent} leaves the window`);
        if (each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== "inline") faults.push(`${name}: ${each.textContent} is wider than its place`);
        for (let around = each.parentElement; around; around = around.parentElement) {
          if (getComputedStyle(around).overflow === "visible") continue;
          const outer = around.getBoundingClientRect();
          if (box.top < outer.top - 0.5 || box.bottom > outer.bottom + 0.5 || box.right > outer.right + 0.5) faults.push(`${name}: ${each.textContent} is clipped`);
        }
      }
    }
    return faults;
  }, testIds);
}

it("follows the answer while a text of several lines is written, pasted and taken away", async () => {
  const page = await openRunning(1100);
  const followsEnd = async (what: string) => {
    await say(page, 20);
    expect(await page.getAttribute(id("transcript"), "data-following"), what).toBe("true");
    expect((await readingPosition(page)).fromEnd, what).toBeLessThanOrEqual(1);
  };
  await page.click(id("composer"));
  for (let line = 0; line < 5; line += 1) {
    await page.keyboard.type(`Line ${line}`);
    await page.keyboard.press("Shift+Enter");
    await followsEnd(`line ${line}`);
  }
  for (let line = 0; line < 5; line += 1) {
    for (let key = 0; key < 7; key += 1) await page.keyboard.press("Backspace");
    await followsEnd(`without line ${line}`);
  }
  await page.keyboard.insertText(`${"a long line ".repeat(40)}\n`.repeat(12));
  await followsEnd("a paste");
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Delete");
  await followsEnd("nothing again");
  await page.keyboard.type("Two\nlines");
  await followsEnd("a steer");
  await page.close();
});

it("grows with its text to a third of the window, without a line that is cut", async () => {
  const { page } = await openPage(stage);
  const heights = [];
  for (const text of ["", "one", "one\ntwo", "one\ntwo\n", "a long line of words ".repeat(12), "many\n".repeat(60)]) {
    await page.fill(id("composer"), text);
    heights.push(
      await page.evaluate(() => {
        const area = document.querySelector<HTMLTextAreaElement>('[data-testid="composer"]');
        return { height: Math.round(area?.clientHeight ?? 0), hidden: (area?.scrollHeight ?? 0) - (area?.clientHeight ?? 0) };
      }),
    );
  }
  const [empty, one, two, twoAndEmpty, long, many] = heights;
  expect(one).toEqual(empty);
  expect(two?.height).toBeGreaterThan(one?.height ?? 0);
  expect(twoAndEmpty?.height).toBeGreaterThan(two?.height ?? 0);
  expect([empty, two, twoAndEmpty, long].map((each) => each?.hidden)).toEqual([0, 0, 0, 0]);
  expect(many?.height).toBeLessThanOrEqual(760 * 0.34);
  expect(many?.hidden).toBeGreaterThan(0);
  await page.close();
});

describe.each(WIDTHS)("in a window of %i px", (width) => {
  it("shows the delivery switch, its note, Stop and Send whole, and Cancel while Stop waits", async () => {
    const page = await openRunning(width);
    const controls = ["delivery", "composer-note", "stop", "send"];
    expect(await clipped(page, controls)).toEqual([]);
    await setPhase(page, "reconnecting");
    await page.click(id("stop"));
    await page.waitForSelector(id("stop-cancel"));
    expect(await clipped(page, [...controls, "stop-cancel"])).toEqual([]);
    await page.click(id("stop-cancel"));
    await page.waitForSelector(id("stop-cancel"), { state: "detached" });
    await page.close();
  });

  it("shows whole what an agent cannot do, and the choice of an agent", async () => {
    const { page } = await openPage(stage, "", { width, height: 760 });
    expect(await clipped(page, ["agent", "send"])).toEqual([]);
    await page.selectOption(id("agent"), { index: 1 });
    await page.fill(id("composer"), "Review this.");
    await page.click(id("send"));
    await page.waitForSelector(id("delivery"));
    expect(await page.textContent(id("composer-note"))).toContain("cannot be steered");
    expect(await clipped(page, ["delivery", "composer-note", "stop", "send"])).toEqual([]);
    await page.close();
  });
});

describe.each([
  { name: "the smallest window", width: 420, height: 420, text: "100%" },
  { name: "the usual window at 200 % zoom", width: 590, height: 410, text: "100%" },
  { name: "a window with text of twice the size", width: 1180, height: 820, text: "200%" },
])("in $name", ({ width, height, text }) => {
  it("leaves room to read, and every control of the composer in view", async () => {
    const page = await openRunning(width);
    await page.setViewportSize({ width, height });
    await page.evaluate((size) => {
      document.documentElement.style.fontSize = size;
    }, text);
    await page.waitForFunction(() => document.querySelector('[data-testid="transcript"]')?.getAttribute("data-following") === "true");
    expect(await clipped(page, ["delivery", "composer-note", "stop", "send"])).toEqual([]);
    expect((await page.locator(id("transcript")).boundingBox())?.height).toBeGreaterThanOrEqual(128);
    await page.close();
  });
});

it("tells a screen reader of a run's start and end and of an approval, and of nothing that was there before", async () => {
  const { page } = await openPage(stage, "content=approval");
  await openSession(page, 8);
  const log = page.locator(id("live-log"));
  expect(await log.textContent()).toBe("");
  await page.evaluate((session) => {
    const fake = (window as unknown as { __batonFake: Fake }).__batonFake;
    const body = { type: "approval", approval: "a3", call: "c9", wanted: { tool: "shell", toolDigest: "d", arguments: "{}" }, pattern: "x", place: "build-box", digest: "d3", state: { type: "open" } } as const;
    fake.sessions.find((each) => each.id === session)?.addRow(body, "r-tools");
  }, sessionId(8));
  await expect.poll(() => log.textContent()).toContain("shell waits for your approval");
  await page.fill(id("composer"), "And now?");
  await page.click(id("send"));
  await expect.poll(() => log.textContent()).toContain("Assistant is answering");
  await page.click(id("stop"));
  await expect.poll(() => log.textContent()).toContain("Stopped by this device");
  await page.close();
});

it("tells a screen reader once that the line is down, not with every second of the countdown", async () => {
  const page = await openRunning(1100);
  await page.evaluate(() => {
    const spoken = document.querySelector('[data-testid="connection-spoken"]');
    const said: string[] = [];
    if (spoken) new MutationObserver(() => said.push(spoken.textContent ?? "")).observe(spoken, { childList: true, characterData: true, subtree: true });
    Object.assign(window, { said });
  });
  await setPhase(page, "reconnecting");
  const countdown = page.locator(id("connection-phase"));
  await expect.poll(() => countdown.textContent()).toContain("next try in");
  const first = await countdown.textContent();
  await expect.poll(() => countdown.textContent(), { timeout: 5_000 }).not.toBe(first);
  expect(await page.evaluate(() => (window as unknown as { said: string[] }).said)).toEqual(["Offline. Baton keeps trying to reconnect."]);
  await page.close();
});

it("shows what is chosen where the system's colours replace ours, and names each row and each button of the queue", async () => {
  const page = await openRunning(1100);
  await page.emulateMedia({ forcedColors: "active" });
  const outlines = await page.evaluate(() =>
    ['[aria-current="page"]', 'label:has([data-testid="delivery-steer"])', 'label:has([data-testid="delivery-queue"])'].map((css) => {
      const element = document.querySelector(css);
      return element && getComputedStyle(element).outlineStyle;
    }),
  );
  expect(outlines).toEqual(["solid", "solid", "none"]);
  expect(await page.locator('article:not([aria-label]):not([data-testid="pending-prompt"])').count()).toBe(0);
  const names = await page.locator(id("queue-remove")).evaluateAll((buttons) => buttons.map((button) => button.getAttribute("aria-label")));
  expect(names).toEqual(["Remove: Then write it up as a page for the docs.", "Remove: And list what could still go wrong."]);
  await page.close();
});

describe("a revoked device", () => {
  it("says so and never that it sends, in a session and for a new one", async () => {
    const page = await openRunning(1100);
    await setPhase(page, "reconnecting");
    await page.fill(id("composer"), "Waits for the hub.");
    await page.click('label:has([data-testid="delivery-queue"])');
    await page.click(id("send"));
    await page.click(id("stop"));
    await page.waitForSelector(id("stop-cancel"));
    await setPhase(page, "refused");
    await page.waitForSelector('[data-testid="connection-phase"][data-phase="refused"]');
    await page.fill(id("composer"), "Is not sent.");
    await page.press(id("composer"), "Enter");
    await page.keyboard.press("Control+.");
    await page.waitForSelector(id("problem"));

    const said = async () => (await page.innerText("body")) + (await page.getAttribute(id("composer"), "placeholder"));
    for (const promise of ["is back", "Sending", "Stopping", "waiting to be sent", "Waits for the hub\n"]) {
      expect(await said(), promise).not.toContain(promise);
    }
    expect(await page.textContent(id("composer-note"))).toBe("This device was revoked. What you write stays here as a draft.");
    expect(await page.inputValue(id("composer"))).toBe("Is not sent.");
    expect(await page.locator(id("stop")).isDisabled()).toBe(true);
    expect(await page.locator(id("send")).isDisabled()).toBe(true);
    expect(await page.textContent(id("connection"))).toContain("access was revoked");

    await page.click(id("new-session"));
    await page.waitForSelector(id("new-session-view"));
    await page.fill(id("composer"), "Nor is this.");
    expect(await said()).not.toContain("is back");
    expect(await page.locator(id("send")).isDisabled()).toBe(true);
    expect(await page.textContent(id("composer-note"))).toContain("was revoked");

    await setPhase(page, "live");
    await page.locator(id("send")).click();
    await page.waitForSelector(id("session"));
    await page.close();
  });

  it("sees in the list what was running, not what runs", async () => {
    const page = await openRunning(1100);
    const state = `[data-testid="session-row-0192f0c0-1111-7000-8000-000000000001"] ${id("session-state")}`;
    expect(await page.textContent(state)).toContain("Running");
    for (const phase of ["reconnecting", "refused"] as const) {
      await setPhase(page, phase);
      await page.waitForSelector(`[data-testid="connection-phase"][data-phase="${phase}"]`);
      expect(await page.textContent(state)).toBe("Was running");
      expect(await page.getAttribute(state, "class")).not.toContain("text-accent");
    }
    await page.close();
  });
});
