import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it } from "vitest";
import { Row } from "../src/features/session/Row";
import type { RowBody } from "../src/generated/RowBody";
import type { RunningView } from "../src/generated/RunningView";
import type { TranscriptRow } from "../src/generated/TranscriptRow";
import { BUILD_BOX, laptop } from "../src/platform/fake/fake-content";
import { fakeShell } from "../src/platform/fake/fake-shell";
import { choosePlatformForTest } from "../src/platform/platform";
import { useConversation } from "../src/state/conversation";
import { emptyConversation, openedSession } from "../src/state/conversation.logic";

afterEach(() => useConversation.setState(emptyConversation, true));

const ended = (finishReason: string, run = "r1"): TranscriptRow => {
  const body: RowBody = { type: "runEnd", outcome: { type: "completed" }, durationMs: 1, finishReason };
  return { id: run, seq: 9, at: 0, run, body };
};

function show(row: TranscriptRow, rows: TranscriptRow[], run?: RunningView) {
  const header = { session: "s1", title: "", agent: "assistant", seq: 9, hasOlder: false, caughtUp: true, isDeleted: false };
  useConversation.setState({ open: { ...openedSession(1, "s1"), header: run ? { ...header, run } : header, rows } });
  return render(<Row row={row} session="s1" mark="none" onSettled={() => {}} />);
}

it("goes on from the length limit with a prompt", async () => {
  const asked: unknown[] = [];
  const request = (what: unknown) => {
    asked.push(what);
    return Promise.resolve({ type: "queued", command: "c" } as const);
  };
  choosePlatformForTest({ kind: "fake", request, onFrame: () => Promise.resolve(() => {}), shell: fakeShell(new URLSearchParams()) });
  show(ended("lengthLimit"), [ended("lengthLimit")]);
  expect(screen.getByTestId("run-outcome").textContent).toBe("Stopped at the length limit");
  await userEvent.click(screen.getByRole("button", { name: "Continue" }));
  expect(asked).toEqual([{ type: "act", log: "session:s1", body: { type: "sendPrompt", text: "Continue.", delivery: "queue" } }]);
});

it.each([
  ["contentFilter", "The provider's content filter ended this answer"],
  ["refusal", "The model declined"],
  ["boredom", "The model stopped early: boredom"],
])("says how an answer ended: %s", (reason, words) => {
  show(ended(reason), [ended(reason)]);
  expect(screen.getByTestId("run-outcome").textContent).toBe(words);
  expect(screen.queryByTestId("continue-run")).toBeNull();
});

it("offers to go on only where nothing came after", () => {
  const { unmount } = show(ended("lengthLimit"), [ended("lengthLimit"), ended("refusal", "r2")]);
  expect(screen.queryByTestId("continue-run")).toBeNull();
  unmount();
  const run: RunningView = { run: "r2", prompt: "p2", runner: BUILD_BOX, startedAt: 0, startedBy: laptop, canSteer: true, stopping: "none" };
  show(ended("lengthLimit"), [ended("lengthLimit")], run);
  expect(screen.queryByTestId("continue-run")).toBeNull();
});
