import { type KeyboardEvent, type PointerEvent, type RefObject, type TouchEvent, useEffect, useLayoutEffect, useRef, useState, type WheelEvent } from "react";
import { FOLLOWING, type Following, follow, isUpKey, missedCount, type Signal } from "./following.logic";

interface Options {
  scroller: RefObject<HTMLElement | null>;
  appended: number;
  /** Changes with every change of the rows, so that the end is kept in view in the same frame. */
  revision: unknown;
}

/** Keeps the end in view while following, instantly and only then. */
export function useFollowing({ scroller, appended, revision }: Options) {
  // Decisions are made from events between renders, so the state's home is a ref; what is rendered is a copy.
  const state = useRef<Following>(FOLLOWING);
  const counted = useRef(appended);
  const [shown, setShown] = useState<Following>(FOLLOWING);

  useLayoutEffect(() => {
    counted.current = appended;
  }, [appended]);

  const [signal] = useState(() => (next: Signal) => {
    const before = state.current;
    state.current = follow(before, next);
    if (before.mode !== state.current.mode) setShown(state.current);
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
    if (state.current.mode === "following") element.scrollTop = element.scrollHeight;
    signal({ type: "settled", top: element.scrollTop, height: element.scrollHeight });
  });

  useLayoutEffect(keepEnd, [revision, keepEnd]);
  useEffect(() => {
    const { current: element } = scroller;
    if (!element) return undefined;
    // The window, the queue or the composer took or gave room.
    const observer = new ResizeObserver(keepEnd);
    observer.observe(element);
    return () => observer.disconnect();
  }, [scroller, keepEnd]);

  const touchY = useRef(0);
  return {
    mode: shown.mode,
    missed: missedCount(shown, appended),
    /** The list has measured rows and has its new height: still in the same frame. */
    keepEnd,
    /** For a place that a person asked for. */
    leave: () => signal({ type: "sentElsewhere", appended: counted.current }),
    jump: () => {
      signal({ type: "jumped" });
      keepEnd();
    },
    handlers: {
      onScroll: look,
      onWheel: (event: WheelEvent) => {
        if (event.deltaY < 0) signal({ type: "pushedUp", appended: counted.current });
      },
      onPointerDown: (event: PointerEvent) => {
        // Beside the content's own width is the scrollbar. Let go at the end, following comes back.
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
