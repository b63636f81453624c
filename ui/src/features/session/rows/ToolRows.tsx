import { Button } from "../../../components/Button";
import { Icon, type IconName } from "../../../components/Icon";
import { useKeptState } from "../../../components/kept-state";
import type { RunId } from "../../../generated/RunId";
import { t } from "../../../i18n/i18n";
import { useConversation } from "../../../state/conversation";
import { cutOutput, firstLine, hasCall, resultOf, type ToolCallBody, type ToolResultBody } from "./tools.logic";

/** A line that unfolds: which tool, its arguments and its result. */
export function ToolCallCard({ body, run }: { body: ToolCallBody; run: RunId | undefined }) {
  const [fold, setFold] = useKeptState<"folded" | "unfolded">("tool", "folded");
  const result = useConversation((state) => resultOf(state.open?.rows ?? [], run, body.call));
  const unfolded = fold === "unfolded";
  return (
    <div className="overflow-hidden rounded-lg border border-line bg-panel" data-testid="tool-call" data-call={body.call}>
      <button
        type="button"
        aria-expanded={unfolded}
        data-testid="tool-fold"
        className="flex w-full min-w-0 items-center gap-2 px-3 py-1.5 text-sm hover:bg-hover"
        onClick={() => setFold(unfolded ? "folded" : "unfolded")}
      >
        <Icon name={unfolded ? "chevronDown" : "chevronRight"} className="size-3.5 text-ink-muted" />
        <span className="max-w-[50%] shrink-0 truncate font-medium">{body.tool}</span>
        <span dir="ltr" className="min-w-0 grow truncate text-start font-mono text-xs text-ink-muted">
          {firstLine(body.text)}
        </span>
        <CallState body={body} result={result} />
      </button>
      {unfolded && (
        <div className="flex flex-col gap-2 border-t border-line p-3">
          <Raw label={t("tool.arguments")} text={body.text} testId="tool-arguments" />
          {result && <Output result={result} />}
        </div>
      )}
    </div>
  );
}

/** The output of a call that is not among the rows; otherwise the call shows its output. */
export function ToolResultRow({ body, run }: { body: ToolResultBody; run: RunId | undefined }) {
  const shownInCall = useConversation((state) => hasCall(state.open?.rows ?? [], run, body.call));
  return shownInCall ? null : <Output result={body} />;
}

function CallState({ body, result }: { body: ToolCallBody; result: ToolResultBody | undefined }) {
  const looks = stateLooks(body, result);
  return (
    <span className={`inline-flex shrink-0 items-center gap-1 text-xs ${looks.tone}`} data-testid="tool-state">
      <Icon name={looks.icon} className="size-3.5" />
      {looks.word}
    </span>
  );
}

function stateLooks(body: ToolCallBody, result: ToolResultBody | undefined): { icon: IconName; word: string; tone: string } {
  if (body.state === "interrupted" || result?.state === "interrupted") return { icon: "cut", word: t("row.interrupted"), tone: "text-ink-muted" };
  if (!result || result.state === "open") return { icon: "clock", word: t("tool.running"), tone: "text-ink-muted" };
  if (result.isError) return { icon: "alert", word: t("tool.failed"), tone: "text-bad" };
  return { icon: "check", word: t("tool.done"), tone: "text-ink-muted" };
}

function Output({ result }: { result: ToolResultBody }) {
  const [shown, setShown] = useKeptState<"part" | "all">("output", "part");
  const label = t(result.isError ? "tool.error" : "tool.output");
  const cut = cutOutput(result.text);
  if (cut.type === "whole" || shown === "all") return <Raw label={label} text={result.text} testId="tool-output" />;
  return (
    <div className="flex flex-col gap-1">
      <Raw label={label} text={cut.head} testId="tool-output" />
      <Button size="small" tone="quiet" className="self-start" testId="tool-show-all" data-unfolds="" onClick={() => setShown("all")}>
        {cut.hiddenLines > 0 ? t("tool.showAllLines", { count: cut.hiddenLines }) : t("tool.showAll")}
      </Button>
      <Raw label={t("tool.outputEnd")} text={cut.tail} testId="tool-output-tail" />
    </div>
  );
}

/** Shows a text exactly as it was written, never as Markdown. */
export function Raw({ label, text, testId }: { label: string; text: string; testId: string }) {
  return (
    <div>
      <p className="pb-1 text-xs text-ink-muted">{label}</p>
      <pre
        dir="ltr"
        role="group"
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label={label}
        data-testid={testId}
        className="max-h-64 overflow-auto rounded-md border border-line bg-code px-3 py-2 font-mono text-sm leading-5 break-words whitespace-pre-wrap"
      >
        {text}
      </pre>
    </div>
  );
}
