/** Which addresses of a text may be opened: https alone. Everything else is shown as what it is: text. */
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

/** Whether the text of a link already says where it goes. */
export function namesItsHost(text: string, host: string): boolean {
  return text.toLowerCase().includes(host.toLowerCase());
}
