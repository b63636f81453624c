import { useState } from "react";
import { IconButton } from "../../components/Button";
import { Icon } from "../../components/Icon";
import { useLasting } from "../../components/useLasting";
import type { SessionHeader } from "../../generated/SessionHeader";
import { formatTime, t } from "../../i18n/i18n";
import { act } from "../../state/actions";
import { useConversation, useLine } from "../../state/conversation";
import type { OpenSession } from "../../state/conversation.logic";
import { toggleSidebar, useListHidden } from "../../state/interface";
import { agentName, isThisDevice, nameOf, onlyRunnerOf, otherDevicesOnline, runnerName } from "../../state/names.logic";

/** `TITLE_CHARS_MAX` of the protocol. */
const TITLE_CHARS_MAX = 200;

/** The top of a session: its title, where it runs, who started it, and which other devices are connected. */
export function SessionBar({ open }: { open: OpenSession }) {
  const { session, header } = open;
  const listHidden = useListHidden();
  return (
    <header className="flex h-13 shrink-0 items-center gap-2 border-b border-line px-3" data-testid="session-header" data-session={session}>
      {listHidden && <IconButton icon="sidebar" label={t("sessions.show")} testId="sidebar-show" onClick={toggleSidebar} />}
      <div className="min-w-0 grow ps-2">
        <Title key={session} session={session} title={header?.title ?? ""} fixed={header?.isDeleted === true ? "yes" : "no"} />
        <p className="flex h-4.5 items-center truncate text-xs text-ink-muted" data-testid="session-where" data-run={header?.run?.run}>
          {header && <Where header={header} />}
        </p>
      </div>
      <Presence />
    </header>
  );
}

function Title({ session, title, fixed }: { session: string; title: string; fixed: "yes" | "no" }) {
  const [draft, setDraft] = useState<string | undefined>();
  const done = (next: string | undefined) => {
    setDraft(undefined);
    const trimmed = next?.trim() ?? "";
    if (trimmed !== "" && trimmed !== title) void act(session, { type: "renameSession", title: trimmed });
  };
  if (draft !== undefined) {
    return (
      <input
        // oxlint-disable-next-line jsx-a11y/no-autofocus -- it was pressed to be written in
        autoFocus
        aria-label={t("session.renameLabel")}
        data-testid="title-input"
        dir="auto"
        maxLength={TITLE_CHARS_MAX}
        value={draft}
        className="-mx-1 h-6 w-full max-w-xl rounded border border-line-strong bg-canvas px-1 text-read font-semibold"
        onFocus={(event) => event.target.select()}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={() => done(draft)}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing || event.keyCode === 229) return;
          if (event.key === "Enter") {
            // Otherwise its line break goes to the element that takes the focus next.
            event.preventDefault();
            done(draft);
          }
          if (event.key === "Escape") {
            event.stopPropagation();
            done(undefined);
          }
        }}
      />
    );
  }
  return (
    <h1 className="flex h-6 min-w-0 items-center">
      <button
        type="button"
        dir="auto"
        title={t("session.rename")}
        data-testid="title"
        disabled={fixed === "yes"}
        className="-mx-1 min-w-0 truncate rounded px-1 text-read font-semibold enabled:hover:bg-hover"
        onClick={() => setDraft(title)}
      >
        {title === "" ? t("sessions.untitled") : title}
      </button>
    </h1>
  );
}

function Where({ header }: { header: SessionHeader }) {
  const account = useConversation((state) => state.account);
  const phase = useConversation((state) => state.connection?.phase);
  const line = useLine();
  const behind = useLasting(!header.caughtUp);
  const { run } = header;
  if (header.isDeleted) return t("session.deletedShort");
  if (behind && line === "refused") return t("session.mirrorRefused");
  if (behind) return t(phase === "live" || phase === "catchingUp" ? "session.catchingUp" : "session.mirrorOnly");
  if (run) {
    const values = { runner: runnerName(account, run.runner), device: nameOf(account, run.startedBy), time: formatTime(run.startedAt) };
    return (
      <span className={`flex min-w-0 items-center gap-1.5 ${phase === "live" ? "text-accent" : ""}`}>
        <Icon name="spark" className="size-3" />
        <span className="truncate">{t(isThisDevice(account, run.startedBy) ? "session.runningSelf" : "session.running", values)}</span>
      </span>
    );
  }
  const agent = agentName(account, header.agent, header.runner);
  const runner = onlyRunnerOf(account, header.agent, header.runner);
  return runner === undefined ? agent : t("session.agentOn", { agent, runner });
}

/** The other connected devices, named on hover and for screen readers. */
function Presence() {
  const account = useConversation((state) => state.account);
  const others = otherDevicesOnline(account);
  if (others.length === 0) return null;
  const label = t("session.onlineNames", { names: others.join(", ") });
  return (
    <p className="flex shrink-0 items-center gap-1.5 text-sm text-ink-muted" title={label} data-testid="presence" data-count={others.length}>
      <Icon name="device" className="text-good" />
      <span className="max-w-48 truncate @max-xl:hidden">{others.join(", ")}</span>
      <span className="sr-only @xl:hidden">{label}</span>
    </p>
  );
}
