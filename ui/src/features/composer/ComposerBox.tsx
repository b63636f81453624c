import { type ReactNode, useLayoutEffect, useRef } from "react";
import { t } from "../../i18n/i18n";
import { bytesOver, type ComposerKey, composerKey } from "./composer.logic";

interface Props {
  text: string;
  placeholder: string;
  /** Changes when another session is opened: the composer then takes the focus. */
  focusKey: string;
  note?: ReactNode;
  leading?: ReactNode;
  trailing: ReactNode;
  onText: (text: string) => void;
  onKey: (key: Exclude<ComposerKey, "typing">) => void;
}

/** Shared by the field and its mirror: the same text must break at the same positions. */
const TEXT = "col-start-1 row-start-1 min-w-0 px-4 pt-3 pb-1 text-read break-words whitespace-pre-wrap";

/** More text than fits into a third of the largest window: the rest of a long text needs no second layout. */
const MIRRORED_CHARS_MAX = 20_000;

/** The text field of a prompt. It grows with its text up to a third of the window. */
export function ComposerBox({ text, placeholder, focusKey, note, leading, trailing, onText, onKey }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const element = area.current;
    if (!element) return;
    element.focus({ preventScroll: true });
    // The caret goes after existing text.
    element.setSelectionRange(element.value.length, element.value.length);
  }, [focusKey]);
  const over = bytesOver(text);
  return (
    <div className="@container shrink-0 rounded-xl border border-line-strong/70 bg-raised shadow-sm focus-within:border-accent">
      {/* The mirror sets the field's height. Measuring `scrollHeight` would change the height briefly and clamp the transcript above. */}
      <div className="grid max-h-[33vh] overflow-hidden">
        <div aria-hidden="true" dir="auto" className={`${TEXT} invisible max-h-[33vh] overflow-hidden`}>
          {text.slice(0, MIRRORED_CHARS_MAX)}
          {/* Gives a last, empty line its height. */}
          {"\u200b"}
        </div>
        <textarea
          ref={area}
          data-testid="composer"
          data-focus-home
          aria-label={t("composer.label")}
          dir="auto"
          rows={1}
          value={text}
          placeholder={placeholder}
          className={`${TEXT} h-full w-full resize-none overflow-y-auto bg-transparent outline-none placeholder:text-ink-muted`}
          onChange={(event) => onText(event.target.value)}
          onKeyDown={(event) => {
            const { key, keyCode, shiftKey, ctrlKey, metaKey, altKey } = event;
            const { isComposing } = event.nativeEvent;
            const meaning = composerKey({ key, keyCode, isComposing, shiftKey, ctrlKey, metaKey, altKey }, text);
            if (meaning === "typing") return;
            event.preventDefault();
            onKey(meaning);
          }}
        />
      </div>
      {/* Nothing here is truncated: what does not fit next to the rest wraps to a line of its own. */}
      <div className="flex min-h-11 flex-wrap items-center gap-x-3 gap-y-1.5 px-2 pb-2">
        {leading}
        <p
          className="min-w-0 grow basis-0 ps-1 text-sm leading-4 text-ink-muted not-empty:basis-32"
          data-testid="composer-note"
          aria-live="polite"
        >
          {over > 0 ? <span className="text-bad">{t("composer.tooLong", { count: over })}</span> : note}
        </p>
        <div className="ms-auto flex flex-wrap items-center justify-end gap-2">{trailing}</div>
      </div>
    </div>
  );
}
