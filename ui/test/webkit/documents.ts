/** Documents in the desktop's own engine: how long its main thread is busy with one, and what a person can still reach. */
import type { WebKitWindow } from "../../scripts/webkit.mjs";
import { type Fake, id, sessionId } from "../browser/page";

/** `PART_TEXT_BYTES_MAX`: a runner cuts a longer text into parts of this size. */
export const PART_CHARS = 160 * 1024;
const DOCUMENT = sessionId(2);
const ELSEWHERE = sessionId(4);
/** In reach at any time: the composer, the list and, while an answer grows, Stop. */
const CONTROLS = ["composer", "sessions"];

export interface Seen {
  /** From the press on the session to its first text on the screen. */
  shownMs: number;
  /** The longest time in which the window took no key and no click. */
  longestTaskMs: number;
  /** Controls that were hidden, covered or outside of the window at some time. */
  outOfReach: string[];
}

/** Opens a session with this answer, and waits until what is in the window and near to it is drawn. */
export async function openDocument(page: WebKitWindow, text: string): Promise<Seen> {
  await leave(page);
  const parts = Array.from({ length: Math.ceil(text.length / PART_CHARS) }, (_, part) => text.slice(part * PART_CHARS, (part + 1) * PART_CHARS));
  return page.evaluate(
    async (session, texts, row, controls, elsewhere) => {
      const found = (window as unknown as { __batonFake: Fake }).__batonFake.sessions.find((each) => each.id === session);
      if (!found) throw new Error("no such session");
      found.rows = [];
      for (const part of texts) found.addRow({ type: "text", text: part, state: "complete" }, "r-document");
      const watch = window.__watch?.(controls);
      document.querySelector<HTMLElement>(row)?.click();
      const pressed = performance.now();
      let shownMs = -1;
      // The end of all drawing: in three frames nothing near stands as text. What is farther is drawn when it comes near.
      let quietFrames = 0;
      const frame = () => new Promise((done) => requestAnimationFrame(done));
      const isNear = (element: Element) => {
        const box = element.closest("[data-following]")?.getBoundingClientRect();
        const { top, bottom } = element.getBoundingClientRect();
        return box !== undefined && bottom > box.top - box.height && top < box.bottom + box.height;
      };
      for (;;) {
        await new Promise((done) => setTimeout(done, 0));
        const isOpen = document.querySelector(`[data-testid="session"][data-session="${session}"]`) && !document.querySelector(elsewhere);
        if (!isOpen || !document.querySelector('[data-row-kind="text"]')) continue;
        if (shownMs < 0) shownMs = performance.now() - pressed;
        const isDrawn = ![...document.querySelectorAll("[data-undrawn]")].some(isNear);
        quietFrames = isDrawn ? quietFrames + 1 : 0;
        if (quietFrames === 3) break;
        if (isDrawn) await frame();
      }
      return { shownMs, ...watch?.stop() } as Seen;
    },
    DOCUMENT,
    parts,
    id(`session-row-${DOCUMENT}`),
    CONTROLS,
    `[data-session="${ELSEWHERE}"]${id("session")}`,
  );
}

/** Lets an agent say this answer in steps of `step` characters, with Stop in reach. `growth`: what the second half costs in first halves. */
export async function growDocument(page: WebKitWindow, text: string, step: number): Promise<Seen & { growth: number }> {
  await leave(page);
  return page.evaluate(
    async (session, script, characters, row, controls) => {
      const fake = (window as unknown as { __batonFake: Fake }).__batonFake;
      const found = fake.sessions.find((each) => each.id === session);
      if (!found) throw new Error("no such session");
      found.rows = [];
      found.script = script;
      document.querySelector<HTMLElement>(row)?.click();
      const drawn = () => new Promise((done) => setTimeout(() => requestAnimationFrame(() => setTimeout(done, 0)), 17));
      fake.asLaptop(session, { type: "sendPrompt", text: "Go on.", delivery: "queue" });
      while (!document.querySelector('[data-testid="stop"]')) await drawn();
      // Past the reasoning.
      fake.tick(400);
      await drawn();
      const watch = window.__watch?.([...controls, "stop"]);
      // How fast this machine is at this moment: the same work after each step.
      const paceMs = () => {
        const from = performance.now();
        let sum = 0;
        for (let turn = 0; turn < 500_000; turn += 1) sum += turn % 7;
        return sum > 0 ? performance.now() - from : 0;
      };
      const steps = Math.ceil(script.length / characters) - 1;
      const halves = [0, 0].map(() => ({ stepsMs: 0, paceMs: 0 }));
      for (let at = 0; at < steps; at += 1) {
        const half = halves[at < steps / 2 ? 0 : 1];
        fake.tick(characters);
        const from = performance.now();
        await drawn();
        if (half) half.stepsMs += performance.now() - from;
        if (half) half.paceMs += paceMs();
      }
      const [first, second] = halves.map((half) => half.stepsMs / half.paceMs);
      const seen = watch?.stop();
      fake.asLaptop(session, { type: "stopRun", target: { type: "run", run: found.run?.id ?? "" }, scope: "tree" });
      while (document.querySelector('[data-testid="stop"]')) await drawn();
      return { shownMs: 0, growth: (second ?? 0) / (first ?? 1), ...seen } as Seen & { growth: number };
    },
    DOCUMENT,
    text,
    step,
    id(`session-row-${DOCUMENT}`),
    CONTROLS,
  );
}

async function leave(page: WebKitWindow): Promise<void> {
  await page.until((css) => document.querySelector(css) !== null, id(`session-row-${ELSEWHERE}`));
  await page.click(id(`session-row-${ELSEWHERE}`));
  await page.until((css) => document.querySelector(css) !== null, `[data-session="${ELSEWHERE}"]`);
}

declare global {
  interface Window {
    /** Asks the main thread again and again for its turn; the longest wait is the longest task, layout and painting included. */
    __watch?: (controls: readonly string[]) => { stop(): Pick<Seen, "longestTaskMs" | "outOfReach"> };
  }
}

/** Makes `window.__watch`. Once for each window. */
export function watchTasks(page: WebKitWindow): Promise<void> {
  return page.evaluate(() => {
    window.__watch = (controls) => {
      const outOfReach = new Set<string>();
      const channel = new MessageChannel();
      let last = performance.now();
      let looked = 0;
      let longestTaskMs = 0;
      let isOn = true;
      channel.port1.addEventListener("message", () => {
        const now = performance.now();
        longestTaskMs = Math.max(longestTaskMs, now - last);
        if (now - looked > 30) {
          for (const name of controls) if (!isInReach(name)) outOfReach.add(name);
          looked = now;
        }
        last = performance.now();
        if (isOn) channel.port2.postMessage(0);
      });
      channel.port1.start();
      channel.port2.postMessage(0);
      return {
        stop: () => {
          isOn = false;
          return { longestTaskMs, outOfReach: [...outOfReach] };
        },
      };
    };
    function isInReach(name: string): boolean {
      const element = document.querySelector(`[data-testid="${name}"]`);
      const box = element?.getBoundingClientRect();
      if (!element || !box) return false;
      const top = document.elementFromPoint(box.left + box.width / 2, box.top + Math.min(box.height / 2, 20));
      return top !== null && (element.contains(top) || top.contains(element));
    }
  });
}
