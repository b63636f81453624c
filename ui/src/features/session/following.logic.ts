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
  /** The scroller stands somewhere else, or its content has another height. */
  | { type: "scrolled"; top: number; height: number; viewport: number; appended: number }
  /** A person pushes up: wheel, touch or key. The scroll itself may come a frame later. */
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
    case "scrolled": {
      const { top, height, viewport, appended } = signal;
      const moved: Following = top === state.top && height === state.height ? state : { ...state, top, height };
      const fromEnd = height - viewport - top;
      const wentUp = top < state.top - 1;
      const shrank = height < state.height - 1;
      if (state.mode === "following") {
        // Content that shrinks takes the position with it: that is no person's doing.
        return wentUp && !shrank && fromEnd > 1 ? leave(moved, appended) : moved;
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
