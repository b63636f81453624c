/** What a screen reader is told of a growing answer: blocks, once they have settled. */
import { create } from "zustand";

/** A log region keeps a little of what it said; older lines go. */
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
