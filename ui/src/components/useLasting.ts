import { useEffect, useState } from "react";

/** Longer than a blink: what is over sooner is not worth a word. */
export const BLINK_MS = 400;

/** Whether something has been so for longer than a blink (or `afterMs`). */
export function useLasting(holds: boolean, afterMs: number = BLINK_MS): boolean {
  const [lasted, setLasted] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLasted(holds), holds ? afterMs : 0);
    return () => clearTimeout(timer);
  }, [holds, afterMs]);
  return holds && lasted;
}
