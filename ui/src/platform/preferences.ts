/**
 * A few words that this device remembers for the screen (theme, what Enter does). Never a draft, never anything of a conversation.
 * Where the webview keeps nothing, the defaults stand.
 */
const PREFIX = "baton.";

export function loadPreference(key: string): string | undefined {
  try {
    return window.localStorage.getItem(PREFIX + key) ?? undefined;
  } catch {
    return undefined;
  }
}

export function savePreference(key: string, value: string): void {
  try {
    window.localStorage.setItem(PREFIX + key, value);
  } catch {
    // The choice then lasts until the window is closed.
  }
}
