import { useCallback, useEffect, useState } from "react";
import { Button } from "../../components/Button";
import { useNow } from "../../components/useNow";
import { t } from "../../i18n/i18n";
import { platform } from "../../platform/platform";
import type { NetworkDevice, NetworkView, ShellResult } from "../../platform/types";
import { perform } from "../../state/shell-status";
import { NetworkLinkCard } from "./NetworkLinkCard";
import { seenText } from "./network.logic";

/** Milliseconds between two requests: addresses change and devices come and go while the settings are open. */
const ASK_AGAIN_MS = 2000;

/** *Use from other devices*: opens the hub inside the app to the network. */
export function NetworkPanel() {
  const { network, ask } = useNetwork();
  if (!network) return null;
  const run = async (work: Promise<ShellResult>) => {
    await perform(work);
    await ask();
  };
  const { shell } = platform();
  const on = network.state.type === "on";
  return (
    <section className="flex flex-col items-stretch gap-3 border-t border-line pt-4" data-testid="network-panel" data-state={network.state.type}>
      <header className="flex items-center justify-between gap-4">
        <h3 className="font-medium">{t("network.title")}</h3>
        <Button
          tone={on ? "plain" : "accent"}
          testId={on ? "network-off" : "network-on"}
          onClick={() => void run(on ? shell.closeNetwork() : shell.openNetwork())}
        >
          {t(on ? "network.off" : "network.on")}
        </Button>
      </header>
      <p className="text-sm text-ink-muted">{t(on ? "network.isOn" : "network.hint")}</p>
      {network.state.type === "failed" && (
        <p role="alert" data-testid="network-problem" className="rounded-lg bg-bad-soft px-3 py-2 text-bad">
          {network.state.message}
        </p>
      )}
      {on && (
        <>
          <Address network={network} onChoose={(host) => void run(shell.chooseHost(host))} />
          <NetworkLinkCard key={network.host} />
          <Background network={network} onChoose={(choice) => void run(shell.stayInBackground(choice))} />
        </>
      )}
      <Devices devices={network.devices} onRevoke={(id) => void run(shell.revokeDevice(id))} />
    </section>
  );
}

function Address({ network, onChoose }: { network: NetworkView; onChoose: (host: string) => void }) {
  const port = network.state.type === "on" ? network.state.port : 0;
  if (network.addresses.length === 0) {
    return (
      <p role="status" data-testid="network-none" className="rounded-lg bg-warn-soft px-3 py-2 text-warn">
        {t("network.none")}
      </p>
    );
  }
  return (
    <div className="flex flex-col gap-1">
      <label className="flex flex-col gap-1 text-sm font-medium">
        {t("network.address")}
        <select
          data-testid="network-host"
          className="h-9 rounded-md border border-line-strong bg-canvas px-2 text-read font-normal"
          value={network.host}
          onChange={(event) => onChoose(event.target.value)}
        >
          {!network.hostIsCurrent && <option value={network.host}>{t("network.gone", { host: network.host ?? "" })}</option>}
          {network.addresses.map((address) => (
            <option key={address.host} value={address.host}>
              {`${address.host}:${port} · ${address.network}`}
            </option>
          ))}
        </select>
      </label>
      {!network.hostIsCurrent && (
        <p role="alert" data-testid="network-host-gone" className="text-sm text-bad">
          {t("network.goneHint", { host: network.host ?? "" })}
        </p>
      )}
    </div>
  );
}

function Background({ network, onChoose }: { network: NetworkView; onChoose: (choice: "stay" | "end") => void }) {
  return (
    <div className="flex flex-col items-start gap-1.5">
      <label className="flex items-center gap-2">
        <input
          type="checkbox"
          data-testid="network-background"
          className="accent-accent"
          checked={network.staysInBackground}
          onChange={(event) => onChoose(event.target.checked ? "stay" : "end")}
        />
        {t("network.background")}
      </label>
      <p className="text-sm text-ink-muted">{t("network.backgroundHint")}</p>
      <Button size="small" testId="quit" onClick={() => void platform().shell.quit()}>
        {t("network.quit")}
      </Button>
    </div>
  );
}

function Devices({ devices, onRevoke }: { devices: readonly NetworkDevice[]; onRevoke: (id: string) => void }) {
  const now = useNow("ticking");
  const [asked, setAsked] = useState<string | undefined>();
  return (
    <ul className="flex flex-col" data-testid="network-devices">
      {devices.map((device) => (
        <li key={device.id} className="flex min-h-9 items-center gap-3 border-t border-line py-1" data-testid={`network-device-${device.name}`}>
          <span className="min-w-0 grow truncate">
            {device.name}
            {device.isHere && <span className="text-ink-muted"> · {t("network.here")}</span>}
          </span>
          <span className="shrink-0 text-sm text-ink-muted" data-state={device.seen.type}>
            {seenText(device.seen, now)}
          </span>
          {!device.isHere &&
            (asked === device.id ? (
              <>
                <Button size="small" testId="revoke-cancel" onClick={() => setAsked(undefined)}>
                  {t("common.cancel")}
                </Button>
                <Button
                  size="small"
                  tone="bad"
                  testId="revoke-confirm"
                  onClick={() => {
                    setAsked(undefined);
                    onRevoke(device.id);
                  }}
                >
                  {t("network.revokeConfirm")}
                </Button>
              </>
            ) : (
              <Button size="small" tone="quiet" testId="revoke" onClick={() => setAsked(device.id)}>
                {t("network.revoke")}
              </Button>
            ))}
        </li>
      ))}
    </ul>
  );
}

function useNetwork() {
  const [network, setNetwork] = useState<NetworkView | undefined>();
  const ask = useCallback(async () => {
    const view = await platform().shell.network();
    setNetwork(view ?? undefined);
  }, []);
  useEffect(() => {
    const look = () => {
      // If the shell does not answer, the person's next action reports it.
      ask().catch(() => {});
    };
    look();
    const timer = setInterval(look, ASK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [ask]);
  return { network, ask };
}
