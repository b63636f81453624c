/**
 * Small settings that this device remembers for the screen (theme, what Enter does). Never a draft or any part of a conversation.
 * If the webview stores nothing, the defaults apply.
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
    // The choice then lasts until the window closes.
  }
}
