import { type KeyboardEvent, useState } from "react";
import { Button, IconButton } from "../../components/Button";
import { Icon, type IconName } from "../../components/Icon";
import type { QueueItem } from "../../generated/QueueItem";
import type { SessionId } from "../../generated/SessionId";
import { formatTime, t } from "../../i18n/i18n";
import type { MessageId } from "../../i18n/messages.en";
import { act, cancelIntent, retryIntent } from "../../state/actions";
import { useConversation, useLine } from "../../state/conversation";
import { restoreDraft } from "../../state/drafts";
import { isThisDevice, nameOf } from "../../state/names.logic";
import { promptStateText } from "../../state/prompt-state.logic";
import { actionsOf, moveTarget, placeOf, type QueueItemAction } from "./queue.logic";

const SHOWN: Record<QueueItemAction, { icon: IconName; label: MessageId }> = {
  sendNow: { icon: "bolt", label: "queue.sendNow" },
  edit: { icon: "edit", label: "queue.edit" },
  up: { icon: "arrowUp", label: "queue.up" },
  down: { icon: "arrowDown", label: "queue.down" },
  remove: { icon: "close", label: "queue.remove" },
  retry: { icon: "retry", label: "common.retry" },
  cancel: { icon: "close", label: "common.cancel" },
};

/** Enough to tell one prompt from the next. */
const ABOUT_CHARS_MAX = 80;

interface Props {
  session: SessionId;
  item: QueueItem;
  items: readonly QueueItem[];
}

export function QueueRow({ session, item, items }: Props) {
  const account = useConversation((state) => state.account);
  const [draft, setDraft] = useState<string | undefined>();
  const actions = actionsOf(item, items);
  const place = placeOf(item, items);

  const move = async (direction: "up" | "down") => {
    const target = moveTarget(item.prompt, direction, items);
    if (!target) return;
    const before = target.type === "before" ? { before: target.prompt } : {};
    await act(session, { type: "movePrompt", prompt: item.prompt, ...before });
  };
  const writeAgain = async () => {
    if (await cancelIntent(item.prompt)) restoreDraft(session, item.text);
  };
  const perform = (action: QueueItemAction) => {
    switch (action) {
      case "edit":
        return item.state.type === "refused" ? void writeAgain() : setDraft(item.text);
      case "sendNow":
        return void act(session, { type: "sendPromptNow", prompt: item.prompt });
      case "remove":
        return void act(session, { type: "withdrawPrompt", prompt: item.prompt });
      case "up":
      case "down":
        return void move(action);
      case "retry":
        return void retryIntent(item.prompt);
      case "cancel":
        return void cancelIntent(item.prompt);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!event.altKey || draft !== undefined) return;
    const action = event.key === "ArrowUp" ? "up" : event.key === "ArrowDown" ? "down" : undefined;
    if (action === undefined || !actions.includes(action)) return;
    event.preventDefault();
    perform(action);
  };

  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- Alt+Up/Down on its buttons moves the row
    <li
      data-testid={`queue-item-${item.prompt}`}
      data-state={item.state.type}
      data-delivery={item.delivery}
      className="group/item flex items-start gap-2 py-1.5 ps-3 pe-1.5 hover:bg-hover/60"
      onKeyDown={onKeyDown}
    >
      <span className="w-10 shrink-0 pt-1 text-sm font-medium text-ink-muted" data-testid="queue-place">
        {place === undefined ? t("queue.steering") : place === 0 ? t("queue.next") : place + 1}
      </span>
      {draft === undefined ? (
        <div className="min-w-0 grow pt-0.5">
          <p dir="auto" className="line-clamp-2 text-read break-words whitespace-pre-wrap" data-testid="queue-text">
            {item.text}
          </p>
          <p className="flex flex-wrap items-center gap-x-1.5 text-xs text-ink-muted">
            {!isThisDevice(account, item.by) && <span>{t("queue.from", { device: nameOf(account, item.by) })} ·</span>}
            <span>{formatTime(item.at)}</span>
            <ItemState item={item} />
          </p>
        </div>
      ) : (
        <EditPrompt
          text={draft}
          onText={setDraft}
          onDone={(text) => {
            setDraft(undefined);
            if (text !== undefined && text.trim() !== "" && text !== item.text) {
              void act(session, { type: "editPrompt", prompt: item.prompt, text });
            }
          }}
        />
      )}
      {draft === undefined && (
        <div className="flex shrink-0">
          {actions.map((action) => (
            <IconButton
              key={action}
              icon={SHOWN[action].icon}
              label={t(SHOWN[action].label)}
              about={item.text.slice(0, ABOUT_CHARS_MAX)}
              testId={`queue-${action}`}
              onClick={() => perform(action)}
            />
          ))}
        </div>
      )}
    </li>
  );
}

function ItemState({ item }: { item: QueueItem }) {
  const { state } = item;
  const line = useLine();
  if (state.type === "accepted") return null;
  const tone = state.type === "refused" ? "text-bad" : state.type === "unknown" ? "text-warn" : "";
  const icon: IconName = state.type === "waitingForHub" ? "offline" : state.type === "sending" ? "clock" : "alert";
  return (
    <span className={`inline-flex items-center gap-1 ${tone}`}>
      <Icon name={icon} className="size-3" />
      {promptStateText(state, line)}
    </span>
  );
}

/** Edits a prompt in place; `onDone` gets `undefined` if the person cancels. */
function EditPrompt({ text, onText, onDone }: { text: string; onText: (text: string) => void; onDone: (text: string | undefined) => void }) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- Esc puts the editor away from its buttons too
    <div
      className="flex min-w-0 grow flex-col gap-1.5"
      onKeyDown={(event) => {
        if (event.nativeEvent.isComposing || event.keyCode === 229 || event.key !== "Escape") return;
        event.stopPropagation();
        onDone(undefined);
      }}
    >
      <textarea
        // oxlint-disable-next-line jsx-a11y/no-autofocus -- it was opened to be written in
        autoFocus
        dir="auto"
        aria-label={t("queue.editLabel")}
        data-testid="queue-edit-text"
        rows={Math.min(6, text.split("\n").length)}
        value={text}
        className="w-full resize-none rounded-md border border-line-strong bg-canvas px-2 py-1 text-read"
        onChange={(event) => onText(event.target.value)}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing || event.keyCode === 229) return;
          if (event.key !== "Enter" || event.shiftKey) return;
          event.preventDefault();
          onDone(text);
        }}
      />
      <div className="flex gap-2 pb-1">
        <Button size="small" tone="accent" testId="queue-edit-save" onClick={() => onDone(text)}>
          {t("common.save")}
        </Button>
        <Button size="small" tone="quiet" testId="queue-edit-cancel" onClick={() => onDone(undefined)}>
          {t("common.cancel")}
        </Button>
      </div>
    </div>
  );
}
