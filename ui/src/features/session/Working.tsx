import { useHubNow } from "../../state/hub-clock";
import type { SessionHeader } from "../../generated/SessionHeader";
import type { TranscriptRow } from "../../generated/TranscriptRow";
import { formatDuration, t } from "../../i18n/i18n";
import { useConversation } from "../../state/conversation";
import { agentName } from "../../state/names.logic";

/** Under the last row: that an agent is at work, and for how long. Its height never changes, so that nothing jumps when it ends. */
export function Working({ header, last }: { header: SessionHeader | undefined; last: TranscriptRow | undefined }) {
  const account = useConversation((state) => state.account);
  const live = useConversation((state) => state.connection?.phase === "live");
  const run = header?.run;
  const now = useHubNow(run && live ? "ticking" : "still");
  const growing = last !== undefined && "state" in last.body && last.body.state === "open";
  return (
    <div className="mx-auto h-9 w-full max-w-[46rem] px-6 pt-2 text-sm text-ink-muted" aria-hidden="true">
      {run && (
        <p className="flex items-center gap-2 tabular-nums" data-testid="working" data-run={run.run}>
          <span className={`size-2 rounded-full ${live ? "breathe bg-accent" : "border border-line-strong"}`} />
          {!live
            ? t("session.workingUnseen")
            : growing
            ? formatDuration(now - run.startedAt)
            : t("session.working", { agent: agentName(account, header.agent), elapsed: formatDuration(now - run.startedAt) })}
        </p>
      )}
    </div>
  );
}
