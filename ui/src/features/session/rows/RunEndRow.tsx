import { useState } from "react";
import { Button } from "../../../components/Button";
import { CopyButton } from "../../../components/CopyButton";
import { Icon, type IconName } from "../../../components/Icon";
import { useHubNow } from "../../../state/hub-clock";
import type { RowBody } from "../../../generated/RowBody";
import type { RunId } from "../../../generated/RunId";
import type { RunOutcome } from "../../../generated/RunOutcome";
import { formatDuration, t } from "../../../i18n/i18n";
import { act } from "../../../state/actions";
import { useConversation } from "../../../state/conversation";
import { finishText } from "../../../state/ending.logic";
import { isThisDevice, nameOf } from "../../../state/names.logic";
import { answerOf, CONFIRM_WITHIN_MS, usageText } from "../rows.logic";

type Body = Extract<RowBody, { type: "runEnd" }>;

const LOOKS: Record<RunOutcome["type"] | "cut", { icon: IconName; frame: string }> = {
  completed: { icon: "check", frame: "text-ink-muted" },
  cut: { icon: "alert", frame: "text-ink-muted" },
  stopped: { icon: "stop", frame: "text-ink-muted" },
  failed: { icon: "alert", frame: "rounded-lg bg-bad-soft px-3 py-2 text-bad" },
  lost: { icon: "offline", frame: "rounded-lg bg-warn-soft px-3 py-2 text-warn" },
};

/** How a run ended, what it used, and what a person can do about it. */
export function RunEndRow({ body, run, at }: { body: Body; run: RunId | undefined; at: number }) {
  const session = useConversation((state) => state.open?.session);
  const [asked, setAsked] = useState<"no" | "yes">("no");
  const retryable = useConversation(({ open }) => run !== undefined && open?.header?.retryable === run);
  const { outcome } = body;
  const looks = body.finishReason === undefined ? LOOKS[outcome.type] : LOOKS.cut;
  const continuable = useConversation(({ open }) => {
    const last = open?.rows.findLast((row) => row.body.type === "runEnd");
    return body.finishReason === "lengthLimit" && last?.run === run && open?.header?.run === undefined && open?.header?.isDeleted === false;
  });
  const retry = async () => {
    if (session === undefined || run === undefined) return;
    setAsked("yes");
    const command = await act(session, { type: "retryRun", run });
    if (command === undefined) setAsked("no");
  };
  const goOn = async () => {
    if (session === undefined) return;
    setAsked("yes");
    const command = await act(session, { type: "sendPrompt", text: t("end.continuePrompt"), delivery: "queue" });
    if (command === undefined) setAsked("no");
  };
  return (
    <div className={`flex flex-wrap items-center gap-x-3 gap-y-1 text-sm ${outcome.type === "failed" ? "" : "@xl:flex-nowrap"} ${looks.frame}`}>
      <p className="flex items-start gap-1.5 @xl:min-w-0 @xl:shrink" data-testid="run-outcome">
        <Icon name={looks.icon} className={`mt-0.5 ${outcome.type === "stopped" ? "size-3" : "size-3.5"}`} />
        <span className="min-w-0">
          <OutcomeText body={body} />
          <TeardownText body={body} at={at} />
        </span>
      </p>
      {outcome.type === "failed" && (
        <p dir="auto" className="order-last basis-full break-words text-ink" data-testid="run-failure">
          {outcome.message}
        </p>
      )}
      <span className="ms-auto shrink-0 text-ink-muted tabular-nums" data-testid="run-usage" title={t("end.tokensLabel")}>
        {formatDuration(body.durationMs)} · {usageText(body)}
      </span>
      <span className="flex shrink-0 items-center gap-1">
        <CopyButton
          text={() => answerOf(useConversation.getState().open?.rows ?? [], run)}
          label={t("row.copyAnswer")}
          testId="copy-answer"
        />
        {continuable && (
          <Button size="small" icon="send" testId="continue-run" disabled={asked === "yes"} onClick={() => void goOn()}>
            {t("end.continue")}
          </Button>
        )}
        {outcome.type !== "completed" && retryable && (
          <Button size="small" icon="retry" testId="retry-run" disabled={asked === "yes"} onClick={() => void retry()}>
            {t("common.retry")}
          </Button>
        )}
      </span>
    </div>
  );
}

function OutcomeText({ body: { outcome, finishReason } }: { body: Body }) {
  const account = useConversation((state) => state.account);
  switch (outcome.type) {
    case "completed":
      return finishReason === undefined ? t("end.completed") : finishText(finishReason);
    case "stopped": {
      const who = isThisDevice(account, outcome.by) ? t("who.thisDevice") : nameOf(account, outcome.by);
      return t("end.stopped", { who });
    }
    case "failed":
      return t("end.failed");
    case "lost":
      return t("end.lost");
  }
}

function TeardownText({ body, at }: { body: Body; at: number }) {
  const { teardown } = body;
  const waiting = body.outcome.type === "stopped" && teardown === undefined;
  const now = useHubNow(waiting ? "ticking" : "still");
  if (waiting) return now - at > CONFIRM_WITHIN_MS ? ` · ${t("end.notConfirmed")}` : null;
  if (!teardown) return null;
  const pieces = [
    teardown.toolsCancelled > 0 ? t("end.toolsCancelled", { count: teardown.toolsCancelled }) : "",
    teardown.stillRunning.length > 0
      ? t("end.stillRunning", { count: teardown.stillRunning.length, names: teardown.stillRunning.join(", ") })
      : "",
  ].filter((piece) => piece !== "");
  return pieces.map((piece) => ` · ${piece}`).join("");
}
