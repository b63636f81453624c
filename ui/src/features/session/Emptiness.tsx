import { useLasting } from "../../components/useLasting";
import { t } from "../../i18n/i18n";
import { useConversation, useLine } from "../../state/conversation";

/** Explains why there are no rows: the session is empty, or this device does not have them yet. It says the latter only after a blink. */
export function Emptiness({ caughtUp }: { caughtUp: "yes" | "no" }) {
  const online = useConversation((state) => state.connection?.phase === "live" || state.connection?.phase === "catchingUp");
  const line = useLine();
  const lasting = useLasting(caughtUp === "no");
  const text = caughtUp === "yes" ? t("session.empty") : online ? t("session.catchingUp") : t(line === "refused" ? "session.notHereRefused" : "session.notHere");
  if (caughtUp === "no" && !lasting) return null;
  return (
    <p className="absolute inset-0 m-auto h-fit px-6 text-center text-ink-muted" data-testid="empty" role="status">
      {text}
    </p>
  );
}
