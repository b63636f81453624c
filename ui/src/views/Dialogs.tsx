import { useEffect, useState } from "react";
import { Dialog } from "../components/Dialog";
import { SearchPalette, type PaletteAction } from "../features/sessions/SearchPalette";
import { KeyboardHelp } from "../features/settings/KeyboardHelp";
import { SettingsDialog } from "../features/settings/SettingsDialog";
import { LinkForm } from "../features/start/LinkForm";
import { t } from "../i18n/i18n";
import { platform } from "../platform/platform";
import { beginNewSession } from "../state/actions";
import { closeDialog, showDialog, toggleSidebar, useInterface } from "../state/interface";
import { OpenAddressDialog } from "./OpenAddressDialog";

/** The open dialog, if any. */
export function Dialogs() {
  const dialog = useInterface((state) => state.dialog);
  switch (dialog?.type) {
    case undefined:
      return null;
    case "search":
      return <SearchPalette actions={paletteActions()} onClose={closeDialog} />;
    case "settings":
      return <SettingsDialog onClose={closeDialog} />;
    case "keyboard":
      return <KeyboardHelp onClose={closeDialog} />;
    case "relink":
      return <Relink onClose={closeDialog} />;
    case "openAddress":
      return <OpenAddressDialog url={dialog.url} onClose={closeDialog} />;
  }
}

function paletteActions(): PaletteAction[] {
  return [
    { id: "new", label: t("sessions.new"), icon: "add", perform: () => void beginNewSession() },
    { id: "settings", label: t("settings.title"), icon: "gear", perform: () => showDialog({ type: "settings" }) },
    { id: "keyboard", label: t("keyboard.title"), icon: "inbox", perform: () => showDialog({ type: "keyboard" }) },
    { id: "sidebar", label: t("keyboard.sidebar"), icon: "sidebar", perform: toggleSidebar },
    { id: "link", label: t("settings.relink"), icon: "link", perform: () => showDialog({ type: "relink" }) },
  ];
}

/** Links this device again. The shell then has another client, so the page reloads. */
function Relink({ onClose }: { onClose: () => void }) {
  const [deviceName, setDeviceName] = useState<string | undefined>();
  useEffect(() => {
    let wanted = true;
    void platform()
      .shell.status()
      .then((status) => {
        if (wanted) setDeviceName(status.deviceName);
      });
    return () => {
      wanted = false;
    };
  }, []);
  return (
    <Dialog title={t("move.title")} testId="relink-dialog" onClose={onClose}>
      <div className="overflow-y-auto p-5">
        {deviceName !== undefined && <LinkForm deviceName={deviceName} leaves="a hub" onLinked={() => window.location.reload()} />}
      </div>
    </Dialog>
  );
}
