/**
 * Following the end of a transcript. Scrolling up stops it at once; being back at the end, or the jump, brings it back. The reading
 * position is never moved by it.
 */
export interface Following {
  readonly mode: "following" | "reading";
  /** Why following stopped: a person went elsewhere, or what they unfolded would have left the view. */
  readonly leftFor: "person" | "held";
  /** The scroller's position, content height and own height in pixels, as last seen. */
  readonly top: number;
  readonly height: number;
  readonly viewport: number;
  /** How many rows had been put at the end when following stopped. */
  readonly appendedWhenLeft: number;
}

export type Signal =
  /** The scroller said that it stands somewhere else. */
  | { type: "scrolled"; top: number; height: number; viewport: number; appended: number }
  /** The content changed, and the end was put in view again where it is followed. No person did that. */
  | { type: "settled"; top: number; height: number; viewport: number }
  /** A person pushes up: wheel, touch, key or scrollbar. The scroll itself may come a frame later. */
  | { type: "pushedUp"; appended: number }
  /** The end could not be followed without moving out of view what a person has unfolded. */
  | { type: "heldBack"; appended: number }
  /** A person asked for a place that is not the end. */
  | { type: "sentElsewhere"; appended: number }
  /** A person asked for the end. */
  | { type: "jumped" };

export const FOLLOWING: Following = { mode: "following", leftFor: "person", top: 0, height: 0, viewport: 0, appendedWhenLeft: 0 };

/** So near counts as the end: less than a line. */
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
      // Folded again, and the end is in view: there is nothing left to hold back for.
      const resumes = state.leftFor === "held" && height - viewport - top <= NEAR_END_PX;
      return { ...state, top, height, viewport, mode: resumes ? "following" : state.mode };
    }
    case "scrolled": {
      const { top, height, viewport, appended } = signal;
      const moved: Following = { ...state, top, height, viewport };
      const fromEnd = height - viewport - top;
      if (state.mode === "following") {
        // A change of the content's or the window's height can take the position with it: only a scroll without one is a person's.
        // A person who scrolls over growing content has pushed before (wheel, touch, key, scrollbar).
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
 * Where the scroller goes to follow the end, in pixels. What a person has just unfolded (`heldTop`: where it begins) stays in view: the
 * end comes into view as far as that allows, and no farther.
 */
export function followedTop(endTop: number, heldTop: number | undefined): number {
  return heldTop === undefined ? endTop : Math.min(endTop, Math.max(0, heldTop - HELD_MARGIN_PX));
}

/** The room above what is held. */
const HELD_MARGIN_PX = 8;

/** How many rows came since. */
export function missedCount(state: Following, appended: number): number {
  return state.mode === "reading" ? Math.max(0, appended - state.appendedWhenLeft) : 0;
}

/** Keys that push a scroller up. */
export function isUpKey(key: string, shiftKey: boolean): boolean {
  return key === "PageUp" || key === "ArrowUp" || key === "Home" || (key === " " && shiftKey);
}
