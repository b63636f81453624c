import { Button } from "../../components/Button";
import type { SessionHeader } from "../../generated/SessionHeader";
import type { TranscriptRow } from "../../generated/TranscriptRow";
import { formatDuration, t } from "../../i18n/i18n";
import { stop } from "../../state/actions";
import { useConversation } from "../../state/conversation";
import { retryText } from "../../state/ending.logic";
import { useHubNow } from "../../state/hub-clock";
import { agentName, runnerOf } from "../../state/names.logic";

/** Says under the last row that an agent works, and for how long. Its height is fixed, so that nothing jumps when the work ends. */
export function Working({ header, last }: { header: SessionHeader | undefined; last: TranscriptRow | undefined }) {
  const account = useConversation((state) => state.account);
  const live = useConversation((state) => state.connection?.phase === "live");
  const run = header?.run;
  const now = useHubNow(run && live ? "ticking" : "still");
  const growing = last !== undefined && "state" in last.body && last.body.state === "open";
  return (
    <div className="mx-auto flex h-9 w-full max-w-[46rem] items-start gap-2 px-6 pt-2 text-sm text-ink-muted">
      {run && (
        <p className="flex min-w-0 items-center gap-2 truncate tabular-nums" aria-hidden="true" data-testid="working" data-run={run.run}>
          <span className={`size-2 rounded-full ${live ? "breathe bg-accent" : "border border-line-strong"}`} />
          {!live
            ? t("session.workingUnseen")
            : run.retry
            ? retryText(run.retry, now)
            : growing
            ? formatDuration(now - run.startedAt)
            : t("session.working", { agent: agentName(account, header.agent, runnerOf(header)), elapsed: formatDuration(now - run.startedAt) })}
        </p>
      )}
      {header && run?.retry && live && run.stopping === "none" && (
        <Button
          size="small"
          tone="quiet"
          className="-mt-1"
          testId="retry-stop"
          onClick={() => void stop(header.session, { type: "run", run: run.run }, "tree")}
        >
          {t("composer.stop")}
        </Button>
      )}
    </div>
  );
}
