import { type ReactNode, useState } from "react";
import { Button } from "../components/Button";
import { Icon, type IconName } from "../components/Icon";
import { LinkForm } from "../features/start/LinkForm";
import { LocalForm } from "../features/start/LocalForm";
import { t } from "../i18n/i18n";
import { platform } from "../platform/platform";
import type { ShellResult, ShellStatus, ModelOptions } from "../platform/types";

type Step = "choose" | "local" | "link";

/** The first start: on this computer, or with an existing hub. */
export function StartView({ status, onAsk }: { status: ShellStatus; onAsk: () => void }) {
  const [step, setStep] = useState<Step>("choose");
  const [refusal, setRefusal] = useState<Extract<ShellResult, { type: "refused" }> | undefined>();

  const run = async (work: Promise<ShellResult>) => {
    setRefusal(undefined);
    try {
      const result = await work;
      if (result.type === "refused") setRefusal(result);
    } catch (cause) {
      setRefusal({ type: "refused", message: String(cause), hint: "" });
    }
    onAsk();
  };
  // If the start failed because of the keyring, it is tried again at once.
  const goOn = async (work: Promise<ShellResult>) => {
    const result = await work;
    return result.type === "done" && status.state === "failed" ? platform().shell.startAgain() : result;
  };
  const startLocal = (options: ModelOptions) => void run(platform().shell.startLocal(options));
  const problem = refusal ? `${refusal.message} ${refusal.hint}` : status.state === "failed" ? status.message : undefined;
  const starting = status.state === "starting";

  return (
    <main className="h-full overflow-y-auto" data-testid="start" data-state={status.state}>
      <div className="mx-auto flex min-h-full max-w-lg flex-col justify-center gap-6 px-6 py-10">
        <header className="flex flex-col gap-2">
          <h1 className="text-xl font-semibold tracking-tight text-balance">{t("start.title")}</h1>
          <p className="text-read text-ink-muted">{t("start.lead")}</p>
        </header>
        {problem !== undefined && (
          <div role="alert" data-testid="start-problem" className="rounded-lg bg-bad-soft px-4 py-3 text-bad">
            <p className="font-medium">{t("start.failed")}</p>
            <p>{problem}</p>
            {status.state === "failed" && (
              <p className="mt-2 flex gap-2">
                <Button size="small" tone="bad" testId="start-again" onClick={() => void run(platform().shell.startAgain())}>
                  {t("start.tryAgain")}
                </Button>
                <Button size="small" tone="bad" testId="start-open-log" onClick={() => void run(platform().shell.openLog())}>
                  {t("start.openLog")}
                </Button>
              </p>
            )}
          </div>
        )}
        <KeyringNote status={status} onAct={(work) => void run(goOn(work))} />
        {starting ? (
          <p role="status" className="flex items-center gap-2.5 text-read" data-testid="starting">
            <span className="breathe size-2.5 rounded-full bg-accent" />
            {status.message ?? t("start.starting")}
          </p>
        ) : (
          <>
            {step === "choose" && (
              <div className="flex flex-col gap-3">
                <Way icon="device" title={t("start.local")} hint={t("start.localHint")} testId="choose-local" onChoose={() => setStep("local")} />
                <Way icon="link" title={t("start.link")} hint={t("start.linkHint")} testId="choose-link" onChoose={() => setStep("link")} />
              </div>
            )}
            {step === "local" && (
              <Panel title={t("start.local")} onBack={() => setStep("choose")}>
                <LocalForm onStart={startLocal} />
              </Panel>
            )}
            {step === "link" && (
              <Panel title={t("start.link")} onBack={() => setStep("choose")}>
                <LinkForm deviceName={status.deviceName} leaves="nothing" onLinked={onAsk} />
              </Panel>
            )}
          </>
        )}
      </div>
    </main>
  );
}

function Way({ icon, title, hint, testId, onChoose }: { icon: IconName; title: string; hint: string; testId: string; onChoose: () => void }) {
  return (
    <button
      type="button"
      data-testid={testId}
      className="flex items-start gap-4 rounded-xl border border-line-strong/60 bg-raised px-5 py-4 text-start hover:border-accent hover:bg-hover"
      onClick={onChoose}
    >
      <Icon name={icon} className="mt-0.5 size-5 text-accent" />
      <span>
        <span className="block text-read font-semibold">{title}</span>
        <span className="block text-ink-muted">{hint}</span>
      </span>
    </button>
  );
}

function Panel({ title, onBack, children }: { title: string; onBack: () => void; children: ReactNode }) {
  return (
    <section className="flex flex-col gap-4 rounded-xl border border-line bg-raised p-5">
      <header className="flex items-center justify-between">
        <h2 className="text-read font-semibold">{title}</h2>
        <Button tone="quiet" size="small" testId="start-back" onClick={onBack}>
          {t("start.back")}
        </Button>
      </header>
      {children}
    </section>
  );
}

/** Explains why the keyring cannot keep a token, and offers what to do. */
function KeyringNote({ status, onAct }: { status: ShellStatus; onAct: (work: Promise<ShellResult>) => void }) {
  const { keyring } = status;
  if (keyring !== "missing" && keyring !== "locked" && keyring !== "noCollection") return null;
  const { shell } = platform();
  return (
    <div className="flex flex-col items-start gap-2 rounded-lg bg-warn-soft px-4 py-3 text-warn" data-testid="keyring-note" data-state={keyring}>
      <p>{t(`start.keyring.${keyring}`)}</p>
      <div className="flex flex-wrap gap-2">
        {keyring === "locked" && (
          <Button size="small" testId="unlock-keyring" onClick={() => onAct(shell.unlockKeyring())}>
            {t("start.keyring.unlock")}
          </Button>
        )}
        {keyring === "noCollection" && (
          <Button size="small" testId="set-up-keyring" onClick={() => onAct(shell.setUpKeyring())}>
            {t("start.keyring.setUp")}
          </Button>
        )}
        <Button size="small" testId="use-token-file" onClick={() => onAct(shell.keepTokenInFile())}>
          {t("start.keyring.useFile")}
        </Button>
      </div>
    </div>
  );
}
