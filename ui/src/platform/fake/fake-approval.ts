/** A session whose agent has used one tool, was denied a second, and waits for an approval of a third. */
import { laptop, me } from "./fake-content";
import type { FakeHub } from "./fake-platform";
import { fakeSessionId } from "./fake-usual";

const RUN = "r-tools";
const MINUTE = 60_000;

const toolUse = (tool: string, argv: string[]) => ({ tool, toolDigest: "9f86d081", arguments: JSON.stringify({ argv }, null, 2) });

export function fillApproval(hub: FakeHub): void {
  const at = Date.now() - 2 * MINUTE;
  const session = hub.addSession(fakeSessionId(8), "Tidy up the build folder");
  session.addRow({ type: "prompt", prompt: "t1", text: "Tidy up the build folder, and build again.", by: me, steered: false, state: { type: "pickedUp" } }, RUN, at);
  session.addRow({ type: "toolCall", call: "c1", tool: "list", text: '{"path":"build"}', state: "complete" }, RUN, at + 1000);
  session.addRow({ type: "toolResult", call: "c1", isError: false, text: "debug\nrelease\nold-1\nold-2", state: "complete" }, RUN, at + 2000);
  session.addRow(
    {
      type: "approval",
      approval: "a1",
      call: "c2",
      wanted: toolUse("shell", ["rm", "-r", "build"]),
      pattern: "rm *",
      place: "build-box",
      reason: "to begin from nothing",
      digest: "d1",
      state: { type: "answered", answer: "deny", scope: "once", by: laptop, at: at + 20_000, reason: "Only the old ones, please." },
    },
    RUN,
    at + 3000,
  );
  session.addRow({ type: "toolResult", call: "c2", isError: true, text: "Denied: Only the old ones, please.", state: "complete" }, RUN, at + 21_000);
  session.addRow(
    {
      type: "approval",
      approval: "a2",
      call: "c3",
      wanted: toolUse("shell", ["rm", "-r", "build/old-1", "build/old-2"]),
      pattern: "rm build/old-*",
      place: "build-box",
      digest: "d2",
      state: { type: "open" },
    },
    RUN,
    at + 30_000,
  );
}
