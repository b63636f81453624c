import { type KeyboardEvent, type MouseEvent, type PointerEvent, type RefObject, type TouchEvent, useEffect, useLayoutEffect, useRef, useState, type WheelEvent } from "react";
import { FOLLOWING, type Following, follow, followedTop, isUpKey, missedCount, NEAR_END_PX, type Signal } from "./following.logic";
import { type Held, heldBy, placeOf } from "./held";

interface Options {
  scroller: RefObject<HTMLElement | null>;
  appended: number;
  /** Changes with every change of the rows, so that the end stays in view in the same frame. */
  revision: unknown;
}

/** Keeps the end in view while it is followed, without animation. */
export function useFollowing({ scroller, appended, revision }: Options) {
  // Events between renders make the decisions, so the state lives in a ref; the render uses a copy.
  const state = useRef<Following>(FOLLOWING);
  const held = useRef<Held | undefined>(undefined);
  const counted = useRef(appended);
  const [shown, setShown] = useState<Following>(FOLLOWING);

  useLayoutEffect(() => {
    counted.current = appended;
  }, [appended]);

  const [signal] = useState(() => (next: Signal) => {
    const before = state.current;
    state.current = follow(before, next);
    if (before.mode === state.current.mode) return;
    setShown(state.current);
    // The end is followed again, so nothing is held any more.
    if (state.current.mode === "following") held.current = undefined;
  });
  const [look] = useState(() => () => {
    const element = scroller.current;
    if (!element) return;
    const { scrollTop, scrollHeight, clientHeight } = element;
    signal({ type: "scrolled", top: scrollTop, height: scrollHeight, viewport: clientHeight, appended: counted.current });
  });
  const [keepEnd] = useState(() => () => {
    const element = scroller.current;
    if (!element) return;
    const endTop = element.scrollHeight - element.clientHeight;
    if (state.current.mode === "following") {
      const heldTop = held.current && placeOf(held.current, element);
      const top = followedTop(endTop, heldTop);
      element.scrollTop = top;
      if (top < endTop - NEAR_END_PX) signal({ type: "heldBack", appended: counted.current });
    }
    signal({ type: "settled", top: element.scrollTop, height: element.scrollHeight, viewport: element.clientHeight });
  });

  useLayoutEffect(keepEnd, [revision, keepEnd]);
  useEffect(() => {
    const { current: element } = scroller;
    if (!element) return undefined;
    // The window, the queue or the composer has changed its size.
    const observer = new ResizeObserver(keepEnd);
    observer.observe(element);
    return () => observer.disconnect();
  }, [scroller, keepEnd]);

  const touchY = useRef(0);
  return {
    mode: shown.mode,
    missed: missedCount(shown, appended),
    /** Call this when the list has measured its rows and has its new height, still in the same frame. */
    keepEnd,
    /** Call this when a person goes to another place. */
    leave: () => signal({ type: "sentElsewhere", appended: counted.current }),
    jump: () => {
      held.current = undefined;
      signal({ type: "jumped" });
      keepEnd();
    },
    handlers: {
      onScroll: look,
      // Captured before the row's own handler, so that the position is the one that the person pressed at.
      onClickCapture: ({ target }: MouseEvent) => {
        const change = heldBy(target);
        if (change.type === "unfolds") held.current = change.held;
        else if (change.type === "folds") held.current = undefined;
      },
      onWheel: (event: WheelEvent) => {
        if (event.deltaY < 0) signal({ type: "pushedUp", appended: counted.current });
      },
      onPointerDown: (event: PointerEvent) => {
        // The scrollbar is right of the content's width. If it is released at the end, following resumes.
        const element = scroller.current;
        if (element && event.target === element && event.nativeEvent.offsetX >= element.clientWidth) {
          signal({ type: "pushedUp", appended: counted.current });
        }
      },
      onTouchStart: (event: TouchEvent) => {
        touchY.current = event.touches[0]?.clientY ?? 0;
      },
      onTouchMove: (event: TouchEvent) => {
        if ((event.touches[0]?.clientY ?? 0) > touchY.current) signal({ type: "pushedUp", appended: counted.current });
      },
      onKeyDown: (event: KeyboardEvent) => {
        if (isUpKey(event.key, event.shiftKey)) signal({ type: "pushedUp", appended: counted.current });
      },
    },
  };
}
