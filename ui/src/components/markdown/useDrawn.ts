import { useEffect, useRef, useState } from "react";
import { drawLater, mayDrawNow } from "./drawing";

/** Whether a piece of this cost may be drawn yet. Once drawn, it stays drawn as it grows. */
export function useDrawn<Place extends HTMLElement>(cost: () => number) {
  const place = useRef<Place>(null);
  const [price] = useState(cost);
  const [isDrawn, setDrawn] = useState(() => mayDrawNow(price));
  useEffect(() => {
    if (isDrawn || !place.current) return undefined;
    return drawLater({ element: place.current, cost: price, draw: () => setDrawn(true) });
  }, [isDrawn, price]);
  return { place, isDrawn };
}
