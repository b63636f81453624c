import { useEffect, useState } from "react";
import { Dialog } from "../components/Dialog";
import { SearchPalette, type PaletteAction } from "../features/sessions/SearchPalette";
import { KeyboardHelp } from "../features/settings/KeyboardHelp";
import { SettingsDialog } from "../features/settings/SettingsDialog";
import { LinkForm } from "../features/start/LinkForm";
import { t } from "../i18n/i18n";
import { platform } from "../platform/platform";
import { beginNewSession } from "../state/actions";
import { showDialog, toggleSidebar, useInterface } from "../state/interface";

/** The one dialog that is open. */
export function Dialogs() {
  const dialog = useInterface((state) => state.dialog);
  const close = () => showDialog("none");
  switch (dialog) {
    case "none":
      return null;
    case "search":
      return <SearchPalette actions={paletteActions()} onClose={close} />;
    case "settings":
      return <SettingsDialog onClose={close} />;
    case "keyboard":
      return <KeyboardHelp onClose={close} />;
    case "link":
      return <Relink onClose={close} />;
  }
}

function paletteActions(): PaletteAction[] {
  return [
    { id: "new", label: t("sessions.new"), icon: "add", perform: () => void beginNewSession() },
    { id: "settings", label: t("settings.title"), icon: "gear", perform: () => showDialog("settings") },
    { id: "keyboard", label: t("keyboard.title"), icon: "inbox", perform: () => showDialog("keyboard") },
    { id: "sidebar", label: t("keyboard.sidebar"), icon: "sidebar", perform: toggleSidebar },
    { id: "link", label: t("settings.relink"), icon: "link", perform: () => showDialog("link") },
  ];
}

/** Links this device anew. The shell then has another client, so the window begins anew. */
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
    <Dialog title={t("start.link")} testId="relink-dialog" onClose={onClose}>
      <div className="overflow-y-auto p-5">
        {deviceName !== undefined && <LinkForm deviceName={deviceName} onLinked={() => window.location.reload()} />}
      </div>
    </Dialog>
  );
}
