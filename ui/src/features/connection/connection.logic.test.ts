import { describe, expect, it } from "vitest";
import { isBrief, phaseText, toneOf } from "./connection.logic";

const line = { hubName: "home", outbox: 0 };

describe("the connection line", () => {
  it("names the hub while live", () => {
    expect(phaseText({ ...line, phase: "live" }, 0)).toBe("Live · home");
    expect(phaseText({ ...line, hubName: "", phase: "live" }, 0)).toBe("Live");
  });

  it("counts down to the next attempt, and says so when it is made", () => {
    expect(phaseText({ ...line, phase: "reconnecting", retryAt: 8000 }, 1000)).toBe("Offline · next try in 7 s");
    expect(phaseText({ ...line, phase: "reconnecting", retryAt: 8000 }, 7900)).toBe("Reconnecting…");
    expect(phaseText({ ...line, phase: "reconnecting" }, 0)).toBe("Reconnecting…");
  });

  it("is calm, busy, a warning or bad", () => {
    expect(toneOf("live")).toBe("calm");
    expect(toneOf("catchingUp")).toBe("busy");
    expect(toneOf("stale")).toBe("warn");
    expect(toneOf("refused")).toBe("bad");
  });

  it("does not blink", () => {
    expect(isBrief("connecting")).toBe(true);
    expect(isBrief("catchingUp")).toBe(true);
    expect(isBrief("reconnecting")).toBe(false);
  });
});
