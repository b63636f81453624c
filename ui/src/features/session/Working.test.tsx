import { fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import type { ConnectionView } from "../../generated/ConnectionView";
import type { SessionHeader } from "../../generated/SessionHeader";
import { useConversation } from "../../state/conversation";
import { emptyConversation, openedSession } from "../../state/conversation.logic";
import { choosePlatformForTest } from "../../platform/platform";
import { fakeShell } from "../../platform/fake/fake-shell";
import { newsOf } from "./announcements.logic";
import { Working } from "./Working";

const HERE = 1_700_000_000_000;
const HOURS = 3_600_000;

afterEach(() => {
  vi.useRealTimers();
  useConversation.setState(emptyConversation, true);
});

it.each([-2 * HOURS, 0, 2 * HOURS])("counts a running answer by the hub's clock, which is %d ms ahead", (clockOffsetMs) => {
  vi.useFakeTimers({ now: HERE });
  const connection: ConnectionView = { phase: "live", hubName: "hub", outbox: 0, clockOffsetMs };
  useConversation.setState({ connection });
  const run = { run: "r", prompt: "p", runner: "x", startedAt: HERE + clockOffsetMs - 12_000, startedBy: { type: "hub" }, canSteer: true, stopping: "none" };
  render(<Working header={{ agent: "a", run } as unknown as SessionHeader} last={undefined} />);
  expect(screen.getByTestId("working").textContent).toContain("12 s");
});

const BUSY = { attempt: 1, until: HERE + 3_000, reason: "busy", message: "503" };
const waiting = (retry: typeof BUSY | undefined) => {
  const run = { run: "r", prompt: "p", runner: "x", startedAt: HERE, startedBy: { type: "hub" }, canSteer: true, stopping: "none", retry };
  return { session: "s", agent: "a", run } as unknown as SessionHeader;
};

it("counts down to the next try, and stops the run from there", () => {
  vi.useFakeTimers({ now: HERE });
  const asked: unknown[] = [];
  const request = (what: unknown) => {
    asked.push(what);
    return Promise.resolve({ type: "queued", command: "c" } as const);
  };
  choosePlatformForTest({ kind: "fake", request, onFrame: () => Promise.resolve(() => {}), shell: fakeShell(new URLSearchParams()) });
  useConversation.setState({ connection: { phase: "live", hubName: "hub", outbox: 0, clockOffsetMs: 0 } });
  const { rerender } = render(<Working header={waiting(BUSY)} last={undefined} />);
  const line = screen.getByTestId("working");
  expect(line.textContent).toBe("Busy, next try in 3 s");
  expect(line.closest("[aria-live]")).toBeNull();
  expect(line.getAttribute("aria-hidden")).toBe("true");
  const button = screen.getByRole("button", { name: "Stop" });
  fireEvent.click(button);
  expect(asked).toEqual([{ type: "act", log: "session:s", body: { type: "stopRun", target: { type: "run", run: "r" }, scope: "tree" } }]);
  rerender(<Working header={waiting({ ...BUSY, until: HERE })} last={undefined} />);
  expect(line.textContent).toBe("Busy, trying again");
  rerender(<Working header={waiting(undefined)} last={undefined} />);
  expect(screen.queryByTestId("retry-stop")).toBeNull();
});

it("says once to a screen reader that the model is asked again", () => {
  const open = (retry: typeof BUSY | undefined) => ({ ...openedSession(1, "s"), painted: true, header: waiting(retry) });
  expect(newsOf(open(undefined), open(BUSY), undefined)).toEqual(["Busy, trying again"]);
  expect(newsOf(open(BUSY), open(BUSY), undefined)).toEqual([]);
  expect(newsOf(open(BUSY), open({ ...BUSY, attempt: 2 }), undefined)).toEqual(["Busy, trying again"]);
});
