import type { ReactNode } from "react";
import { t } from "../../i18n/i18n";

/** A link to the footnote, which stays where the model wrote it. */
export function FootnoteCall({ label, number }: { label: string; number: string }) {
  return (
    <sup>
      <button
        type="button"
        className="px-0.5 text-accent hover:underline"
        aria-label={t("footnote.label", { number })}
        data-testid="footnote-call"
        onClick={(event) => noteOf(event.currentTarget, label)?.scrollIntoView({ block: "nearest" })}
      >
        {number}
      </button>
    </sup>
  );
}

export function Footnote({ label, number, children }: { label: string; number: string; children: ReactNode }) {
  return (
    <div className="flex gap-2 text-base text-ink-muted" data-testid="footnote" data-footnote={label}>
      <span className="shrink-0 tabular-nums">{number}.</span>
      <div className="min-w-0 grow">{children}</div>
    </div>
  );
}

/** Labels ignore case. Searches only this answer, because another one may use the same label. */
function noteOf(call: Element, label: string): Element | undefined {
  const notes = call.closest(".prose")?.querySelectorAll("[data-footnote]") ?? [];
  return [...notes].find((note) => note.getAttribute("data-footnote")?.toLowerCase() === label.toLowerCase());
}
