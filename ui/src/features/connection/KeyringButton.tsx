import { Button } from "../../components/Button";
import { t } from "../../i18n/i18n";
import { platform } from "../../platform/platform";
import { perform } from "../../state/shell-status";
import type { ClosedKeyring } from "./connection.logic";

/** Unlocks or sets up the keyring that does not give this device's token. */
export function KeyringButton({ keyring }: { keyring: ClosedKeyring }) {
  const { shell } = platform();
  const sets = keyring === "noCollection";
  return (
    <Button tone="bad" size="small" testId="connection-keyring" className="my-0.5" onClick={() => void perform(sets ? shell.setUpKeyring() : shell.unlockKeyring())}>
      {t(sets ? "start.keyring.setUp" : keyring === "locked" ? "connection.unlock" : "connection.tryAgain")}
    </Button>
  );
}
