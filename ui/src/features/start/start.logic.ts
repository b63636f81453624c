/** What the first start accepts, before anything is asked of the shell. */
export function isHttpUrl(text: string): boolean {
  try {
    const { protocol } = new URL(text.trim());
    return protocol === "http:" || protocol === "https:";
  } catch {
    return false;
  }
}

export function isLink(text: string): boolean {
  return text.trim().startsWith("baton://link?");
}
