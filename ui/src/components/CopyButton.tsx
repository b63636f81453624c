import { useEffect, useState } from "react";
import { t } from "../i18n/i18n";
import { copyText } from "./clipboard";
import { Icon } from "./Icon";

const SHOWN_MS = 1600;

export function CopyButton({ text, label, testId }: { text: () => string; label: string; testId: string }) {
  const [copied, setCopied] = useState<"no" | "yes">("no");
  useEffect(() => {
    if (copied === "no") return undefined;
    const timer = setTimeout(() => setCopied("no"), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const shown = copied === "yes" ? t("row.copied") : label;
  return (
    <button
      type="button"
      aria-label={shown}
      title={shown}
      data-testid={testId}
      className="rounded p-1 text-ink-muted hover:bg-hover hover:text-ink"
      onClick={() => {
        void copyText(text()).then(() => setCopied("yes"));
      }}
    >
      <Icon name={copied === "yes" ? "check" : "copy"} />
    </button>
  );
}
