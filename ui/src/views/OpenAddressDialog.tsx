import { Button } from "../components/Button";
import { Dialog } from "../components/Dialog";
import { t } from "../i18n/i18n";
import { platform } from "../platform/platform";
import { showProblem } from "../state/interface";

/** Asks before an address is opened, and shows the whole address. */
export function OpenAddressDialog({ url, onClose }: { url: string; onClose: () => void }) {
  const open = async () => {
    onClose();
    try {
      const result = await platform().shell.openExternal(url);
      if (result.type === "refused") showProblem(result.message, result.hint);
    } catch (cause) {
      showProblem(String(cause), "");
    }
  };
  return (
    <Dialog title={t("link.title")} testId="link-dialog" onClose={onClose}>
      <div className="flex flex-col gap-3 overflow-y-auto p-5">
        <p dir="ltr" className="rounded-md bg-code px-3 py-2 font-mono text-sm break-all" data-testid="link-url">
          {url}
        </p>
        <p className="text-ink-muted">{t("link.body")}</p>
        <div className="flex justify-end gap-2">
          <Button testId="link-cancel" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button tone="accent" testId="link-open" onClick={() => void open()}>
            {t("link.open")}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
