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

  it.each([
    ["https://Example.org/x", "example.org", true],
    ["example.org", "example.org", true],
    ["example.org/docs", "example.org", true],
    ["https://example.org:8443/", "example.org:8443", true],
    ["click here", "example.org", false],
    ["https://bank.com/login", "k.com", false],
    ["https://example.org.evil.net", "example.org", false],
    ["https://evil.net/example.org", "example.org", false],
    ["https://evil.net?example.org", "example.org", false],
    ["https://example.org@evil.net", "example.org", false],
    ["https://evil.net/@example.org", "example.org", false],
    ["https://evil.net example.org", "example.org", false],
    ["http://ехаmple.org", "xn--mple-63dn9c.org", false],
    ["example.org:8443", "example.org", false],
    ["", "example.org", false],
  ])("%j names %s: %s", (text, host, names) => expect(namesItsHost(text, host)).toBe(names));
});
