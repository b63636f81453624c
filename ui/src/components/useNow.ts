import { useSyncExternalStore } from "react";

const TICK_MS = 1000;
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** The time in whole seconds, updated every second while `ticking`; for words like "12 s". All callers share one clock. */
export function useNow(ticking: "ticking" | "still"): number {
  return useSyncExternalStore(ticking === "ticking" ? listen : listenToNothing, wholeSeconds);
}

function wholeSeconds(): number {
  return Math.floor(Date.now() / TICK_MS) * TICK_MS;
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    for (const each of listeners) each();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function listenToNothing(): () => void {
  return () => {};
}
