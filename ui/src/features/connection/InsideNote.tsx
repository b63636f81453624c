import { Button } from "../../components/Button";
import { Icon } from "../../components/Icon";
import { t } from "../../i18n/i18n";
import { platform } from "../../platform/platform";
import type { AgentStatus } from "../../platform/types";
import { showDialog } from "../../state/interface";
import { perform } from "../../state/shell-status";

/** Explains why the hub inside the app did not start, and offers what to do. Meanwhile, this device's history can be read. */
export function HubInsideFailed({ problem }: { problem: string }) {
  const tryAgain = async () => {
    // The shell then has another client, so the page reloads.
    if (await perform(platform().shell.startAgain())) window.location.reload();
  };
  return (
    <footer data-testid="connection" className="flex min-h-7 shrink-0 flex-wrap items-center gap-x-2 border-t border-line bg-bad-soft px-3 py-1 text-sm text-bad">
      <p role="alert" className="flex min-w-0 items-center gap-1.5" data-testid="hub-problem">
        <Icon name="alert" className="size-3.5" />
        <span>{problem}</span>
      </p>
      <Button tone="bad" size="small" icon="retry" testId="hub-try-again" onClick={() => void tryAgain()}>
        {t("connection.tryAgain")}
      </Button>
      <Button tone="bad" size="small" testId="hub-open-log" onClick={() => void perform(platform().shell.openLog())}>
        {t("connection.openLog")}
      </Button>
    </footer>
  );
}

/** If the agent inside the app cannot take prompts, explains why, and offers what to do. */
export function InsideNote({ agent }: { agent: AgentStatus }) {
  if (agent.type !== "waitsForKeyring" && agent.type !== "refused" && agent.type !== "unusable") return null;
  return (
    <p role="status" className="flex min-w-0 items-center gap-2 text-warn" data-testid="agent-problem" data-state={agent.type}>
      <span className="min-w-0 truncate" title={agent.message}>
        {agent.message}
      </span>
      {agent.type === "waitsForKeyring" ? (
        <Button size="small" testId="agent-unlock" onClick={() => void perform(platform().shell.unlockKeyring())}>
          {t("connection.unlock")}
        </Button>
      ) : (
        <Button size="small" testId="agent-settings" onClick={() => showDialog({ type: "settings" })}>
          {t("connection.modelSettings")}
        </Button>
      )}
    </p>
  );
}
