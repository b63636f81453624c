import type { ReactNode } from "react";
import { Button } from "../../../components/Button";
import { Icon, type IconName } from "../../../components/Icon";
import type { PromptState } from "../../../generated/PromptState";
import type { RowBody } from "../../../generated/RowBody";
import { formatTime, t } from "../../../i18n/i18n";
import { cancelIntent, retryIntent } from "../../../state/actions";
import { useConversation, useLine } from "../../../state/conversation";
import { isThisDevice, nameOf } from "../../../state/names.logic";
import { promptStateText } from "../../../state/prompt-state.logic";

type Body = Extract<RowBody, { type: "prompt" }>;

export function PromptRow({ body, at, action }: { body: Body; at: number; action?: ReactNode }) {
  const account = useConversation((state) => state.account);
  const who = isThisDevice(account, body.by) ? t("row.you") : t("row.youOn", { device: nameOf(account, body.by) });
  const pending = body.state.type !== "pickedUp" && body.state.type !== "accepted";
  return (
    <div className="flex flex-col items-end gap-1">
      {body.steered && (
        <p className="flex items-center gap-1 text-xs font-medium text-accent" data-testid="steered">
          <Icon name="steer" className="size-3.5" />
          {t(body.state.type === "pickedUp" ? "row.steered" : "row.steering")}
        </p>
      )}
      <div
        dir="auto"
        data-testid="prompt-text"
        className={`max-w-[88%] rounded-2xl rounded-ee-md bg-accent-soft px-4 py-2.5 text-read break-words whitespace-pre-wrap ${pending ? "opacity-80" : ""}`}
      >
        {body.text}
      </div>
      <div className="flex flex-wrap items-center justify-end gap-x-1.5 text-xs text-ink-muted">
        <span>{who}</span>
        {at > 0 && <span>· {formatTime(at)}</span>}
        <PromptProgress prompt={body.prompt} state={body.state} />
        {action}
      </div>
    </div>
  );
}

function PromptProgress({ prompt, state }: { prompt: string; state: PromptState }) {
  const line = useLine();
  if (state.type === "pickedUp" || state.type === "accepted") return null;
  const icon: IconName = state.type === "sending" ? "clock" : state.type === "waitingForHub" ? "offline" : "alert";
  const tone = state.type === "refused" ? "text-bad" : state.type === "unknown" ? "text-warn" : "";
  return (
    <>
      <span className={`inline-flex items-center gap-1 ${tone}`} data-testid="prompt-state">
        · <Icon name={icon} className="size-3" />
        {promptStateText(state, line)}
      </span>
      {state.type === "unknown" && (
        <Button size="small" tone="quiet" icon="retry" testId="prompt-retry" onClick={() => void retryIntent(prompt)}>
          {t("common.retry")}
        </Button>
      )}
      {state.type !== "sending" && (
        <Button size="small" tone="quiet" icon="close" testId="prompt-cancel" onClick={() => void cancelIntent(prompt)}>
          {t("common.cancel")}
        </Button>
      )}
    </>
  );
}
