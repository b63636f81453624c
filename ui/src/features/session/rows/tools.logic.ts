/** What a tool call and its output show, and which answers an approval takes. */
import type { AnswerApprovalCommand } from "../../../generated/AnswerApprovalCommand";
import type { ApprovalScope } from "../../../generated/ApprovalScope";
import type { RowBody } from "../../../generated/RowBody";
import type { RunId } from "../../../generated/RunId";
import type { TranscriptRow } from "../../../generated/TranscriptRow";

export type ToolCallBody = Extract<RowBody, { type: "toolCall" }>;
export type ToolResultBody = Extract<RowBody, { type: "toolResult" }>;
export type ApprovalBody = Extract<RowBody, { type: "approval" }>;

/** Output with more lines than both together is cut in the middle until the person asks for the rest. */
export const HEAD_LINES = 20;
export const TAIL_LINES = 10;
/** The limits for output without line breaks. */
export const HEAD_CHARS = 4_000;
export const TAIL_CHARS = 2_000;

export type Cut = { type: "whole"; text: string } | { type: "cut"; head: string; tail: string; hiddenLines: number };

/** Splits long output into its head and its tail. */
export function cutOutput(text: string): Cut {
  const lines = text.split("\n");
  if (lines.length > HEAD_LINES + TAIL_LINES + 1) {
    const head = lines.slice(0, HEAD_LINES).join("\n").slice(0, HEAD_CHARS);
    const tail = lines.slice(-TAIL_LINES).join("\n").slice(-TAIL_CHARS);
    return { type: "cut", head, tail, hiddenLines: lines.length - HEAD_LINES - TAIL_LINES };
  }
  if (text.length > HEAD_CHARS + TAIL_CHARS) return { type: "cut", head: text.slice(0, HEAD_CHARS), tail: text.slice(-TAIL_CHARS), hiddenLines: 0 };
  return { type: "whole", text };
}

/** The first line that is not blank. */
export function firstLine(text: string): string {
  return text.trimStart().split("\n", 1)[0] ?? "";
}

/** The output of a call. Call ids are unique only within their run. */
export function resultOf(rows: readonly TranscriptRow[], run: RunId | undefined, call: string): ToolResultBody | undefined {
  for (const { run: owner, body } of rows) {
    if (owner === run && body.type === "toolResult" && body.call === call) return body;
  }
  return undefined;
}

/** Whether the call's own row is there, which then shows the output. */
export function hasCall(rows: readonly TranscriptRow[], run: RunId | undefined, call: string): boolean {
  return rows.some((row) => row.run === run && row.body.type === "toolCall" && row.body.call === call);
}

/** Builds the answer to exactly the request that was shown; a denial applies only once. */
export function answerTo(body: ApprovalBody, choice: ApprovalScope | "deny", reason: string): { type: "answerApproval" } & AnswerApprovalCommand {
  const base = { type: "answerApproval", approval: body.approval, digest: body.digest } as const;
  if (choice !== "deny") return { ...base, answer: "allow", scope: choice };
  const said = reason.trim();
  return { ...base, answer: "deny", scope: "once", ...(said === "" ? {} : { reason: said }) };
}
