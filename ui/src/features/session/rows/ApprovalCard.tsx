import { useState } from "react";
import { Button } from "../../../components/Button";
import { Icon } from "../../../components/Icon";
import { useKeptState } from "../../../components/kept-state";
import { useHubNow } from "../../../state/hub-clock";
import type { ApprovalScope } from "../../../generated/ApprovalScope";
import { formatDuration, t } from "../../../i18n/i18n";
import { act } from "../../../state/actions";
import { useConversation } from "../../../state/conversation";
import { isThisDevice, nameOf } from "../../../state/names.logic";
import { type ApprovalBody, answerTo } from "./tools.logic";
import { Raw } from "./ToolRows";

/** `REASON_CHARS_MAX` of the protocol. */
const REASON_CHARS_MAX = 2_000;

/** Everything that a person needs to decide about a tool call, and the answer once there is one. */
export function ApprovalCard({ body }: { body: ApprovalBody }) {
  const { wanted, state } = body;
  const waiting = state.type === "open" || state.type === "answering";
  return (
    <div
      role="group"
      aria-label={t("approval.label", { tool: wanted.tool })}
      data-testid={`approval-${body.approval}`}
      data-state={state.type}
      className={`flex flex-col gap-2.5 rounded-xl border p-4 ${waiting ? "border-warn bg-raised" : "border-line bg-panel"}`}
    >
      <p className="flex items-center gap-2 font-medium">
        <Icon name="flag" className={waiting ? "text-warn" : "text-ink-muted"} />
        <span className="min-w-0 break-words">{t(waiting ? "approval.wants" : "approval.wanted", { tool: wanted.tool })}</span>
      </p>
      <Raw label={t("tool.arguments")} text={wanted.arguments} testId="approval-arguments" />
      <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-1 text-sm">
        <dt className="text-ink-muted">{t("approval.place")}</dt>
        <dd dir="auto" className="min-w-0 break-words">
          {body.place}
        </dd>
        {body.reason !== undefined && (
          <>
            <dt className="text-ink-muted">{t("approval.why")}</dt>
            <dd dir="auto" className="min-w-0 break-words">
              {body.reason}
            </dd>
          </>
        )}
        <dt className="text-ink-muted">{t("approval.pattern")}</dt>
        <dd dir="ltr" className="min-w-0 font-mono break-words">
          {body.pattern}
        </dd>
      </dl>
      {waiting ? <Answers body={body} /> : <Answered state={state} />}
    </div>
  );
}

function Answers({ body }: { body: ApprovalBody }) {
  const session = useConversation((state) => state.open?.session);
  const [pressed, setPressed] = useState<"no" | "yes">("no");
  const [reason, setReason] = useKeptState<string>("reason", "");
  const answer = async (choice: ApprovalScope | "deny") => {
    if (session === undefined) return;
    setPressed("yes");
    if ((await act(session, answerTo(body, choice, reason))) === undefined) setPressed("no");
  };
  if (pressed === "yes" || body.state.type === "answering") {
    return (
      <p role="status" className="flex items-center gap-1.5 text-sm text-ink-muted" data-testid="approval-state">
        <Icon name="clock" className="size-3.5" />
        {t("approval.answering")}
      </p>
    );
  }
  return (
    <>
      <div className="flex flex-wrap gap-2">
        <Button tone="accent" testId="approve-once" onClick={() => void answer("once")}>
          {t("approval.once")}
        </Button>
        <Button testId="approve-session" onClick={() => void answer("session")}>
          {t("approval.session")}
        </Button>
        <Button testId="approve-always" onClick={() => void answer("always")}>
          {t("approval.always")}
        </Button>
      </div>
      <div className="flex flex-wrap gap-2">
        <input
          aria-label={t("approval.reasonLabel")}
          placeholder={t("approval.reasonLabel")}
          data-testid="deny-reason"
          dir="auto"
          maxLength={REASON_CHARS_MAX}
          value={reason}
          className="h-8 min-w-0 grow basis-48 rounded-md border border-line-strong bg-canvas px-2.5 placeholder:text-ink-muted"
          onChange={(event) => setReason(event.target.value)}
        />
        <Button tone="bad" testId="deny" onClick={() => void answer("deny")}>
          {t("approval.deny")}
        </Button>
      </div>
    </>
  );
}

function Answered({ state }: { state: ApprovalBody["state"] }) {
  const account = useConversation((each) => each.account);
  const now = useHubNow(state.type === "answered" ? "ticking" : "still");
  if (state.type !== "answered") {
    return (
      <p className="flex items-center gap-1.5 text-sm text-ink-muted" data-testid="approval-state">
        <Icon name="cut" className="size-3.5" />
        {t("approval.cancelled")}
      </p>
    );
  }
  const who = isThisDevice(account, state.by) ? t("who.thisDevice") : nameOf(account, state.by);
  const elapsed = formatDuration(now - state.at);
  const scope = state.answer === "allow" && state.scope !== "once" ? ` · ${t(`approval.scope.${state.scope}`)}` : "";
  return (
    <div className="text-sm" data-testid="approval-state">
      <p className="flex items-center gap-1.5">
        <Icon name={state.answer === "allow" ? "check" : "close"} className="size-3.5" />
        {t(state.answer === "allow" ? "approval.allowed" : "approval.denied", { who, elapsed })}
        {scope}
      </p>
      {state.reason !== undefined && (
        <p dir="auto" className="ps-5 break-words text-ink-muted">
          {state.reason}
        </p>
      )}
    </div>
  );
}
