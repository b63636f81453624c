import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { servePages } from "../../scripts/pages.mjs";
import { launchWebKit, type WebKitWindow } from "../../scripts/webkit.mjs";
import { type Fake, id, sessionId } from "../browser/page";

let pages: Awaited<ReturnType<typeof servePages>>;
let page: WebKitWindow;
beforeAll(async () => {
  pages = await servePages();
});
afterAll(() => pages.close());
beforeEach(async () => {
  page = await launchWebKit(`${pages.origin}?tick=0`);
  await appears(`session-row-${sessionId(1)}`);
  await page.click(id(`session-row-${sessionId(1)}`));
  await appears("transcript");
  await say(400);
  await say(1_400);
});
afterEach(() => page.close());

const appears = (name: string) => page.until((css) => document.querySelector(css) !== null, id(name));
const goes = (name: string) => page.until((css) => document.querySelector(css) === null, id(name));
const written = () => page.evaluate((css) => document.querySelector<HTMLTextAreaElement>(css)?.value, id("composer"));

/** Lets the agent say so many characters, and waits until they are drawn. */
async function say(characters: number): Promise<void> {
  const before = await page.evaluate(() => window.__batonInspect?.().open?.header?.seq ?? 0);
  await page.evaluate((count) => (window as unknown as { __batonFake: Fake }).__batonFake.tick(count), characters);
  await page.until((seq) => (window.__batonInspect?.().open?.header?.seq ?? 0) > seq, before);
  await drawn();
}

const drawn = () => page.evaluate(() => new Promise<void>((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))));

it("follows the answer while a text of several lines is written", async () => {
  await page.click(id("composer"));
  for (let line = 0; line < 4; line += 1) {
    await page.press("L", "i", "n", "e", ["Shift", "Enter"]);
    await drawn();
    await say(30);
    const seen = await page.evaluate(() => {
      const scroller = document.querySelector('[data-testid="transcript"]');
      return scroller && { following: scroller.getAttribute("data-following"), fromEnd: scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop };
    });
    expect(seen?.following, `line ${line}`).toBe("true");
    expect(seen?.fromEnd, `line ${line}`).toBeLessThanOrEqual(1);
  }
  const hidden = await page.evaluate((css) => {
    const area = document.querySelector(css);
    return area && area.scrollHeight - area.clientHeight;
  }, id("composer"));
  expect(hidden).toBe(0);
});

const CLOSES: Record<string, () => Promise<void>> = {
  "the palette": async () => {
    await page.press(["Control", "k"]);
    await appears("palette");
    await page.press("Escape");
    await goes("palette");
  },
  "the settings": async () => {
    await page.press(["Control", ","]);
    await appears("settings");
    await page.click(id("settings-close"));
    await goes("settings");
  },
  "the title's editor": async () => {
    await page.click(id("title"));
    await appears("title-input");
    await page.press("N", "e", "w", "Enter");
    await goes("title-input");
  },
  "the editor of a queued prompt": async () => {
    await page.click(id("queue-edit"));
    await appears("queue-edit-text");
    await page.press("Escape");
    await goes("queue-edit-text");
  },
  "the list": async () => {
    await page.click(id("sidebar-hide"));
    await goes("sidebar");
  },
  "the menu of Stop": async () => {
    await page.click(id("stop-menu"));
    await appears("stop-menu-this");
    await page.press("Escape");
    await goes("stop-menu-this");
  },
  "Stop itself": async () => {
    await page.click(id("queue-pause"));
    await page.click(id("stop"));
    await goes("stop");
  },
};

describe("what is typed next reaches the composer after", () => {
  it.each(Object.keys(CLOSES))("%s", async (name) => {
    await page.click(id("composer"));
    await page.press("a");
    await CLOSES[name]?.();
    await page.press("b");
    await page.until((css) => document.querySelector<HTMLTextAreaElement>(css)?.value !== "a", id("composer"));
    expect(await written()).toBe("ab");
  });
});
