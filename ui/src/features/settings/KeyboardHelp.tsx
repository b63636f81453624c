import { Dialog } from "../../components/Dialog";
import { Kbd } from "../../components/Kbd";
import { t } from "../../i18n/i18n";
import type { MessageId } from "../../i18n/messages.en";

const KEYS: readonly { keys: readonly string[]; joined?: "twice" | "or"; does: MessageId }[] = [
  { keys: ["Enter"], does: "keyboard.send" },
  { keys: ["Mod+Enter"], does: "keyboard.sendOther" },
  { keys: ["Shift+Enter"], does: "keyboard.newline" },
  { keys: ["Esc", "Esc", "Mod+."], joined: "or", does: "keyboard.stop" },
  { keys: ["↑"], does: "keyboard.takeBack" },
  { keys: ["Mod+N"], does: "keyboard.new" },
  { keys: ["Mod+K"], does: "keyboard.palette" },
  { keys: ["Mod+Shift+U"], does: "keyboard.needsYou" },
  { keys: ["Mod+1", "9"], does: "keyboard.switch" },
  { keys: ["Mod+B"], does: "keyboard.sidebar" },
  { keys: ["Mod+,"], does: "keyboard.settings" },
  { keys: ["?"], does: "keyboard.help" },
];

export function KeyboardHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t("keyboard.title")} testId="keyboard" onClose={onClose}>
      <dl className="grid grid-cols-[1fr_auto] gap-x-6 gap-y-2 overflow-y-auto p-5">
        {KEYS.map(({ keys, joined, does }) => (
          <div key={does} className="contents">
            <dt>{t(does)}</dt>
            <dd className="flex items-center justify-end gap-1.5 text-sm text-ink-muted">
              {keys.map((each, place) => (
                <span key={`${each}-${place}`} className="inline-flex items-center gap-1.5">
                  {joined === "or" && place === keys.length - 1 && t("keyboard.or")}
                  {does === "keyboard.switch" && place === 1 && "–"}
                  <Kbd keys={each} />
                </span>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
