import { memo } from "react";
import { RenderBoundary } from "../../components/RenderBoundary";
import { Icon } from "../../components/Icon";
import { KeptScope } from "../../components/kept-state";
import type { SessionId } from "../../generated/SessionId";
import type { TranscriptRow } from "../../generated/TranscriptRow";
import { t } from "../../i18n/i18n";
import { useConversation } from "../../state/conversation";
import { rowLength, rowState } from "./rows.logic";
import { ReasoningRow, TextRow } from "./rows/AnswerRows";
import { joinedTexts } from "./rows/parts.logic";
import { ApprovalCard } from "./rows/ApprovalCard";
import { PromptRow } from "./rows/PromptRow";
import { RawRow } from "./rows/RawRow";
import { RunEndRow } from "./rows/RunEndRow";
import { ToolCallCard, ToolResultRow } from "./rows/ToolRows";

interface Props {
  session: SessionId;
  row: TranscriptRow;
  mark: "none" | "found";
  onSettled: (blocks: readonly string[]) => void;
}

/** One row. Rendered again only if it is another object, which happens only if Rust has changed it. */
export const Row = memo(function Row({ session, row, mark, onSettled }: Props) {
  const isRest = useConversation(({ open }) => row.body.type === "text" && open !== undefined && joinedTexts(open.rows).get(row.id)?.role === "rest");
  return (
    <article
      hidden={isRest}
      data-testid={`row-${row.id}`}
      data-row={row.id}
      aria-label={t(`row.kind.${row.body.type}`)}
      data-row-kind={row.body.type}
      data-state={rowState(row.body)}
      data-length={rowLength(row.body)}
      data-seq={row.seq}
      data-run={row.run}
      className={`mx-auto w-full max-w-[46rem] px-6 ${row.body.type === "prompt" ? "pt-6 pb-2" : "py-2"}`}
    >
      <div className={mark === "found" ? "-m-2 rounded-lg p-2 outline-2 outline-accent" : ""}>
        <RenderBoundary fallback={<RawRow body={row.body} />} resetBy={row.body}>
          <KeptScope value={`${session}/${row.id}`}>
            <Body row={row} onSettled={onSettled} />
          </KeptScope>
        </RenderBoundary>
      </div>
    </article>
  );
});

function Body({ row, onSettled }: Pick<Props, "row" | "onSettled">) {
  const { body } = row;
  switch (body.type) {
    case "prompt":
      return <PromptRow body={body} at={row.at} />;
    case "text":
      return <TextRow body={body} row={row.id} onSettled={onSettled} />;
    case "reasoning":
      return <ReasoningRow body={body} at={row.at} />;
    case "toolCall":
      return <ToolCallCard body={body} run={row.run} />;
    case "toolResult":
      return <ToolResultRow body={body} run={row.run} />;
    case "approval":
      return <ApprovalCard body={body} />;
    case "runEnd":
      return <RunEndRow body={body} run={row.run} at={row.at} />;
    case "unknown":
      return (
        <p className="flex items-center gap-1.5 rounded-lg border border-dashed border-line-strong px-3 py-2 text-sm text-ink-muted">
          <Icon name="alert" />
          {t("row.unknown", { tag: body.tag })}
        </p>
      );
  }
}
