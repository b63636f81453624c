/**
 * Following the end of a transcript. Scrolling up stops it at once; reaching the end again, or the jump button, resumes it. Following never
 * moves what a person reads.
 */
export interface Following {
  readonly mode: "following" | "reading";
  /** Why following stopped: the person scrolled away, or following would have moved what they unfolded out of view. */
  readonly leftFor: "person" | "held";
  /** The scroller's scroll position, content height and own height in pixels, as last seen. */
  readonly top: number;
  readonly height: number;
  readonly viewport: number;
  /** The number of appended rows when following stopped. */
  readonly appendedWhenLeft: number;
}

export type Signal =
  /** The scroll position changed. */
  | { type: "scrolled"; top: number; height: number; viewport: number; appended: number }
  /** The content changed, and the end was scrolled into view again if it is followed. No person scrolled. */
  | { type: "settled"; top: number; height: number; viewport: number }
  /** A person scrolls up: wheel, touch, key or scrollbar. The scroll itself may come a frame later. */
  | { type: "pushedUp"; appended: number }
  /** Following the end would have moved what a person has unfolded out of view. */
  | { type: "heldBack"; appended: number }
  /** A person went to a place other than the end. */
  | { type: "sentElsewhere"; appended: number }
  /** A person went to the end. */
  | { type: "jumped" };

export const FOLLOWING: Following = { mode: "following", leftFor: "person", top: 0, height: 0, viewport: 0, appendedWhenLeft: 0 };

/** Less than a line from the end counts as the end. */
export const NEAR_END_PX = 12;

export function follow(state: Following, signal: Signal): Following {
  switch (signal.type) {
    case "jumped":
      return state.mode === "following" ? state : { ...state, mode: "following" };
    case "pushedUp":
      return state.top > 0 ? leave(state, signal.appended, "person") : state;
    case "heldBack":
      return leave(state, signal.appended, "held");
    case "sentElsewhere":
      return leave(state, signal.appended, "person");
    case "settled": {
      const { top, height, viewport } = signal;
      // The person has folded it again and the end is in view: nothing is left to hold back for.
      const resumes = state.leftFor === "held" && height - viewport - top <= NEAR_END_PX;
      return { ...state, top, height, viewport, mode: resumes ? "following" : state.mode };
    }
    case "scrolled": {
      const { top, height, viewport, appended } = signal;
      const moved: Following = { ...state, top, height, viewport };
      const fromEnd = height - viewport - top;
      if (state.mode === "following") {
        // A change of the content's or the window's height can move the position too: a scroll without such a change comes from the person.
        // A person who scrolls over growing content has sent `pushedUp` before (wheel, touch, key, scrollbar).
        const still = Math.abs(height - state.height) <= 1 && Math.abs(viewport - state.viewport) <= 1;
        return still && top < state.top - 1 && fromEnd > 1 ? leave(moved, appended, "person") : moved;
      }
      return fromEnd <= NEAR_END_PX && top > state.top ? { ...moved, mode: "following" } : moved;
    }
  }
}

function leave(state: Following, appended: number, leftFor: Following["leftFor"]): Following {
  return state.mode === "reading" ? { ...state, leftFor } : { ...state, mode: "reading", leftFor, appendedWhenLeft: appended };
}

/**
 * The scroll position that follows the end, in pixels. What a person has just unfolded (`heldTop`: its upper edge) stays in view: the end
 * comes into view only as far as that allows.
 */
export function followedTop(endTop: number, heldTop: number | undefined): number {
  return heldTop === undefined ? endTop : Math.min(endTop, Math.max(0, heldTop - HELD_MARGIN_PX));
}

/** The space above what is held. */
const HELD_MARGIN_PX = 8;

/** How many rows have been appended since following stopped. */
export function missedCount(state: Following, appended: number): number {
  return state.mode === "reading" ? Math.max(0, appended - state.appendedWhenLeft) : 0;
}

/** Whether a key scrolls up. */
export function isUpKey(key: string, shiftKey: boolean): boolean {
  return key === "PageUp" || key === "ArrowUp" || key === "Home" || (key === " " && shiftKey);
}
