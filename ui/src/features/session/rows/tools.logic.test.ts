import { describe, expect, it } from "vitest";
import { type ApprovalBody, answerTo, cutOutput, firstLine, resultOf } from "./tools.logic";

const approval: ApprovalBody = {
  type: "approval",
  approval: "a1",
  call: "c1",
  wanted: { tool: "shell", toolDigest: "t", arguments: "{}" },
  pattern: "cargo *",
  place: "build-box",
  digest: "d1",
  state: { type: "open" },
};

describe("an approval's answer", () => {
  it("names the request that was seen and how far it reaches", () => {
    expect(answerTo(approval, "session", "ignored")).toEqual({ type: "answerApproval", approval: "a1", digest: "d1", answer: "allow", scope: "session" });
  });

  it("denies this once, with a reason only where one was written", () => {
    const denied = { type: "answerApproval", approval: "a1", digest: "d1", answer: "deny", scope: "once" };
    expect(answerTo(approval, "deny", "  ")).toEqual(denied);
    expect(answerTo(approval, "deny", " not here ")).toEqual({ ...denied, reason: "not here" });
  });
});

describe("a tool's output", () => {
  it("is cut into head and tail where it is long", () => {
    const lines = Array.from({ length: 100 }, (_, place) => `line ${place}`);
    expect(cutOutput("short")).toEqual({ type: "whole", text: "short" });
    expect(cutOutput(lines.join("\n"))).toEqual({ type: "cut", head: lines.slice(0, 20).join("\n"), tail: lines.slice(-10).join("\n"), hiddenLines: 70 });
    expect(cutOutput("x".repeat(9_000)).type).toBe("cut");
  });

  it("belongs to the call of its own run", () => {
    const row = (run: string, text: string) => ({ id: run, seq: 1, at: 0, run, body: { type: "toolResult", call: "c1", isError: false, text, state: "complete" } }) as const;
    expect(resultOf([row("r1", "one"), row("r2", "two")], "r2", "c1")?.text).toBe("two");
    expect(firstLine("\n{ a\nb")).toBe("{ a");
  });
});
