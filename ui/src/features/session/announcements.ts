/** What a screen reader hears of a growing answer: its blocks, once they have settled. */
import { create } from "zustand";

/** A log region keeps only the last few lines. */
const LINES_MAX = 6;

interface Announcements {
  lines: readonly { id: number; text: string }[];
}

export const useAnnouncements = create<Announcements>()(() => ({ lines: [] }));

let lastId = 0;

export function announce(texts: readonly string[]): void {
  const lines = texts.map((text) => ({ id: (lastId += 1), text }));
  useAnnouncements.setState((state) => ({ lines: [...state.lines, ...lines].slice(-LINES_MAX) }));
}
