import { useEffect, useState } from "react";
import { Button } from "../../components/Button";
import { Icon } from "../../components/Icon";
import { BLINK_MS, useLasting } from "../../components/useLasting";
import { useNow } from "../../components/useNow";
import type { ConnectionPhase } from "../../generated/ConnectionPhase";
import { t } from "../../i18n/i18n";
import { useConversation } from "../../state/conversation";
import { showDialog } from "../../state/interface";
import { useShellStatus } from "../../state/shell-status";
import { HubInsideFailed, InsideNote } from "./InsideNote";
import { KeyringButton } from "./KeyringButton";
import { MovingNote } from "./MovingNote";
import { closedKeyring, iconOf, isBrief, isOwn, phaseText, spokenText, toneOf } from "./connection.logic";

const TONES = {
  calm: "text-ink-muted",
  busy: "text-ink-muted",
  warn: "bg-warn-soft text-warn",
  bad: "bg-bad-soft text-bad",
} as const;

/** While the connection is up, a prompt is usually answered before a person could read that it waits. */
const OUTBOX_WHILE_LIVE_MS = 1500;

/** Says whether the screen is level with the hub. Always visible, always true, always the same height. */
export function ConnectionLine() {
  const connection = useConversation((state) => state.connection);
  const shown = useUnblinked(connection?.phase);
  const counting = shown === "reconnecting" && connection?.retryAt !== undefined;
  const now = useNow(counting ? "ticking" : "still");
  const outbox = connection?.outbox ?? 0;
  const outboxLasts = useLasting(outbox > 0, shown === "live" ? OUTBOX_WHILE_LIVE_MS : 0);
  const tone = shown ? toneOf(shown) : "busy";
  const status = useShellStatus();
  const keyring = closedKeyring(status);
  if (status?.hubProblem !== undefined) return <HubInsideFailed problem={status.hubProblem} />;
  return (
    <footer
      data-testid="connection"
      className={`flex min-h-7 shrink-0 items-center gap-x-2 border-t border-line px-3 text-sm ${TONES[tone]} ${tone === "bad" ? "flex-wrap py-1" : ""}`}
    >
      <p className="flex min-w-0 shrink-0 items-center gap-1.5">
        <Icon name={shown ? iconOf(shown) : "retry"} className={`size-3.5 ${shown === "live" ? "text-good" : ""}`} />
        <span data-testid="connection-phase" data-phase={connection?.phase ?? "none"} aria-hidden="true" className="truncate">
          {connection && shown ? phaseText({ ...connection, phase: shown }, now) : t("connection.none")}
        </span>
        {/* Without the seconds, so that a screen reader says it once and not with every tick. */}
        <span role="status" aria-label={t("connection.label")} className="sr-only" data-testid="connection-spoken">
          {connection && shown ? spokenText({ ...connection, phase: shown }) : t("connection.none")}
        </span>
      </p>
      {connection?.problem && shown !== "live" && (
        <p className={`min-w-0 ${tone === "bad" ? "" : "truncate"}`} data-testid="connection-problem" title={`${connection.problem.message} ${connection.problem.hint}`}>
          {connection.problem.message}
          {connection.problem.hint !== "" && ` · ${connection.problem.hint}`}
        </p>
      )}
      {shown === "refused" && keyring !== undefined && <KeyringButton keyring={keyring} />}
      {connection && shown === "refused" && !isOwn(connection) && keyring === undefined && (
        <Button tone="bad" size="small" icon="link" testId="connection-link" className="my-0.5" onClick={() => showDialog({ type: "relink" })}>
          {t("connection.linkAgain")}
        </Button>
      )}
      {shown === "live" && status?.agent && <InsideNote agent={status.agent} />}
      {status?.moving && <MovingNote moving={status.moving} />}
      <p className="ms-auto flex shrink-0 items-center gap-1.5" data-testid="outbox" data-count={outbox}>
        {outboxLasts && (
          <>
            <Icon name="inbox" className="size-3.5" />
            {t(shown === "refused" ? "connection.outboxRefused" : "connection.outbox", { count: outbox })}
          </>
        )}
      </p>
    </footer>
  );
}

/** The phase; a brief phase only after it has lasted longer than a blink. */
function useUnblinked(phase: ConnectionPhase | undefined): ConnectionPhase | undefined {
  const [shown, setShown] = useState<ConnectionPhase | undefined>();
  useEffect(() => {
    const timer = setTimeout(() => setShown(phase), phase !== undefined && isBrief(phase) ? BLINK_MS : 0);
    return () => clearTimeout(timer);
  }, [phase]);
  return phase !== undefined && !isBrief(phase) ? phase : shown;
}
