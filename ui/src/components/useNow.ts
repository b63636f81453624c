import { useEffect, useState } from "react";

/** The time, again every `intervalMs` while `ticking`; for words like "12 s". */
export function useNow(ticking: "ticking" | "still", intervalMs = 1000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (ticking === "still") return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), intervalMs);
    return () => clearInterval(timer);
  }, [ticking, intervalMs]);
  return now;
}
