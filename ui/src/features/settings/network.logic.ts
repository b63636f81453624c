/** Texts and times for *Use from other devices*. */
import { formatDuration, formatTime, t } from "../../i18n/i18n";
import type { NetworkDevice } from "../../platform/types";

export function seenText(seen: NetworkDevice["seen"], nowMs: number): string {
  switch (seen.type) {
    case "now":
      return t("network.seen.now");
    case "at":
      return t("network.seen.at", { time: formatTime(seen.at, nowMs) });
    case "notSinceStart":
      return t("network.seen.notSinceStart");
  }
}

/** How long a link can still be used; `undefined` once it has expired. */
export function remaining(madeAtMs: number, lastsMs: number, nowMs: number): string | undefined {
  // The clock shows whole seconds, so it may still show a time before the link was created.
  const left = Math.min(lastsMs, madeAtMs + lastsMs - nowMs);
  return left > 0 ? formatDuration(left) : undefined;
}
