/** What rows show, as data. */
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

/** The length of a row's source text in UTF-16 units; 0 if it has none. */
export function rowLength(body: RowBody): number {
  return "text" in body ? body.text.length : 0;
}

/** The row's source text, for a row that cannot be drawn as it should be. */
export function rawText(body: RowBody): string {
  if ("text" in body) return body.text;
  return JSON.stringify(body, null, 2);
}

/** A run's answer as it was written: a blank line between texts, with the parts of one text joined. */
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

/** `120 in · 480 out`, with a dash for an unknown count. */
export function usageText(body: Extract<RowBody, { type: "runEnd" }>): string {
  if (body.usage?.inputTokens === undefined && body.usage?.outputTokens === undefined) return t("end.tokensUnknown");
  const known = (count: number | undefined) => (count === undefined ? t("common.unknown") : formatCount(count));
  return t("end.tokens", { input: known(body.usage?.inputTokens), output: known(body.usage?.outputTokens) });
}

/** Whether a row belongs to the one before it, so that the space between them is smaller. */
export function isTight(row: TranscriptRow, before: TranscriptRow | undefined): boolean {
  return before !== undefined && row.body.type === "runEnd" && before.body.type !== "prompt";
}

/** How long a host may take to confirm before the screen says that it has not. In milliseconds. */
export const CONFIRM_WITHIN_MS = 8_000;
