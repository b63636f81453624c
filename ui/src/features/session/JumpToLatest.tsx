import { Icon } from "../../components/Icon";
import { t } from "../../i18n/i18n";

/** A button over the transcript's end while a person reads elsewhere. The text does not move for it. */
export function JumpToLatest({ mode, missed, onJump }: { mode: "following" | "reading"; missed: number; onJump: () => void }) {
  if (mode === "following") return null;
  return (
    <button
      type="button"
      data-testid="jump-to-latest"
      data-missed={missed}
      className="absolute inset-x-0 bottom-3 mx-auto flex h-8 w-fit items-center gap-1.5 rounded-full border border-line-strong/60 bg-raised px-3.5 text-sm font-medium shadow-float hover:bg-hover"
      onClick={onJump}
    >
      <Icon name="arrowDown" className="size-3.5" />
      {missed > 0 ? t("session.jumpCount", { count: missed }) : t("session.jump")}
    </button>
  );
}
