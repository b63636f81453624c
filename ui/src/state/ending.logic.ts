/** Words for how an answer ended, and for the retry of a model that gave nothing. */
import type { FinishReason } from "../generated/FinishReason";
import type { RetryReason } from "../generated/RetryReason";
import type { RetryView } from "../generated/RetryView";
import { t } from "../i18n/i18n";

/** Why a model stopped before it had said everything. */
export function finishText(reason: FinishReason): string {
  switch (reason) {
    case "lengthLimit":
      return t("end.lengthLimit");
    case "contentFilter":
      return t("end.contentFilter");
    case "refusal":
      return t("end.refusal");
    default:
      return t("end.otherReason", { reason });
  }
}

function retryCause(reason: RetryReason): string {
  switch (reason) {
    case "busy":
      return t("retry.busy");
    case "unreachable":
      return t("retry.unreachable");
    default:
      return t("retry.other");
  }
}

/** `Busy, next try in 3 s`; after the pause, that the model is asked again. */
export function retryText(retry: RetryView, now: number): string {
  const seconds = Math.ceil((retry.until - now) / 1000);
  const cause = retryCause(retry.reason);
  return seconds > 0 ? t("retry.waiting", { cause, seconds }) : t("retry.asking", { cause });
}

/** The retry without a countdown, for a single announcement. */
export function retryNews(retry: RetryView): string {
  return t("retry.asking", { cause: retryCause(retry.reason) });
}
