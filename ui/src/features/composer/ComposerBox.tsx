import { type ReactNode, useLayoutEffect, useRef } from "react";
import { t } from "../../i18n/i18n";
import { bytesOver, type ComposerKey, composerKey } from "./composer.logic";

interface Props {
  text: string;
  placeholder: string;
  /** Changes when the focus should come here: another session was opened. */
  focusKey: string;
  /** Changes when a control that may have had the focus is gone: the focus comes here if it went nowhere. */
  reclaimKey?: string;
  note?: ReactNode;
  leading?: ReactNode;
  trailing: ReactNode;
  onText: (text: string) => void;
  onKey: (key: Exclude<ComposerKey, "typing">) => void;
}

/** The box that a person writes in. It grows with its text up to a third of the window. */
export function ComposerBox({ text, placeholder, focusKey, reclaimKey, note, leading, trailing, onText, onKey }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const element = area.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight}px`;
  }, [text]);
  useLayoutEffect(() => {
    const element = area.current;
    if (!element) return;
    element.focus({ preventScroll: true });
    // A box that is shown with a text has its cursor before it.
    element.setSelectionRange(element.value.length, element.value.length);
  }, [focusKey]);
  useLayoutEffect(() => {
    if (document.activeElement === null || document.activeElement === document.body) area.current?.focus({ preventScroll: true });
  }, [reclaimKey]);
  const over = bytesOver(text);
  return (
    <div className="rounded-xl border border-line-strong/70 bg-raised shadow-sm focus-within:border-accent">
      <textarea
        ref={area}
        data-testid="composer"
        aria-label={t("composer.label")}
        dir="auto"
        rows={1}
        value={text}
        placeholder={placeholder}
        className="block max-h-[33vh] w-full resize-none bg-transparent px-4 pt-3 pb-1 text-read outline-none placeholder:text-ink-muted"
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
      <div className="flex min-h-11 items-center gap-x-3 gap-y-1 px-2 pb-2 max-sm:flex-wrap">
        {leading}
        <p className="line-clamp-2 max-sm:line-clamp-none min-w-0 grow basis-24 ps-1 text-sm leading-4 text-ink-muted" data-testid="composer-note" aria-live="polite">
          {over > 0 ? <span className="text-bad">{t("composer.tooLong", { count: over })}</span> : note}
        </p>
        <div className="ms-auto flex shrink-0 items-center gap-2">{trailing}</div>
      </div>
    </div>
  );
}
