import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { id, openPage, openSession, openStage, say, sessionId, type Stage } from "./page";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const queued = (name: string) => `[data-testid="queue-item-p-queued-1"] ${id(name)}`;

async function openAndClose(page: Page, keys: string, dialog: string): Promise<void> {
  await page.keyboard.press(keys);
  await page.waitForSelector(id(dialog));
  await page.keyboard.press("Escape");
  await page.waitForSelector(id(dialog), { state: "detached" });
}

/** Everything that opens and closes, or goes away with the focus in it. Each leaves the window as it was but for what it did. */
const CLOSES: Record<string, (page: Page) => Promise<void>> = {
  "the palette, by Esc": (page) => openAndClose(page, "Control+k", "palette"),
  "the palette, by a choice of the session that is open": async (page) => {
    await page.keyboard.press("Control+k");
    await page.fill(id("palette-input"), "One answer");
    await page.keyboard.press("Enter");
    await page.waitForSelector(id("palette"), { state: "detached" });
  },
  "the palette that a button opened": async (page) => {
    await page.click(id("open-search"));
    await page.waitForSelector(id("palette"));
    await page.keyboard.press("Escape");
  },
  "the settings, by Esc": (page) => openAndClose(page, "Control+,", "settings"),
  "the settings, by their button": async (page) => {
    await page.keyboard.press("Control+,");
    await page.click(id("settings-close"));
  },
  "the link form, after the settings led there": async (page) => {
    await page.keyboard.press("Control+,");
    await page.click(id("relink"));
    await page.click(id("relink-dialog-close"));
  },
  "an address that is not opened": async (page) => {
    await page.click(`${id("external-link")} >> nth=0`);
    await page.click(id("link-cancel"));
  },
  "the menu of Stop, by Esc": async (page) => {
    await page.click(id("stop-menu"));
    await page.keyboard.press("Escape");
  },
  "the menu of Stop, by a choice": async (page) => {
    await page.click(id("stop-menu"));
    await page.click(id("stop-menu-this"));
    await page.waitForSelector(id("queue-paused"));
  },
  "the title's editor, by Enter": async (page) => {
    await page.click(id("title"));
    await page.keyboard.type("Another title");
    await page.keyboard.press("Enter");
  },
  "the title's editor, by Esc": async (page) => {
    await page.click(id("title"));
    await page.keyboard.press("Escape");
  },
  "a queued prompt's editor, by Enter": async (page) => {
    await page.click(queued("queue-edit"));
    await page.keyboard.type("Differently. ");
    await page.keyboard.press("Enter");
  },
  "a queued prompt's editor, by Esc on its button": async (page) => {
    await page.click(queued("queue-edit"));
    await page.focus(id("queue-edit-save"));
    await page.keyboard.press("Escape");
    await page.waitForSelector(id("queue-edit-text"), { state: "detached" });
  },
  "a queued prompt, by its removal": async (page) => {
    await page.click(queued("queue-remove"));
    await page.waitForSelector(id("queue-item-p-queued-1"), { state: "detached" });
  },
  "the list, by its button": (page) => page.click(id("sidebar-hide")),
  "the list, by Enter on its button": async (page) => {
    await page.focus(id("sidebar-hide"));
    await page.keyboard.press("Enter");
    await page.waitForSelector(id("sidebar"), { state: "detached" });
  },
  "the list, by its key, with the focus in it": async (page) => {
    await page.focus(id("open-settings"));
    await page.keyboard.press("Control+b");
    await page.waitForSelector(id("sidebar"), { state: "detached" });
  },
  "the way back to the list, once the list is shown": async (page) => {
    await page.click(id("sidebar-hide"));
    await page.click(id("sidebar-show"));
  },
  "Stop, when the run has ended": async (page) => {
    await page.click(id("queue-pause"));
    await page.click(id("stop"));
    await page.waitForSelector(id("stop"), { state: "detached" });
  },
  "the jump to the end": async (page) => {
    await page.hover(id("transcript"));
    await page.mouse.wheel(0, -300);
    await page.click(id("jump-to-latest"));
    await page.waitForSelector(id("jump-to-latest"), { state: "detached" });
  },
  "a row with the focus in it, when it leaves the window": async (page) => {
    const scrollTo = (top: number) => page.evaluate((place) => document.querySelector('[data-testid="transcript"]')?.scrollTo(0, place), top);
    await scrollTo(0);
    await page.locator(id("copy-answer")).first().focus();
    await scrollTo(1e6);
    await page.waitForFunction(() => document.activeElement?.getAttribute("data-testid") !== "copy-answer");
  },
  "an empty place of the window": (page) => page.mouse.click(700, 20),
};

describe("what is typed next reaches the composer after", () => {
  for (const [name, close] of Object.entries(CLOSES)) {
    it(name, async () => {
      const { page, faults } = await openPage(stage);
      await openSession(page, 1);
      await say(page, 400);
      await say(page, 2_600);
      await page.click(id("composer"));
      await page.keyboard.type("Do not lose");
      await close(page);
      await page.keyboard.type(" this");
      expect(await page.inputValue(id("composer"))).toBe("Do not lose this");
      expect(faults).toEqual([]);
      await page.close();
    });
  }

  it("a press on Send", async () => {
    const { page } = await openPage(stage);
    await openSession(page, 1);
    await say(page, 400);
    await page.fill(id("composer"), "First.");
    await page.click(id("send"));
    await page.keyboard.type("Second");
    expect(await page.inputValue(id("composer"))).toBe("Second");
    await page.close();
  });

  it("the answer to an approval", async () => {
    const { page } = await openPage(stage, "content=approval");
    await openSession(page, 8);
    await page.fill(id("deny-reason"), "no");
    await page.click(id("deny"));
    await page.waitForSelector(id("deny"), { state: "detached" });
    await page.keyboard.type("Instead");
    expect(await page.inputValue(id("composer"))).toBe("Instead");
    await page.close();
  });
});

it("gives the focus back to the control that the keyboard opened a dialog or a menu from", async () => {
  const { page } = await openPage(stage);
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("data-testid"));
  await page.focus(id("open-settings"));
  await page.keyboard.press("Enter");
  await page.waitForSelector(id("settings"));
  await page.keyboard.press("Escape");
  await page.waitForSelector(id("settings"), { state: "detached" });
  expect(await focused()).toBe("open-settings");

  await openSession(page, 1);
  await say(page, 400);
  await page.focus(id("composer"));
  for (const stop of ["delivery-steer", "stop", "stop-menu"]) {
    await page.keyboard.press("Tab");
    expect(await focused()).toBe(stop);
  }
  await page.keyboard.press("Enter");
  await page.waitForSelector(id("stop-menu-this"));
  await page.keyboard.press("Escape");
  expect(await focused()).toBe("stop-menu");
  await page.close();
});

it("takes nothing back from a person who selects text while an answer grows", async () => {
  const { page } = await openPage(stage);
  await openSession(page, 1);
  await say(page, 400);
  const selected = await page.evaluate(() => {
    const text = document.querySelector('[data-testid="session-where"]');
    document.querySelector<HTMLElement>('[data-testid="composer"]')?.blur();
    if (text) getSelection()?.selectAllChildren(text);
    return getSelection()?.toString();
  });
  await say(page, 90);
  await say(page, 90);
  expect(await page.evaluate(() => getSelection()?.toString())).toBe(selected);
  expect(await page.evaluate(() => document.activeElement === document.body)).toBe(true);
  await page.close();
});

it("closes the topmost layer alone with Esc, and never arms Stop with it", async () => {
  const { page } = await openPage(stage);
  await openSession(page, 1);
  await say(page, 400);
  await say(page, 2_600);
  const escapes = async (layer: string) => {
    await page.waitForSelector(id(layer));
    await page.keyboard.press("Escape");
    await page.waitForSelector(id(layer), { state: "detached" });
    expect(await page.textContent(id("composer-note"))).not.toContain("Esc again");
  };
  await page.click(`${id("external-link")} >> nth=0`);
  await escapes("link-dialog");
  await page.click(`${id("external-link")} >> nth=0`);
  await page.keyboard.press("Control+k");
  expect(await page.locator("dialog").count()).toBe(1);
  await escapes("palette");
  await page.click(id("stop-menu"));
  await escapes("stop-menu-this");
  await page.click(queued("queue-edit"));
  await page.focus(id("queue-edit-cancel"));
  await escapes("queue-edit-text");
  await page.keyboard.press("Escape");
  expect(await page.textContent(id("composer-note"))).toContain("Esc again");
  await page.close();
});

it("opens a narrow window with the composer in view and in focus, and the list as a drawer that gives the focus back", async () => {
  const { page } = await openPage(stage, "", { width: 600, height: 700 });
  const inView = () =>
    page.evaluate(() => {
      const composer = document.querySelector('[data-testid="composer"]');
      const box = composer?.getBoundingClientRect();
      return box !== undefined && document.elementFromPoint(box.left + 20, box.top + box.height / 2) === composer;
    });
  expect(await inView()).toBe(true);
  await page.keyboard.type("Hello");
  await page.click(id("sidebar-show"));
  await page.waitForSelector(id("sidebar"));
  expect(await page.evaluate(() => document.activeElement?.closest('[data-testid="sidebar"]') !== null)).toBe(true);
  await page.keyboard.press("Escape");
  await page.waitForSelector(id("sidebar"), { state: "detached" });
  await page.keyboard.type(" there");
  expect(await page.inputValue(id("composer"))).toBe("Hello there");

  // A window that becomes narrow covers nothing either.
  await page.setViewportSize({ width: 1100, height: 700 });
  await page.waitForSelector(id("sidebar"));
  await page.setViewportSize({ width: 600, height: 700 });
  await page.waitForSelector(id("sidebar"), { state: "detached" });
  expect(await inView()).toBe(true);

  // A choice from the palette over the drawer leads to the session, not back to the drawer.
  await page.click(id("sidebar-show"));
  await page.keyboard.press("Control+k");
  await page.fill(id("palette-input"), "Names for");
  await page.keyboard.press("Enter");
  await page.waitForSelector(`[data-testid="session"][data-session="${sessionId(2)}"]`);
  await page.keyboard.type("Six");
  expect(await page.inputValue(id("composer"))).toBe("Six");
  await page.close();
});
