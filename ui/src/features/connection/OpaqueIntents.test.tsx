// @vitest-environment jsdom
import { cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, test, vi } from "vitest";
import { useConversation } from "../../state/conversation";
import { applyFrame } from "../../state/conversation.logic";
import { OpaqueIntents } from "./OpaqueIntents";

const discarded = vi.hoisted(() => vi.fn<(ordinal: number) => Promise<void>>(async () => {}));
vi.mock("../../state/actions", () => ({ discardOpaque: discarded }));

afterEach(cleanup);

test("a message that this version cannot send is shown with its text, and can be discarded", async () => {
  const { rerender } = render(<OpaqueIntents />);
  expect(screen.queryByTestId("opaque-intents")).toBeNull();
  const frame = { messages: [{ type: "opaqueIntents" as const, intents: [{ ordinal: 7, text: "two" }, { ordinal: 9 }] }] };
  useConversation.setState((state) => applyFrame(state, frame));
  rerender(<OpaqueIntents />);
  expect(screen.getByText("two")).toBeTruthy();
  expect(screen.getAllByText("Can't be sent by this version")).toHaveLength(2);
  const [first] = screen.getAllByTestId("opaque-discard");
  if (first) await userEvent.click(first);
  expect(discarded.mock.calls).toEqual([[7]]);
  useConversation.setState((state) => applyFrame(state, { messages: [{ type: "opaqueIntents", intents: [] }] }));
  rerender(<OpaqueIntents />);
  expect(screen.queryByTestId("opaque-intents")).toBeNull();
});
