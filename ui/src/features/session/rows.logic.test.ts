import { describe, expect, it } from "vitest";
import type { RunOutcome } from "../../generated/RunOutcome";
import type { SessionHeader } from "../../generated/SessionHeader";
import type { TranscriptRow } from "../../generated/TranscriptRow";
import { isRetryable } from "./rows.logic";

const end = (run: string, outcome: RunOutcome): TranscriptRow => ({
  id: run,
  seq: 1,
  at: 0,
  run,
  body: { type: "runEnd", outcome, durationMs: 10 },
});
const header = (run?: SessionHeader["run"]): SessionHeader => ({
  session: "s",
  title: "",
  agent: "assistant",
  seq: 9,
  hasOlder: false,
  caughtUp: true,
  ...(run && { run }),
});

describe("retry", () => {
  const rows = [end("first", { type: "lost" }), end("second", { type: "lost" })];

  it("is for the last run that ended", () => {
    expect(isRetryable({ header: header(), rows }, "second")).toBe(true);
    expect(isRetryable({ header: header(), rows }, "first")).toBe(false);
    expect(isRetryable({ header: header(), rows }, undefined)).toBe(false);
  });

  it("waits for the run that is on", () => {
    const on = {
      run: "third",
      prompt: "p",
      runner: "r",
      startedAt: 0,
      startedBy: { type: "hub" },
      canSteer: true,
      stopping: "none",
    } satisfies SessionHeader["run"];
    expect(isRetryable({ header: header(on), rows }, "second")).toBe(false);
  });
});
