/** What has happened in a session since the last look, in words for a screen reader. */
import type { AccountView } from "../../generated/AccountView";
import type { RowBody } from "../../generated/RowBody";
import type { RunOutcome } from "../../generated/RunOutcome";
import { t } from "../../i18n/i18n";
import type { OpenSession } from "../../state/conversation.logic";
import { finishText, retryNews } from "../../state/ending.logic";
import { agentName, isThisDevice, nameOf, runnerOf } from "../../state/names.logic";

/** A run's start and end, and an approval that waits. The first rows of an opened session are history, not news. */
export function newsOf(before: OpenSession | undefined, now: OpenSession, account: AccountView | undefined): string[] {
  if (!before?.painted || before.view !== now.view) return [];
  const { header } = now;
  const run = header?.run;
  const started = run !== undefined && run.run !== before.header?.run?.run;
  const retry = run?.retry;
  const asksAgain = retry !== undefined && retry.attempt !== before.header?.run?.retry?.attempt;
  const known = new Set(before.rows.map((row) => row.id));
  const firstNew = now.rows.findLastIndex((row) => known.has(row.id)) + 1;
  return [
    ...(started ? [t("announce.started", { agent: agentName(account, header?.agent, runnerOf(header)) })] : []),
    ...(asksAgain ? [retryNews(retry)] : []),
    ...now.rows.slice(firstNew).flatMap(({ body }) => wordsFor(body, account)),
  ];
}

function wordsFor(body: RowBody, account: AccountView | undefined): string[] {
  if (body.type === "approval" && body.state.type === "open") return [t("announce.approval", { tool: body.wanted.tool })];
  if (body.type !== "runEnd") return [];
  return [body.finishReason === undefined ? outcomeText(body.outcome, account) : finishText(body.finishReason)];
}

function outcomeText(outcome: RunOutcome, account: AccountView | undefined): string {
  if (outcome.type === "failed") return `${t("end.failed")}. ${outcome.message}`;
  if (outcome.type !== "stopped") return t(`end.${outcome.type}`);
  const who = isThisDevice(account, outcome.by) ? t("who.thisDevice") : nameOf(account, outcome.by);
  return t("end.stopped", { who });
}
