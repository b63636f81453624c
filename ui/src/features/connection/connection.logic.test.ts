import { describe, expect, it } from "vitest";
import { isBrief, isOwn, phaseText, toneOf } from "./connection.logic";

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

  it("does not call it the hub's refusal where this device's own data cannot be written", () => {
    const refused = (code: "revoked" | "storage_unavailable") =>
      ({ ...line, phase: "refused", problem: { code, message: "m", hint: "h" } }) as const;
    expect(phaseText(refused("revoked"), 0)).toBe("The hub refused this device");
    expect(phaseText(refused("storage_unavailable"), 0)).toBe("Not connected");
    expect([isOwn(refused("revoked")), isOwn(refused("storage_unavailable"))]).toEqual([false, true]);
  });

  it("does not blink", () => {
    expect(isBrief("connecting")).toBe(true);
    expect(isBrief("catchingUp")).toBe(true);
    expect(isBrief("reconnecting")).toBe(false);
  });
});
