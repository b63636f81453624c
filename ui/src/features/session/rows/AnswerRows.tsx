import { Icon } from "../../../components/Icon";
import { useKeptState } from "../../../components/kept-state";
import { Markdown } from "../../../components/markdown/Markdown";
import { useHubNow } from "../../../state/hub-clock";
import type { RowBody } from "../../../generated/RowBody";
import type { RowId } from "../../../generated/RowId";
import { formatDuration, t } from "../../../i18n/i18n";
import { useConversation } from "../../../state/conversation";
import { joinedTexts } from "./parts.logic";

type TextBody = Extract<RowBody, { type: "text" }>;
type ReasoningBody = Extract<RowBody, { type: "reasoning" }>;

/** A text, joined with the parts that it was cut into. */
export function TextRow({ body, row, onSettled }: { body: TextBody; row: RowId; onSettled: (blocks: readonly string[]) => void }) {
  const joined = useConversation(({ open }) => (open ? joinedTexts(open.rows).get(row) : undefined));
  if (joined?.role === "rest") return null;
  const { text, state } = joined ?? body;
  return (
    <>
      <Markdown text={text} progress={state === "open" ? "growing" : "whole"} onSettled={onSettled} />
      {state === "interrupted" && <InterruptedMark />}
    </>
  );
}

/** The model's reasoning: folded, with its duration. */
export function ReasoningRow({ body, at }: { body: ReasoningBody; at: number }) {
  const [fold, setFold] = useKeptState<"folded" | "unfolded">("reasoning", "folded");
  const open = body.state === "open";
  const now = useHubNow(open ? "ticking" : "still");
  const unfolded = fold === "unfolded";
  return (
    <div>
      <button
        type="button"
        aria-expanded={unfolded}
        data-testid="reasoning-fold"
        className="-ms-1.5 flex items-center gap-1.5 rounded-md px-1.5 py-1 text-sm text-ink-muted hover:bg-hover hover:text-ink"
        onClick={() => setFold(unfolded ? "folded" : "unfolded")}
      >
        <Icon name="thought" className={`size-3.5 ${open ? "breathe" : ""}`} />
        <span className="tabular-nums">{reasoningTitle(body, now - at)}</span>
        <Icon name={unfolded ? "chevronDown" : "chevronRight"} className="size-3.5" />
      </button>
      {unfolded && (
        <div className="mt-1 border-s-2 border-line ps-4 text-ink-muted [&_.prose]:text-base" data-testid="reasoning-text">
          <Markdown text={body.text} progress={open ? "growing" : "whole"} />
        </div>
      )}
    </div>
  );
}

function reasoningTitle(body: ReasoningBody, elapsedMs: number): string {
  if (body.state === "open") return t("row.thinking", { elapsed: formatDuration(elapsedMs) });
  if (body.durationMs === undefined) return t("row.thoughtUnknown");
  const elapsed = formatDuration(body.durationMs);
  return t(body.state === "interrupted" ? "row.thoughtInterrupted" : "row.thought", { elapsed });
}

function InterruptedMark() {
  return (
    <p className="mt-2 flex items-center gap-2 text-sm text-ink-muted" data-testid="interrupted" title={t("row.interruptedHint")}>
      <Icon name="cut" className="size-3.5" />
      {t("row.interrupted")}
      <span aria-hidden="true" className="h-px grow border-t border-dashed border-line-strong/60" />
    </p>
  );
}
