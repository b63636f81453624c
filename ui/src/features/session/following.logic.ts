/**
 * Following the end of a transcript. Scrolling up stops it at once; being back at the end, or the jump, brings it back. The reading
 * position is never moved by it.
 */
export interface Following {
  readonly mode: "following" | "reading";
  /** Where the scroller stood when it was last looked at. */
  readonly top: number;
  readonly height: number;
  /** How many rows had been put at the end when following stopped. */
  readonly appendedWhenLeft: number;
}

export type Signal =
  /** The scroller said that it stands somewhere else. */
  | { type: "scrolled"; top: number; height: number; viewport: number; appended: number }
  /** The content changed, and the end was put in view again where it is followed. No person did that. */
  | { type: "settled"; top: number; height: number }
  /** A person pushes up: wheel, touch, key or scrollbar. The scroll itself may come a frame later. */
  | { type: "pushedUp"; appended: number }
  /** A person asked for a place that is not the end. */
  | { type: "sentElsewhere"; appended: number }
  /** A person asked for the end. */
  | { type: "jumped" };

export const FOLLOWING: Following = { mode: "following", top: 0, height: 0, appendedWhenLeft: 0 };

/** So near counts as the end: less than a line. */
export const NEAR_END_PX = 12;

export function follow(state: Following, signal: Signal): Following {
  switch (signal.type) {
    case "jumped":
      return state.mode === "following" ? state : { ...state, mode: "following" };
    case "pushedUp":
      return state.top > 0 ? leave(state, signal.appended) : state;
    case "sentElsewhere":
      return leave(state, signal.appended);
    case "settled":
      return { ...state, top: signal.top, height: signal.height };
    case "scrolled": {
      const { top, height, viewport, appended } = signal;
      const moved: Following = { ...state, top, height };
      const fromEnd = height - viewport - top;
      if (state.mode === "following") {
        // Content that changes its height can take the position with it: only a scroll over still content is a person's doing.
        // Whoever scrolls over growing content has pushed before (wheel, touch, key, scrollbar).
        const still = Math.abs(height - state.height) <= 1;
        return still && top < state.top - 1 && fromEnd > 1 ? leave(moved, appended) : moved;
      }
      return fromEnd <= NEAR_END_PX && top > state.top ? { ...moved, mode: "following" } : moved;
    }
  }
}

function leave(state: Following, appended: number): Following {
  return state.mode === "reading" ? state : { ...state, mode: "reading", appendedWhenLeft: appended };
}

/** How many rows came since. */
export function missedCount(state: Following, appended: number): number {
  return state.mode === "reading" ? Math.max(0, appended - state.appendedWhenLeft) : 0;
}

/** Keys that push a scroller up. */
export function isUpKey(key: string, shiftKey: boolean): boolean {
  return key === "PageUp" || key === "ArrowUp" || key === "Home" || (key === " " && shiftKey);
}
