import { Button } from "../../components/Button";
import type { SessionId } from "../../generated/SessionId";
import { t } from "../../i18n/i18n";
import { beginNewSession, goOnInNewSession } from "../../state/actions";
import { useDrafts } from "../../state/drafts";

/** Replaces the composer of a deleted session: nothing can be sent there any more, and its draft can move to a new session. */
export function DeletedSession({ session }: { session: SessionId }) {
  const text = useDrafts((state) => state.drafts[session]?.text ?? "");
  return (
    <div
      role="status"
      data-testid="session-deleted"
      className="flex flex-col items-start gap-3 rounded-xl border border-line-strong bg-raised p-4"
    >
      <p>{t("session.deleted")}</p>
      {text !== "" && (
        <>
          <p className="text-sm text-ink-muted">{t("session.deletedDraft")}</p>
          <p dir="auto" data-testid="deleted-draft" className="max-h-48 w-full overflow-y-auto break-words whitespace-pre-wrap">
            {text}
          </p>
        </>
      )}
      <Button testId="deleted-go-on" icon="add" onClick={() => void (text === "" ? beginNewSession() : goOnInNewSession(text))}>
        {t(text === "" ? "sessions.new" : "session.goOn")}
      </Button>
    </div>
  );
}
