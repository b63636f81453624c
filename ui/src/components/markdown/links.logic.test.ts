import { describe, expect, it } from "vitest";
import ADDRESSES from "../../../test/addresses.json";
import { linkTarget, namesItsHost } from "./links.logic";

describe("linkTarget", () => {
  it("lets https through, whole", () => {
    expect(linkTarget("https://example.org/a?b=c#d")).toEqual({ type: "https", url: "https://example.org/a?b=c#d", host: "example.org" });
  });

  // `external.rs` checks addresses again, tested with the same table.
  it.each(ADDRESSES)("$address opens: $opens", ({ address, opens }) => {
    const target = linkTarget(address);
    expect(target.type).toBe(opens ? "https" : "none");
    if (target.type === "none") expect(target.text).toBe(address);
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
    ["example.org.", "example.org", false],
    ["example.org", "example.org.", false],
    ["example.org", "example.org.evil.net", false],
    ["example.org", "xn--exmple-4nf.org", false],
    ["exаmple.org", "example.org", false],
    ["exаmple.org", "xn--exmple-4nf.org", false],
    ["example\u200b.org", "example.org", false],
    ["example。org", "example.org", false],
    ["evil.net/\u202egro.elpmaxe", "evil.net", false],
    ["https://example.org:secret@evil.net", "evil.net", false],
    ["https://evil.net:secret@evil.net", "evil.net", false],
    ["http:evil.net", "evil.net", false],
    ["https:\\\\evil.net", "evil.net", false],
    ["not-example.org", "example.org", false],
    ["sub.example.org", "example.org", false],
  ])("%j names %s: %s", (text, host, names) => expect(namesItsHost(text, host)).toBe(names));
});
