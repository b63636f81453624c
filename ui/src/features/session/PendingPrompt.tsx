import { Button } from "../../components/Button";
import type { QueueItem } from "../../generated/QueueItem";
import type { SessionId } from "../../generated/SessionId";
import { t } from "../../i18n/i18n";
import { act } from "../../state/actions";
import { restoreDraft } from "../../state/drafts";
import { PromptRow } from "./rows/PromptRow";

/** A prompt that is about to start or to steer, drawn like the row that it becomes, so that nothing jumps when it does. */
export function PendingPrompt({ session, item }: { session: SessionId; item: QueueItem }) {
  const { prompt, text, by, state } = item;
  const steers = item.delivery === "steer";
  const takeBack = async () => {
    if ((await act(session, { type: "withdrawPrompt", prompt })) !== undefined) restoreDraft(session, text);
  };
  return (
    <article
      data-testid="pending-prompt"
      data-prompt={prompt}
      data-state={state.type}
      data-delivery={item.delivery}
      className="mx-auto w-full max-w-[46rem] px-6 pt-6 pb-2"
    >
      <PromptRow
        body={{ type: "prompt", prompt, text, by, steered: steers, state }}
        at={item.at}
        action={
          steers &&
          state.type === "accepted" && (
            <Button size="small" tone="quiet" className="-my-1" testId="pending-take-back" onClick={() => void takeBack()}>
              {t("row.takeBack")}
            </Button>
          )
        }
      />
    </article>
  );
}
