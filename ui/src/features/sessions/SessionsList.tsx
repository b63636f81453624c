import { Virtualizer } from "virtua";
import { Button, IconButton } from "../../components/Button";
import { Icon } from "../../components/Icon";
import { Kbd } from "../../components/Kbd";
import { useHubNow } from "../../state/hub-clock";
import type { SessionRow } from "../../generated/SessionRow";
import { formatDay, formatDuration, t } from "../../i18n/i18n";
import { beginNewSession, openSession } from "../../state/actions";
import { useConversation, useLine } from "../../state/conversation";
import { showDialog, toggleSidebar, useInterface } from "../../state/interface";
import type { Line } from "../../state/line.logic";
import { STATE_LOOKS } from "./sessions.logic";

export function SessionsList() {
  const rows = useConversation((state) => state.sessions);
  const place = useInterface((state) => state.place);
  const running = rows?.some((row) => row.state.type === "running") === true;
  const line = useLine();
  const now = useHubNow(running && line === "up" ? "ticking" : "still");
  return (
    <nav aria-label={t("sessions.label")} className="flex h-full flex-col bg-panel">
      <header className="flex h-13 shrink-0 items-center gap-1 ps-4 pe-2">
        <span className="grow text-read font-semibold tracking-tight">{t("app.name")}</span>
        <IconButton icon="gear" label={t("sessions.settings")} testId="open-settings" onClick={() => showDialog({ type: "settings" })} />
        <IconButton icon="sidebar" label={t("sessions.hide")} testId="sidebar-hide" onClick={toggleSidebar} />
      </header>
      <div className="flex flex-col gap-1.5 px-2 pb-2">
        <Button
          icon="add"
          testId="new-session"
          className="w-full justify-start!"
          aria-current={place.type === "new" ? "page" : undefined}
          onClick={() => void beginNewSession()}
        >
          {t("sessions.new")}
        </Button>
        <Button tone="quiet" icon="search" testId="open-search" className="w-full justify-start!" onClick={() => showDialog({ type: "search" })}>
          <span className="grow text-start">{t("sessions.search")}</span>
          <Kbd keys="Mod+K" />
        </Button>
      </div>
      {rows === undefined ? (
        <p className="px-4 py-3 text-ink-muted">{t("sessions.loading")}</p>
      ) : rows.length === 0 ? (
        <p className="px-4 py-3 text-ink-muted" data-testid="sessions-empty">
          {t("sessions.empty")}
        </p>
      ) : (
        // Virtualized, so that thousands of sessions cost as much as those in view.
        <div className="min-h-0 grow overflow-y-auto px-2 pb-2" data-testid="sessions" data-count={rows.length}>
          <Virtualizer as="ul" item="li" data={rows} bufferSize={400}>
            {(row) => (
              <Row
                key={row.session}
                row={row}
                now={now}
                line={line}
                shown={place.type === "session" && place.session === row.session ? "shown" : "not"}
              />
            )}
          </Virtualizer>
        </div>
      )}
    </nav>
  );
}

function Row({ row, now, line, shown }: { row: SessionRow; now: number; line: Line; shown: "shown" | "not" }) {
  const looks = STATE_LOOKS[row.state.type];
  // Without a connection to the hub it is unknown whether it still runs.
  const unseen = row.state.type === "running" && line !== "up";
  const loud = !unseen && row.state.type !== "idle" && row.state.type !== "waiting" && row.state.type !== "notSent";
  const state = unseen
    ? t("sessions.state.wasRunning")
    : row.state.type === "running"
      ? t("sessions.state.running", { elapsed: formatDuration(now - row.state.startedAt) })
      : t(`sessions.state.${row.state.type}`);
  return (
    <button
      type="button"
      data-testid={`session-row-${row.session}`}
      data-state={row.state.type}
      aria-current={shown === "shown" ? "page" : undefined}
      className="flex w-full flex-col gap-0.5 rounded-md px-2.5 py-1.5 text-start hover:bg-hover aria-[current]:bg-accent-soft"
      onClick={() => void openSession(row.session)}
    >
      <span className={`w-full truncate ${loud ? "font-semibold" : ""}`} dir="auto" data-testid="session-title">
        {row.title === "" ? t("sessions.untitled") : row.title}
      </span>
      <span className="flex w-full items-center gap-1.5 text-xs text-ink-muted">
        {row.state.type !== "idle" && (
          <>
            <Icon name={looks.icon} className={`size-3 ${unseen ? "" : looks.tone} ${row.state.type === "running" && !unseen ? "breathe" : ""}`} />
            <span className={`truncate tabular-nums ${loud ? looks.tone : ""}`} data-testid="session-state">
              {state}
            </span>
            {row.queued > 0 && <span className="shrink-0">· {t("sessions.queued", { count: row.queued })}</span>}
          </>
        )}
        <span className={row.state.type === "idle" ? "" : "ms-auto shrink-0"}>{formatDay(row.updatedAt, now)}</span>
      </span>
    </button>
  );
}
