import { Button } from "../../components/Button";
import { t } from "../../i18n/i18n";
import { platform } from "../../platform/platform";
import type { ShellStatus } from "../../platform/types";
import { perform } from "../../state/shell-status";

/** The progress of a move to this hub. */
export function MovingNote({ moving }: { moving: NonNullable<ShellStatus["moving"]> }) {
  const { moved, sessions, problem } = moving;
  if (problem === undefined) {
    return (
      <p role="status" className="text-ink-muted" data-testid="moving">
        {t("move.progress", { moved, sessions })}
      </p>
    );
  }
  return (
    <p role="alert" className="flex min-w-0 items-center gap-2 text-warn" data-testid="moving-problem">
      <span className="min-w-0 truncate" title={problem}>
        {problem}
      </span>
      <Button size="small" icon="retry" testId="move-again" onClick={() => void perform(platform().shell.moveAgain())}>
        {t("connection.tryAgain")}
      </Button>
    </p>
  );
}
