/** What the screen says about the connection to the hub: calm while it works, plain while it does not. */
import type { ConnectionPhase } from "../../generated/ConnectionPhase";
import type { ConnectionView } from "../../generated/ConnectionView";
import type { IconName } from "../../components/Icon";
import type { ShellStatus } from "../../platform/types";
import { t } from "../../i18n/i18n";

export type Tone = "calm" | "busy" | "warn" | "bad";

/** Whether the phase is shown only if it lasts longer than a blink. */
export function isBrief(phase: ConnectionPhase): boolean {
  return phase === "connecting" || phase === "catchingUp";
}

export function toneOf(phase: ConnectionPhase): Tone {
  switch (phase) {
    case "live":
      return "calm";
    case "connecting":
    case "catchingUp":
      return "busy";
    case "stale":
    case "reconnecting":
      return "warn";
    case "refused":
      return "bad";
  }
}

export function iconOf(phase: ConnectionPhase): IconName {
  switch (phase) {
    case "live":
      return "dot";
    case "connecting":
    case "catchingUp":
      return "retry";
    case "stale":
      return "alert";
    case "reconnecting":
      return "offline";
    case "refused":
      return "alert";
  }
}

export function phaseText(connection: ConnectionView, nowMs: number): string {
  const { phase, retryAt, hubName } = connection;
  if (phase === "live") return hubName === "" ? t("connection.live") : t("connection.liveOn", { hub: hubName });
  if (phase === "reconnecting" && retryAt !== undefined) {
    const seconds = Math.ceil((retryAt - nowMs) / 1000);
    return seconds > 1 ? t("connection.reconnectingIn", { seconds }) : t("connection.reconnecting");
  }
  return t(isOwn(connection) ? "connection.stopped" : `connection.${phase}`);
}

/** The text for a screen reader: it changes only with the phase. */
export function spokenText(connection: ConnectionView): string {
  return connection.phase === "reconnecting" ? t("connection.offline") : phaseText(connection, 0);
}

/** Whether the connection is refused for a reason on this device, which linking again does not fix. */
export function isOwn({ phase, problem }: ConnectionView): boolean {
  return phase === "refused" && problem?.code === "storage_unavailable";
}

export type ClosedKeyring = "locked" | "noCollection" | "missing";

/** The keyring's state if it gives no token: linking again would not fix that. */
export function closedKeyring(status: ShellStatus | undefined): ClosedKeyring | undefined {
  const keyring = status?.keyring;
  return keyring === "locked" || keyring === "noCollection" || keyring === "missing" ? keyring : undefined;
}
