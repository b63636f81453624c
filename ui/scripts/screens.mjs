// Draws every screen from the built files with the fake hub, in the system's Chromium, under the desktop's content security policy.
// `npm run screens [-- NAME…]` writes docs/screens/NAME-{light,dark}[-narrow].png, and fails on a violation of the policy, on an error in
// the page and on what axe finds.
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launchChromium, servePages } from "./pages.mjs";

const out = fileURLToPath(new URL("../../docs/screens", import.meta.url));
const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const WIDE = { width: 1180, height: 800 };
const NARROW = { width: 420, height: 800 };
const row = (place) => `[data-testid="session-row-0192f0c0-1111-7000-8000-${String(place).padStart(12, "0")}"]`;
const id = (name) => `[data-testid="${name}"]`;

async function openRow(page, place) {
  if (!(await page.locator(row(place)).isVisible())) await page.click(id("sidebar-show"));
  await page.click(row(place));
  await page.waitForSelector(id("transcript"));
}

/** Lets the fake agent speak until the whole answer stands. */
async function say(page, characters) {
  await page.evaluate((count) => window.__batonFake.tick(count), characters);
}

const screens = {
  start: { query: "shell=needsStart" },
  "start-local": {
    query: "shell=needsStart",
    act: async (page) => {
      await page.click(id("choose-local"));
      await page.waitForSelector(id("source-found"));
    },
  },
  "start-endpoint": {
    query: "shell=needsStart&models=none&keyring=missing",
    act: async (page) => {
      await page.click(id("choose-local"));
      await page.click(id("source-endpoint"));
      await page.fill(id("base-url"), "localhost:8080");
    },
  },
  "start-link": {
    query: "shell=needsStart",
    act: async (page) => {
      await page.click(id("choose-link"));
      await page.fill(id("link-input"), "baton://link?hub=10.0.0.2:7433&code=expired");
      await page.click(id("link-submit"));
      await page.waitForSelector(id("link-problem"));
    },
  },
  starting: { query: "shell=starting", act: (page) => page.getByText("Starting the hub").waitFor() },
  approval: { query: "content=approval", act: (page) => openRow(page, 8) },
  empty: { query: "content=empty" },
  new: {
    query: "",
    act: async (page) => {
      await page.waitForSelector(id("agent"));
      await page.fill(id("composer"), "Compare two ways to store a growing answer.");
    },
  },
  streaming: {
    query: "",
    act: async (page) => {
      await openRow(page, 1);
      await say(page, 400);
      for (let round = 0; round < 12; round += 1) await say(page, 97);
      await page.waitForSelector(".code-token");
    },
  },
  "streaming-code": {
    query: "",
    act: async (page) => {
      await openRow(page, 1);
      await say(page, 400);
      for (let round = 0; round < 7; round += 1) await say(page, 120);
    },
  },
  answered: {
    query: "",
    act: async (page) => {
      await openRow(page, 1);
      await page.click(id("queue-pause"));
      await say(page, 400);
      await say(page, 5000);
      await say(page, 1);
      await page.waitForSelector('[data-row-kind="runEnd"]');
      await page.waitForSelector(".code-token");
    },
  },
  ends: { query: "", act: (page) => openRow(page, 5) },
  formula: {
    query: "",
    act: async (page) => {
      await openRow(page, 7);
      await page.waitForSelector("math");
    },
  },
  failed: { query: "", act: (page) => openRow(page, 3) },
  rtl: { query: "", act: (page) => openRow(page, 4) },
  stopped: {
    query: "",
    act: async (page) => {
      await openRow(page, 1);
      await say(page, 400);
      await say(page, 500);
      await page.click(id("stop"));
      await page.waitForSelector(id("queue-paused"));
    },
  },
  "stop-menu": {
    query: "",
    act: async (page) => {
      await openRow(page, 1);
      await say(page, 400);
      await say(page, 200);
      await page.fill(id("composer"), "Leave out the table, and say what happens to the queue.");
      await page.click(id("stop-menu"));
    },
  },
  reading: {
    query: "",
    act: async (page) => {
      await openRow(page, 6);
      await page.waitForTimeout(300);
      await page.hover(id("transcript"));
      await page.mouse.wheel(0, -900);
      await page.waitForSelector(id("jump-to-latest"));
      await page.evaluate(() =>
        window.__batonFake.asLaptop("0192f0c0-1111-7000-8000-000000000006", { type: "sendPrompt", text: "And now?", delivery: "queue" }),
      );
      await page.waitForSelector('[data-missed="1"]');
    },
  },
  offline: {
    query: "",
    act: async (page) => {
      await openRow(page, 1);
      await say(page, 400);
      await say(page, 300);
      await page.evaluate(() => window.__batonFake.setPhase("reconnecting"));
      await page.fill(id("composer"), "Send this when the hub is back.");
      await page.click(id("delivery-queue") + " >> xpath=..");
      await page.click(id("send"));
      await page.click(id("stop"));
      await page.waitForSelector('[data-testid="stop"][data-state="waitingForHub"]');
      await page.waitForSelector('[data-testid="outbox"][data-count="2"]');
    },
  },
  refused: {
    query: "phase=refused",
    act: (page) => openRow(page, 5),
  },
  palette: {
    query: "",
    act: async (page) => {
      await page.waitForSelector(id("composer"));
      await page.keyboard.press("Control+k");
      await page.fill(id("palette-input"), "log");
      await page.waitForSelector('[data-testid^="palette-messages"]');
    },
  },
  settings: {
    query: "",
    act: async (page) => {
      await page.waitForSelector(id("composer"));
      await page.keyboard.press("Control+,");
      await page.waitForSelector(id("settings"));
    },
  },
  keyboard: {
    query: "",
    act: async (page) => {
      await page.waitForSelector(id("composer"));
      await page.evaluate(() => document.activeElement?.blur());
      await page.keyboard.press("?");
      await page.waitForSelector(id("keyboard"));
    },
  },
  sidebar: {
    query: "",
    narrowOnly: true,
    act: async (page) => {
      await page.click(id("sidebar-show"));
      await page.waitForSelector(row(1));
    },
  },
};

const wanted = process.argv.slice(2).filter((name) => name in screens);
const names = wanted.length > 0 ? wanted : Object.keys(screens);

await mkdir(out, { recursive: true });
const { origin, close } = await servePages();
const browser = await launchChromium();

const faults = [];
try {
  for (const name of names) {
    const screen = screens[name];
    for (const scheme of ["light", "dark"]) {
      for (const viewport of [WIDE, NARROW]) {
        const narrow = viewport === NARROW;
        if (screen.narrowOnly && !narrow) continue;
        const label = `${name}-${scheme}${narrow ? "-narrow" : ""}`;
        const context = await browser.newContext({ viewport, colorScheme: scheme, reducedMotion: "reduce", locale: "en-GB" });
        const page = await context.newPage();
        page.on("pageerror", (error) => faults.push(`${label}: ${error.message}`));
        page.on("console", (message) => {
          if (message.type() === "error") faults.push(`${label}: ${message.text()}`);
        });
        try {
          // `tick=0`: the agent speaks only when the picture asks for it, so that each picture comes out the same.
          await page.goto(`${origin}?tick=0&${screen.query}`);
          await page.waitForSelector("#root > *");
          await screen.act?.(page);
          await page.waitForTimeout(250);
          await page.screenshot({ path: join(out, `${label}.png`) });
          await page.evaluate(axeSource).catch(() => undefined);
          faults.push(...(await checkWithAxe(page, label)));
        } catch (error) {
          await page.screenshot({ path: join(out, `${label}.png`) }).catch(() => undefined);
          faults.push(`${label}: ${error.message.split("\n").slice(0, 3).join(" ")}`);
        }
        await context.close();
      }
    }
    process.stdout.write(`${name}\n`);
  }
} finally {
  await browser.close();
  close();
}

async function checkWithAxe(page, label) {
  const found = await page.evaluate(async () => {
    if (!("axe" in window)) return ["axe did not load"];
    const { violations } = await window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    });
    return violations.map((each) => `${each.id}: ${each.nodes.map((node) => `${node.target.join(" ")} ${node.any[0]?.message ?? ""}`).slice(0, 3).join(" | ")}`);
  });
  return found.map((each) => `${label}: axe ${each}`);
}

if (faults.length > 0) {
  console.error([...new Set(faults)].join("\n"));
  process.exitCode = 1;
}
