/** Sessions for every state that a screen can show. */
import { ANSWER, laptop, me, REASONING, STEERED } from "./fake-content";
import type { FakeHub } from "./fake-platform";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** The id of the session at this place. Ids are stable, so that tests and screenshots can name them. */
export const fakeSessionId = (place: number) => `0192f0c0-1111-7000-8000-${String(place).padStart(12, "0")}`;

export function fillUsual(hub: FakeHub, exchanges: number): void {
  const now = Date.now();

  const long = hub.addSession(fakeSessionId(6), "A long one about logs");
  long.addHistory(exchanges, me, now - 50 * HOUR);

  const everything = hub.addSession(fakeSessionId(5), "Stopped, failed and lost");
  everything.addExchange("How do two machines share one answer?", ANSWER, laptop, now - 26 * HOUR);
  fillEnds(everything, now - 25 * HOUR);
  everything.readSeq = everything.seq;

  const math = hub.addSession(fakeSessionId(7), "A formula, a task list, a picture");
  math.addExchange(
    "How long is the diagonal? Price it, too.",
    "By Pythagoras \\(d = \\sqrt{a^2 + b^2}\\), so with sides of $3 and $4 each:\n\n$$\nd = \\sqrt{3^2 + 4^2} = 5\n$$\n\n- [x] computed\n- [ ] paid\n\n![The triangle](https://example.org/triangle.png)",
    me,
    now - 22 * HOUR,
  );

  const rtl = hub.addSession(fakeSessionId(4), "مرحبا بالعالم");
  rtl.addExchange(
    "كيف أبدأ؟",
    "ابدأ بخطوة **صغيرة** واحدة، ثم:\n\n1. اكتب ما تريد\n2. اختبره\n3. شاركه\n\nThe `cargo xtask run` command starts everything.",
    me,
    now - 20 * HOUR,
  );

  const failed = hub.addSession(fakeSessionId(3), "Migrate the billing service");
  failed.perform("p-failed", { type: "sendPrompt", text: "Write the migration for the invoices table.", delivery: "queue" }, laptop);
  failed.speak(400);
  failed.speak(300);
  failed.endRun({ type: "failed", message: "The model server closed the connection: 503 Service Unavailable." }, "quiet");
  failed.updatedAt = now - 3 * HOUR;

  const unread = hub.addSession(fakeSessionId(2), "Names for the release");
  unread.addExchange("Five names for a release, after rivers.", "1. Aare\n2. Loire\n3. Neckar\n4. Soča\n5. Tagus", laptop, now - 40 * MINUTE);
  unread.readSeq = 0;

  const running = hub.addSession(fakeSessionId(1), "One answer, two desktops");
  running.addExchange("Does closing the lid stop an answer?", "No. Only a stop stops it.", laptop, now - 12 * MINUTE);
  running.perform(
    "p-running",
    { type: "sendPrompt", text: "How can an answer go on when I close the laptop and open the desktop?\nPlease with an example.", delivery: "queue" },
    laptop,
  );
  running.perform("p-queued-1", { type: "sendPrompt", text: "Then write it up as a page for the docs.", delivery: "queue" }, laptop);
  running.perform("p-queued-2", { type: "sendPrompt", text: "And list what could still go wrong.", delivery: "queue" }, me);
}

function fillEnds(session: ReturnType<FakeHub["addSession"]>, at: number): void {
  const add = session.addRow.bind(session);
  add({ type: "prompt", prompt: "e1", text: "Shorter, please.", by: me, steered: false, state: { type: "pickedUp" } }, "r1", at);
  add({ type: "reasoning", text: REASONING, state: "complete", durationMs: 4200 }, "r1", at + 1000);
  add({ type: "text", text: "It would go on in the log, and the other machine would", state: "interrupted" }, "r1", at + 6000);
  add({ type: "prompt", prompt: "e2", text: "As three bullets.", by: laptop, steered: true, state: { type: "pickedUp" } }, "r1", at + 7000);
  add({ type: "text", text: STEERED, state: "complete" }, "r1", at + 8000);
  add({ type: "runEnd", outcome: { type: "completed" }, durationMs: 12_400, usage: { modelCalls: 2 } }, "r1", at + 12_000);

  add({ type: "prompt", prompt: "e3", text: "Now run the tests on both.", by: me, steered: false, state: { type: "pickedUp" } }, "r2", at + 20_000);
  add({ type: "text", text: "I begin with the first machine. The suite takes about", state: "interrupted" }, "r2", at + 21_000);
  add(
    {
      type: "runEnd",
      outcome: { type: "stopped", by: laptop },
      durationMs: 75_000,
      teardown: { toolsCancelled: 2, stillRunning: ["cargo test"] },
    },
    "r2",
    at + 90_000,
  );

  add({ type: "prompt", prompt: "e4", text: "Try again.", by: me, steered: false, state: { type: "pickedUp" } }, "r3", at + 100_000);
  add({ type: "runEnd", outcome: { type: "failed", message: "The model server closed the connection: 503 Service Unavailable." }, durationMs: 2100 }, "r3", at + 102_000);

  add({ type: "prompt", prompt: "e5", text: "And once more.", by: me, steered: false, state: { type: "pickedUp" } }, "r4", at + 110_000);
  add({ type: "text", text: "The first machine has finished: 412 passed. On the second", state: "interrupted" }, "r4", at + 111_000);
  add({ type: "runEnd", outcome: { type: "lost" }, durationMs: 31_000 }, "r4", at + 140_000);
  add({ type: "unknown", tag: "citation" }, "r4", at + 141_000);
}
