/** Whether the window is too narrow for the list to fit next to the session. */
import { useSyncExternalStore } from "react";

const QUERY = "(max-width: 767px)";

export function isNarrow(): boolean {
  return window.matchMedia(QUERY).matches;
}

export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, isNarrow);
}

function subscribe(listener: () => void): () => void {
  const media = window.matchMedia(QUERY);
  media.addEventListener("change", listener);
  return () => media.removeEventListener("change", listener);
}
