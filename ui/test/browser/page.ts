/** A page of the built UI on the fake hub. */
import type { Browser, Page } from "playwright-core";
import type { CommandBody } from "../../src/generated/CommandBody";
import type { ConnectionPhase } from "../../src/generated/ConnectionPhase";
import type { RowBody } from "../../src/generated/RowBody";
import { launchChromium, servePages } from "../../scripts/pages.mjs";

export const sessionId = (place: number) => `0192f0c0-1111-7000-8000-${String(place).padStart(12, "0")}`;
export const id = (name: string) => `[data-testid="${name}"]`;

export const WIDE = { width: 1100, height: 760 };

export interface Stage {
  browser: Browser;
  origin: string;
  close: () => Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const pages = await servePages();
  const browser = await launchChromium();
  return {
    browser,
    origin: pages.origin,
    close: async () => {
      await browser.close();
      pages.close();
    },
  };
}

/** A page whose agent speaks only when told to (`tick=0`), with every fault and every foreign request collected. */
export async function openPage(stage: Stage, query = "", viewport = WIDE): Promise<{ page: Page; faults: string[]; foreign: string[] }> {
  const page = await stage.browser.newPage({ viewport });
  const faults: string[] = [];
  const foreign: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(stage.origin) && !request.url().startsWith("data:")) foreign.push(request.url());
  });
  await page.goto(`${stage.origin}?tick=0&${query}`);
  await page.waitForSelector(id("composer"));
  return { page, faults, foreign };
}

export async function openSession(page: Page, place: number): Promise<void> {
  await page.click(id(`session-row-${sessionId(place)}`));
  await page.waitForSelector('[data-testid^="row-"]');
}

/** The fake hub in the page. */
export interface Fake {
  sessions: { id: string; script: string | undefined; rows: unknown[]; run: { id: string } | undefined; addRow(body: RowBody, run?: string): void }[];
  asLaptop(session: string, body: CommandBody): void;
  setPhase(phase: ConnectionPhase): void;
  tick(characters: number): void;
}

/** Adds finished tool calls, each with `lines` lines of output, to the end of a session. */
export async function addToolCalls(page: Page, place: number, calls: number, lines: number): Promise<void> {
  await page.evaluate(
    ([session, count, height]) => {
      const fake = (window as unknown as { __batonFake: Fake }).__batonFake;
      const found = fake.sessions.find((each) => each.id === session);
      for (let call = 0; call < count; call += 1) {
        const text = Array.from({ length: height }, (_, line) => `call ${call} line ${line}`).join("\n");
        found?.addRow({ type: "toolCall", call: `c${call}`, tool: "shell", text: `{"call":${call}}`, state: "complete" }, "r-calls");
        found?.addRow({ type: "toolResult", call: `c${call}`, isError: false, text, state: "complete" }, "r-calls");
      }
    },
    [sessionId(place), calls, lines] as const,
  );
  const last = `c${calls - 1}`;
  await page.waitForFunction((call) => window.__batonInspect?.().open?.rows.some((row) => row.body.type === "toolResult" && row.body.call === call), last);
  await page.evaluate(() => new Promise<void>((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))));
}

/** Leaves one finished answer in a session that is not open yet. */
export async function replaceRows(page: Page, place: number, answer: string): Promise<void> {
  await page.evaluate(
    ([session, text]) => {
      const found = (window as unknown as { __batonFake: Fake }).__batonFake.sessions.find((each) => each.id === session);
      if (!found) throw new Error("no such session");
      found.rows = [];
      found.addRow({ type: "text", text, state: "complete" }, "r-answer");
    },
    [sessionId(place), answer] as const,
  );
}

/** Lets the agent say so many characters, and waits until they stand in the store. */
export async function say(page: Page, characters: number): Promise<void> {
  await page.evaluate(
    (count) =>
      new Promise<void>((done) => {
        (window as unknown as { __batonFake: { tick(count: number): void } }).__batonFake.tick(count);
        // The fake sends a frame after 16 ms; then the page draws it.
        setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() => done())), 24);
      }),
    characters,
  );
}

/** Where the scroller stands, and the row at its middle with its place on the screen. */
export function readingPosition(page: Page): Promise<{ row: string; y: number; fromEnd: number }> {
  return page.evaluate(() => {
    const scroller = document.querySelector('[data-testid="transcript"]');
    if (!scroller) throw new Error("no transcript");
    const box = scroller.getBoundingClientRect();
    const middle = box.top + box.height / 2;
    const row = [...scroller.querySelectorAll("article")].find((each) => {
      const { top, bottom } = each.getBoundingClientRect();
      return top <= middle && bottom >= middle;
    });
    return {
      row: row?.dataset.testid ?? "none",
      y: row?.getBoundingClientRect().top ?? 0,
      fromEnd: scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop,
    };
  });
}
