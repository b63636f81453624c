import type { QueueItem } from "../../generated/QueueItem";
import { PromptRow } from "./rows/PromptRow";

/** A prompt that is about to begin, drawn as the row that it becomes, so that nothing jumps when it does. */
export function PendingPrompt({ item }: { item: QueueItem }) {
  const { prompt, text, by, state } = item;
  return (
    <article
      data-testid="pending-prompt"
      data-prompt={prompt}
      data-state={state.type}
      className="mx-auto w-full max-w-[46rem] px-6 pt-6 pb-2"
    >
      <PromptRow body={{ type: "prompt", prompt, text, by, steered: false, state }} at={item.at} />
    </article>
  );
}
