import { Menu } from "../../components/Menu";
import type { SessionId } from "../../generated/SessionId";
import type { StopTarget } from "../../generated/StopTarget";
import { t } from "../../i18n/i18n";
import { cancelStop, stop, stopAim } from "../../state/actions";
import { useConversation, useLine } from "../../state/conversation";
import { useInterface } from "../../state/interface";

/** Stops this answer by default; a menu has the other stops. The button stays enabled after a press: a second press sends another stop. */
export function StopButton({ session, target }: { session: SessionId; target: StopTarget }) {
  const pressed = useInterface((state) => state.stopPressed);
  const stopping = useConversation((state) => state.open?.header?.run?.stopping ?? "none");
  const line = useLine();
  const isPressed = pressed?.aim === stopAim(target);
  const state = line === "refused" ? "none" : stopping === "none" && isPressed ? "sending" : stopping;
  const label = { none: t("composer.stop"), sending: t("composer.stopping"), waitingForHub: t("composer.stopShort") }[state];
  return (
    <div className="flex h-8 shrink-0 rounded-md border border-bad/60 bg-raised text-bad">
      <button
        type="button"
        data-testid="stop"
        data-state={state}
        disabled={line === "refused"}
        className="inline-flex min-w-27 items-center justify-center gap-1.5 rounded-s-md px-2.5 font-medium enabled:hover:bg-bad-soft disabled:opacity-55"
        onClick={() => void stop(session, target, "tree")}
      >
        <span aria-hidden="true" className={`size-2.5 rounded-[2px] bg-current ${state === "sending" ? "breathe" : ""}`} />
        {label}
      </button>
      {line !== "refused" && (
        <Menu
          label={t("composer.stopMore")}
          testId="stop-menu"
          className="h-full rounded-e-md border-s border-bad/40 px-1.5 hover:bg-bad-soft"
          items={[
            { id: "this", label: t("composer.stopThis"), hint: "Esc Esc", onSelect: () => void stop(session, target, "tree") },
            { id: "all", label: t("composer.stopAll"), onSelect: () => void stop(session, target, "session") },
          ]}
        />
      )}
    </div>
  );
}

/** Shown next to the button while a stop cannot be sent. */
export function StopNote() {
  const pressed = useInterface((state) => state.stopPressed);
  return (
    <span className="text-warn" data-testid="stop-waits">
      {t("composer.stopWaits")}
      {pressed?.command !== undefined && (
        <button type="button" data-testid="stop-cancel" className="ms-1.5 font-medium underline" onClick={() => void cancelStop()}>
          {t("common.cancel")}
        </button>
      )}
    </span>
  );
}
