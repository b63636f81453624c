import { describe, expect, it } from "vitest";
import { linkTarget, namesItsHost } from "./links.logic";

describe("linkTarget", () => {
  it("lets https through, whole", () => {
    expect(linkTarget("https://example.org/a?b=c#d")).toEqual({ type: "https", url: "https://example.org/a?b=c#d", host: "example.org" });
  });

  it.each([
    "http://example.org",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "//example.org",
    "/relative",
    "baton://link?hub=x",
    "https://user:secret@example.org",
    "https:// example.org",
    "",
  ])("shows %s as text", (href) => {
    expect(linkTarget(href)).toEqual({ type: "none", text: href });
  });

  it("shows the host beside words that hide it", () => {
    expect(namesItsHost("click here", "example.org")).toBe(false);
    expect(namesItsHost("https://Example.org/x", "example.org")).toBe(true);
  });
});
