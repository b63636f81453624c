import { describe, expect, it } from "vitest";
import { remaining, seenText } from "./network.logic";

describe("use from other devices", () => {
  it("counts a link's time down to its end", () => {
    expect(remaining(1500, 300_000, 1000)).toBe("5 min 00 s");
    expect(remaining(1000, 300_000, 300_000)).toBe("1 s");
    expect(remaining(1000, 300_000, 301_000)).toBeUndefined();
  });

  it("says when a device was there", () => {
    expect(seenText({ type: "now" }, 0)).toBe("Connected");
    expect(seenText({ type: "notSinceStart" }, 0)).toBe("Not connected since Baton started");
  });
});
