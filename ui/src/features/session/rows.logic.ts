/** What rows say, as data. */
import type { RowBody } from "../../generated/RowBody";
import type { RunId } from "../../generated/RunId";
import type { TranscriptRow } from "../../generated/TranscriptRow";
import { formatCount, t } from "../../i18n/i18n";
import { continues } from "./rows/parts.logic";

/** The row's state in one word, for tests and styles. */
export function rowState(body: RowBody): string {
  switch (body.type) {
    case "prompt":
      return body.state.type;
    case "text":
    case "reasoning":
    case "toolCall":
      return body.state;
    case "toolResult":
      return body.isError && body.state !== "open" ? "error" : body.state;
    case "approval":
      return body.state.type;
    case "runEnd":
      return body.outcome.type;
    case "unknown":
      return "unknown";
  }
}

/** The exact length of a row's source text in UTF-16 units; 0 where it has none. */
export function rowLength(body: RowBody): number {
  return "text" in body ? body.text.length : 0;
}

/** What was written in a row, for when it cannot be drawn as it should be. */
export function rawText(body: RowBody): string {
  if ("text" in body) return body.text;
  return JSON.stringify(body, null, 2);
}

/** A run's answer as it was written: texts apart by a blank line, the parts of one text joined. */
export function answerOf(rows: readonly TranscriptRow[], run: RunId | undefined): string {
  let answer = "";
  rows.forEach((row, place) => {
    if (row.run !== run || row.body.type !== "text") return;
    const before = rows[place - 1];
    const isRest = before !== undefined && continues(before, row);
    answer += answer === "" || isRest ? row.body.text : `\n\n${row.body.text}`;
  });
  return answer;
}

/** `120 in · 480 out`, with a dash for what is not known. */
export function usageText(body: Extract<RowBody, { type: "runEnd" }>): string {
  if (body.usage?.inputTokens === undefined && body.usage?.outputTokens === undefined) return t("end.tokensUnknown");
  const known = (count: number | undefined) => (count === undefined ? t("common.unknown") : formatCount(count));
  return t("end.tokens", { input: known(body.usage?.inputTokens), output: known(body.usage?.outputTokens) });
}

/** Whether a row belongs closely to the one before it, so that it stands nearer. */
export function isTight(row: TranscriptRow, before: TranscriptRow | undefined): boolean {
  return before !== undefined && row.body.type === "runEnd" && before.body.type !== "prompt";
}

/** How long a host may take to confirm before the screen says that it has not. */
export const CONFIRM_WITHIN_MS = 8_000;
