import { render, screen } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import type { ConnectionView } from "../../generated/ConnectionView";
import type { SessionHeader } from "../../generated/SessionHeader";
import { useConversation } from "../../state/conversation";
import { Working } from "./Working";

const HERE = 1_700_000_000_000;
const HOURS = 3_600_000;

afterEach(() => vi.useRealTimers());

it.each([-2 * HOURS, 0, 2 * HOURS])("counts a running answer by the hub's clock, which is %d ms ahead", (clockOffsetMs) => {
  vi.useFakeTimers({ now: HERE });
  const connection: ConnectionView = { phase: "live", hubName: "hub", outbox: 0, clockOffsetMs };
  useConversation.setState({ connection });
  const run = { run: "r", prompt: "p", runner: "x", startedAt: HERE + clockOffsetMs - 12_000, startedBy: { type: "hub" }, canSteer: true, stopping: "none" };
  render(<Working header={{ agent: "a", run } as unknown as SessionHeader} last={undefined} />);
  expect(screen.getByTestId("working").textContent).toContain("12 s");
});
