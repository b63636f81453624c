import { useEffect } from "react";
import type { ViewId } from "../../generated/ViewId";
import { t } from "../../i18n/i18n";
import { useAnnouncements } from "./announcements";

/** For screen readers alone: the transcript itself changes with every token and would never stop talking. */
export function LiveLog({ view }: { view: ViewId }) {
  const lines = useAnnouncements((state) => state.lines);
  useEffect(() => () => useAnnouncements.setState({ lines: [] }), [view]);
  return (
    <div role="log" aria-live="polite" aria-label={t("session.log")} className="sr-only" data-testid="live-log">
      {lines.map((line) => (
        <p key={line.id}>{line.text}</p>
      ))}
    </div>
  );
}
