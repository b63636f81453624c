import { useEffect, useRef } from "react";
import { t } from "../../i18n/i18n";
import { useConversation } from "../../state/conversation";
import type { OpenSession } from "../../state/conversation.logic";
import { announce, useAnnouncements } from "./announcements";
import { newsOf } from "./announcements.logic";

/** For screen readers only: the transcript itself changes with every token, so reading it out would never stop. */
export function LiveLog({ open }: { open: OpenSession }) {
  const lines = useAnnouncements((state) => state.lines);
  const seen = useRef<OpenSession | undefined>(undefined);
  useEffect(() => {
    const news = newsOf(seen.current, open, useConversation.getState().account);
    seen.current = open;
    if (news.length > 0) announce(news);
  }, [open]);
  useEffect(() => () => useAnnouncements.setState({ lines: [] }), [open.view]);
  return (
    <div role="log" aria-live="polite" aria-label={t("session.log")} className="sr-only" data-testid="live-log">
      {lines.map((line) => (
        <p key={line.id}>{line.text}</p>
      ))}
    </div>
  );
}
