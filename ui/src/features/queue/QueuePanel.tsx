import { Button } from "../../components/Button";
import { Icon } from "../../components/Icon";
import type { QueueView } from "../../generated/QueueView";
import { t } from "../../i18n/i18n";
import { act } from "../../state/actions";
import { useConversation, useLine } from "../../state/conversation";
import type { OpenSession } from "../../state/conversation.logic";
import { isThisDevice, nameOf, onlyRunnerOf } from "../../state/names.logic";
import { waitingOf } from "../../state/waiting.logic";
import { QueueRow } from "./QueueRow";

/** The waiting prompts, above the composer. Hidden if nothing waits and the queue is not paused. */
export function QueuePanel({ open }: { open: OpenSession }) {
  const { session, queue } = open;
  if (!queue) return null;
  const items = waitingOf(open).queued;
  const isPaused = queue.paused !== undefined;
  if (items.length === 0 && !isPaused) return null;
  return (
    <section
      aria-label={t("queue.label")}
      data-testid="queue"
      data-state={isPaused ? "paused" : "open"}
      className="mb-2 flex min-h-9 flex-col overflow-hidden rounded-xl border border-line bg-panel"
    >
      <header className="flex min-h-9 shrink-0 items-center gap-2 ps-3 pe-2 text-sm text-ink-muted">
        <QueueState queue={queue} count={items.length} agent={open.header?.agent} own={open.header?.runner} />
        <Button
          tone="quiet"
          size="small"
          icon={isPaused ? "play" : "pause"}
          testId={isPaused ? "queue-resume" : "queue-pause"}
          className={isPaused ? "text-accent!" : ""}
          onClick={() => void act(session, { type: isPaused ? "resumeQueue" : "pauseQueue" })}
        >
          {t(isPaused ? "queue.resume" : "queue.pause")}
        </Button>
      </header>
      {items.length > 0 && (
        <ol className="max-h-[28vh] min-h-0 overflow-y-auto border-t border-line [&>li+li]:border-t [&>li+li]:border-line">
          {items.map((item) => (
            <QueueRow key={item.prompt} session={session} item={item} items={items} />
          ))}
        </ol>
      )}
    </section>
  );
}

function QueueState({ queue, count, agent, own }: { queue: QueueView; count: number; agent: string | undefined; own: string | undefined }) {
  const account = useConversation((state) => state.account);
  const line = useLine();
  if (queue.paused !== undefined) {
    return (
      <p className="flex min-w-0 grow items-center gap-1.5 text-warn" data-testid="queue-paused" data-reason={queue.paused}>
        <Icon name="pause" className="size-3.5" />
        <span className="truncate">
          {t(`queue.paused.${queue.paused}`)}
          {queue.pausedBy?.type === "device" && ` ${t("queue.pausedBy", { who: isThisDevice(account, queue.pausedBy) ? t("who.thisDevice") : nameOf(account, queue.pausedBy) })}`}
        </span>
      </p>
    );
  }
  const runner = onlyRunnerOf(account, agent, own);
  const offline = runner === undefined ? t("queue.runnerOfflineUnknown") : t("queue.runnerOffline", { runner });
  return (
    <p className="flex min-w-0 grow items-center gap-1.5" data-testid="queue-runner" data-state={queue.runnerOnline ? "online" : "offline"}>
      <Icon name={queue.runnerOnline ? "queue" : "offline"} className="size-3.5" />
      <span className="truncate">{queue.runnerOnline || line === "refused" ? t("queue.count", { count }) : offline}</span>
    </p>
  );
}
