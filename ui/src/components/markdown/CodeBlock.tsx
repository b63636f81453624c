import { type CSSProperties, useEffect, useState } from "react";
import { t } from "../../i18n/i18n";
import { CopyButton } from "../CopyButton";
import { Icon } from "../Icon";
import { useKeptState } from "../kept-state";
import { shownCode } from "./code.logic";
import { cachedHighlight, highlight } from "./highlight";
import type { CodeLines } from "./highlight.logic";
import { Chunks } from "./PlainText";

export type CodeProgress = "settled" | "growing";

/**
 * A code block with its language, copy and wrap. Colours come once it has settled, and do not change its height. *Copy* gives `code`
 * exactly.
 */
export function CodeBlock({ code, language, progress }: { code: string; language: string; progress: CodeProgress }) {
  const [wrap, setWrap] = useKeptState<"wrap" | "scroll">("wrap", "scroll");
  const shown = shownCode(code);
  const lines = useHighlight(shown, language, progress);
  const wraps = wrap === "wrap";
  return (
    <div className="group/code overflow-hidden rounded-lg border border-line bg-code" data-testid="code-block" data-language={language}>
      <div className="flex h-8 items-center gap-1 border-b border-line ps-3 pe-1 text-xs text-ink-muted">
        <span className="grow font-mono">{language || t("code.plain")}</span>
        <button
          type="button"
          aria-pressed={wraps}
          aria-label={t("code.wrap")}
          title={wraps ? t("code.unwrap") : t("code.wrap")}
          data-testid="code-wrap"
          className={`rounded p-1 hover:bg-hover hover:text-ink ${wraps ? "bg-hover text-ink" : ""}`}
          onClick={() => setWrap(wraps ? "scroll" : "wrap")}
        >
          <Icon name="wrap" />
        </button>
        <CopyButton text={() => code} label={t("code.copy")} testId="code-copy" />
      </div>
      <pre
        dir="ltr"
        role="region"
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label={t("code.label", { language: language || t("code.plain") })}
        className={`px-3 py-2.5 font-mono text-sm leading-5 ${wraps ? "break-words whitespace-pre-wrap" : "overflow-x-auto whitespace-pre"}`}
      >
        <code>{lines ? <Colored lines={lines} /> : <Chunks text={shown} />}</code>
      </pre>
    </div>
  );
}

function Colored({ lines }: { lines: CodeLines }) {
  return lines.map((line, number) => (
    <span key={number}>
      {line.map((token, place) => (
        <span key={place} className="code-token" style={{ "--token-light": token.light, "--token-dark": token.dark } as CSSProperties}>
          {token.text}
        </span>
      ))}
      {number < lines.length - 1 && "\n"}
    </span>
  ));
}

function useHighlight(code: string, language: string, progress: CodeProgress): CodeLines | undefined {
  const [colored, setColored] = useState<{ code: string; lines: CodeLines } | undefined>(() => {
    const lines = cachedHighlight(code, language);
    return lines && { code, lines };
  });
  useEffect(() => {
    if (progress === "growing" || language === "") return undefined;
    const stop = new AbortController();
    highlight(code, language, stop.signal).then(
      (lines) => {
        if (lines && !stop.signal.aborted) setColored({ code, lines });
      },
      // Without colours the code is still readable.
      () => {},
    );
    return () => stop.abort();
  }, [code, language, progress]);
  return colored?.code === code ? colored.lines : undefined;
}
