import { Button } from "../../components/Button";
import type { OpaqueIntentView } from "../../generated/OpaqueIntentView";
import { t } from "../../i18n/i18n";
import { discardOpaque } from "../../state/actions";
import { useConversation } from "../../state/conversation";

/** Messages in the outbox that this version cannot read. They are kept until a newer version sends them or the person discards them. */
export function OpaqueIntents() {
  const intents = useConversation((state) => state.opaqueIntents);
  if (intents.length === 0) return null;
  return (
    <ul data-testid="opaque-intents" aria-label={t("opaque.label")} className="max-h-32 shrink-0 overflow-y-auto border-t border-line bg-warn-soft text-sm">
      {intents.map((intent) => (
        <OpaqueIntent key={intent.ordinal} intent={intent} />
      ))}
    </ul>
  );
}

function OpaqueIntent({ intent }: { intent: OpaqueIntentView }) {
  return (
    <li className="flex items-center gap-2 px-3 py-1">
      <span className="shrink-0 text-warn">{t("opaque.cannotBeSent")}</span>
      <span className="min-w-0 grow truncate" title={intent.text}>
        {intent.text ?? t("opaque.unreadable")}
      </span>
      <Button size="small" tone="quiet" testId="opaque-discard" onClick={() => void discardOpaque(intent.ordinal)}>
        {t("opaque.discard")}
      </Button>
    </li>
  );
}
