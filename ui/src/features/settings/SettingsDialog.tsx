import type { ReactNode } from "react";
import { Button } from "../../components/Button";
import { Dialog } from "../../components/Dialog";
import { keyLabel } from "../../components/Kbd";
import { Segmented } from "../../components/Segmented";
import { t } from "../../i18n/i18n";
import { useConversation } from "../../state/conversation";
import { showDialog } from "../../state/interface";
import { changeSetting, useSettings } from "../../state/settings";
import { useShellStatus } from "../../state/shell-status";
import { ModelPanel } from "./ModelPanel";
import { NetworkPanel } from "./NetworkPanel";

export function SettingsDialog({ onClose }: { onClose: () => void }) {
  const settings = useSettings();
  const status = useShellStatus();
  return (
    <Dialog title={t("settings.title")} testId="settings" onClose={onClose}>
      <div className="flex flex-col gap-5 overflow-y-auto p-5">
        <Line label={t("settings.theme")}>
          <Segmented
            label={t("settings.theme")}
            testId="theme"
            value={settings.theme}
            onChange={(theme) => changeSetting("theme", theme)}
            choices={[
              { value: "system", label: t("settings.theme.system") },
              { value: "light", label: t("settings.theme.light") },
              { value: "dark", label: t("settings.theme.dark") },
            ]}
          />
        </Line>
        <Line label={t("settings.delivery")} hint={t("settings.deliveryHint", { key: `${keyLabel("Mod")}+Enter` })}>
          <Segmented
            label={t("settings.delivery")}
            testId="default-delivery"
            value={settings.defaultDelivery}
            onChange={(delivery) => changeSetting("defaultDelivery", delivery)}
            choices={[
              { value: "steer", label: t("settings.delivery.steer") },
              { value: "queue", label: t("settings.delivery.queue") },
            ]}
          />
        </Line>
        {status?.local === true && <NetworkPanel />}
        {status?.local === true && <ModelPanel />}
        <About />
      </div>
    </Dialog>
  );
}

function Line({ label, hint, children }: { label: string; hint?: string; children: ReactNode }) {
  return (
    <div className="flex flex-col items-start gap-1.5">
      <p className="font-medium">{label}</p>
      {children}
      {hint !== undefined && <p className="text-sm text-ink-muted">{hint}</p>}
    </div>
  );
}

function About() {
  const hub = useConversation((state) => state.connection?.hubName);
  const status = useShellStatus();
  const unknown = t("common.unknown");
  const hubText = hub === undefined || hub === "" ? unknown : status?.local === true ? t("settings.hubLocal", { hub }) : hub;
  const facts: [string, string][] = [
    [t("settings.hub"), hubText],
    [t("settings.keyring"), status ? t(`settings.keyring.${status.keyring}`) : unknown],
    [t("settings.profile"), status?.profile ?? unknown],
    [t("settings.version"), status?.version ?? unknown],
  ];
  return (
    <section className="flex flex-col items-start gap-3 border-t border-line pt-4">
      <h3 className="font-medium">{t("settings.about")}</h3>
      <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1">
        {facts.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-ink-muted">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Button icon="link" testId="relink" onClick={() => showDialog({ type: "relink" })}>
        {t("settings.relink")}
      </Button>
    </section>
  );
}
