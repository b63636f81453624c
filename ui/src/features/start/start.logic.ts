/** What the first start accepts, before anything is asked of the shell. */
export function isLink(text: string): boolean {
  return text.trim().startsWith("baton://link?");
}
