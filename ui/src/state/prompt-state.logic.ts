/** The state of a prompt in words. */
import type { PromptState } from "../generated/PromptState";
import { t } from "../i18n/i18n";
import type { Line } from "./line.logic";

export function promptStateText(state: PromptState, line: Line): string {
  if (state.type === "refused") return t("queue.state.refused", { message: state.error.message });
  if (line === "refused" && state.type === "waitingForHub") return t("queue.state.notSent");
  if (line === "refused" && state.type === "sending") return t("queue.state.unknown");
  return t(`queue.state.${state.type}`);
}
