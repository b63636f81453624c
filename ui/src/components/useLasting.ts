import { useEffect, useState } from "react";

/** A blink: what ends sooner is not worth mentioning. */
export const BLINK_MS = 400;

/** Whether something has lasted longer than a blink (or `afterMs`). */
export function useLasting(holds: boolean, afterMs: number = BLINK_MS): boolean {
  const [lasted, setLasted] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLasted(holds), holds ? afterMs : 0);
    return () => clearTimeout(timer);
  }, [holds, afterMs]);
  return holds && lasted;
}
