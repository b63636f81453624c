import { useState } from "react";
import { Button } from "../../components/Button";
import { CopyButton } from "../../components/CopyButton";
import { useNow } from "../../components/useNow";
import { t } from "../../i18n/i18n";
import { platform } from "../../platform/platform";
import type { NetworkLinkResult } from "../../platform/types";
import { remaining } from "./network.logic";

type Shown = Extract<NetworkLinkResult, { type: "made" }> & { madeAt: number };

/** A QR code reader needs four light modules around the code. */
const MARGIN = 4;

/** A link for another device, as text and as a QR code, until it expires; a new one on request. */
export function NetworkLinkCard() {
  const [shown, setShown] = useState<Shown | undefined>();
  const [problem, setProblem] = useState<string | undefined>();
  const now = useNow(shown ? "ticking" : "still");
  const left = shown && remaining(shown.madeAt, shown.lastsMs, now);

  const make = async () => {
    try {
      const result = await platform().shell.networkLink();
      setProblem(result.type === "refused" ? `${result.message} ${result.hint}` : undefined);
      setShown(result.type === "made" ? { ...result, madeAt: Date.now() } : undefined);
    } catch (cause) {
      setProblem(String(cause));
    }
  };

  return (
    <div className="flex flex-col items-start gap-3">
      <Button icon="link" testId="network-link" onClick={() => void make()}>
        {t(shown ? "network.newLink" : "network.link")}
      </Button>
      {problem !== undefined && (
        <p role="alert" data-testid="network-link-problem" className="rounded-lg bg-bad-soft px-3 py-2 text-bad">
          {problem}
        </p>
      )}
      {shown && left === undefined && <p data-testid="network-link-over">{t("network.linkOver")}</p>}
      {shown && left !== undefined && (
        <div className="flex w-full flex-wrap items-start gap-4">
          {shown.qr && <Qr size={shown.qr.size} path={shown.qr.path} />}
          <div className="flex min-w-48 grow basis-0 flex-col items-start gap-2">
            <p className="text-sm text-ink-muted">{t("network.linkHint")}</p>
            <p dir="ltr" data-testid="network-link-text" className="rounded-md bg-code px-3 py-2 font-mono text-sm break-all select-all">
              {shown.link}
            </p>
            <CopyButton text={() => shown.link} label={t("network.copy")} testId="network-link-copy" />
            <p role="timer" className="text-sm tabular-nums text-ink-muted" data-testid="network-link-left">
              {t("network.linkLeft", { time: left })}
            </p>
          </div>
        </div>
      )}
    </div>
  );
}

/** Dark on light in every theme, as readers expect. */
function Qr({ size, path }: { size: number; path: string }) {
  const side = size + 2 * MARGIN;
  return (
    <svg viewBox={`${-MARGIN} ${-MARGIN} ${side} ${side}`} className="size-48 shrink-0 rounded-md" role="img" aria-label={t("network.qr")} data-testid="network-qr" shapeRendering="crispEdges">
      <rect x={-MARGIN} y={-MARGIN} width={side} height={side} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
