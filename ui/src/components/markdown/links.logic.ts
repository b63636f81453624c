/** Which addresses in a text may be opened: only https. Everything else is shown as text. */
export type LinkTarget = { type: "https"; url: string; host: string } | { type: "none"; text: string };

export function linkTarget(href: string | undefined): LinkTarget {
  const text = href ?? "";
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return { type: "none", text };
  }
  if (url.protocol !== "https:" || url.username !== "" || url.password !== "") return { type: "none", text };
  return { type: "https", url: url.href, host: url.host };
}

/**
 * Whether a link's text already says where it goes: it is an address on that host, or the host's name. A name in lookalike letters is not
 * the host's name, nor is a name with invisible characters.
 */
export function namesItsHost(text: string, host: string): boolean {
  const said = text.trim();
  const address = /^[a-z][a-z\d+.-]*:\/\//i.test(said) ? said : `https://${said}`;
  try {
    const url = new URL(address);
    return url.host === host && said.toLowerCase().includes(host) && url.username === "" && url.password === "" && !/[\s\p{C}]/u.test(said);
  } catch {
    return false;
  }
}
