/** Chooses the platform once, when the page loads. */
import type { Platform } from "./types";

declare global {
  interface Window {
    __TAURI_INTERNALS__?: unknown;
  }
}

let chosen: Platform | undefined;

export async function choosePlatform(): Promise<Platform> {
  chosen ??=
    window.__TAURI_INTERNALS__ === undefined
      ? (await import("./fake/fake-platform")).fakePlatform(new URLSearchParams(window.location.search))
      : (await import("./tauri/tauri-platform")).tauriPlatform;
  return chosen;
}

/** For tests. */
export function choosePlatformForTest(instead: Platform): void {
  chosen = instead;
}

/** The platform. Throws if the UI uses it before it is chosen. */
export function platform(): Platform {
  if (!chosen) throw new Error("the platform was used before it was chosen");
  return chosen;
}
