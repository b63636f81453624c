/** Whether the first start accepts a text as a link, before it asks the shell. */
export function isLink(text: string): boolean {
  return text.trim().startsWith("baton://link?");
}
