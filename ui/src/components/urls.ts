/** Whether a text is an HTTP or HTTPS address. */
export function isHttpUrl(text: string): boolean {
  try {
    const { protocol } = new URL(text.trim());
    return protocol === "http:" || protocol === "https:";
  } catch {
    return false;
  }
}
