import { useState } from "react";
import { Button } from "../../components/Button";
import type { OfferedAgent } from "../../generated/OfferedAgent";
import { t } from "../../i18n/i18n";
import { startSession } from "../../state/actions";
import { useConversation, useLine } from "../../state/conversation";
import { inTurn, restoreDraft, setDraft, takeFirstDraft, useDrafts } from "../../state/drafts";
import { useInterface } from "../../state/interface";
import { agentName, runnerName } from "../../state/names.logic";
import { ComposerBox } from "./ComposerBox";
import { bytesOver, refusedId } from "./composer.logic";

/** The agent that every runner has. Used while no agent is known, so that a first prompt can wait for a runner. */
const BUILT_IN_AGENT = "assistant";

const keyOf = (offered: OfferedAgent) => `${offered.runner}/${offered.agent.id}`;

export function NewSessionComposer() {
  const account = useConversation((state) => state.account);
  const asked = useInterface((state) => state.newAsked);
  const session = useDrafts((state) => state.next);
  const text = useDrafts((state) => state.drafts[session]?.text ?? "");
  const [chosenKey, setChosenKey] = useState<string | undefined>();
  const agents = account?.agents ?? [];
  const offered = agents.find((each) => keyOf(each) === chosenKey) ?? agents.find((each) => isOnline(account?.online, each)) ?? agents[0];
  const line = useLine();
  const sendable = line !== "refused" && text.trim() !== "" && bytesOver(text) === 0;

  const send = async () => {
    if (!sendable) return;
    const draft = takeFirstDraft();
    const started = await inTurn(draft.session, () => startSession(offered?.agent.id ?? BUILT_IN_AGENT, offered?.runner, text, draft));
    if (!started) restoreDraft(useDrafts.getState().next, text);
  };

  const refused = useConversation((state) => refusedId(state.connection));
  const known = noteFor(account === undefined ? "unknown" : "known", offered, account?.online, (runner) => runnerName(account, runner));
  return (
    <ComposerBox
      text={text}
      placeholder={t(line === "refused" ? "composer.placeholder.refused" : "composer.placeholder.new", { agent: agentName(account, offered?.agent.id, offered?.runner) })}
      focusKey={`new ${asked}`}
      note={line === "refused" ? t(refused) : known}
      onText={(next) => setDraft(session, next)}
      onKey={(key) => {
        if (key !== "takeBack") void send();
      }}
      leading={
        agents.length > 0 && (
          <select
            aria-label={t("new.agent")}
            data-testid="agent"
            className="h-7 max-w-72 truncate rounded-md bg-hover px-2 text-sm text-ink"
            value={offered && keyOf(offered)}
            onChange={(event) => setChosenKey(event.target.value)}
          >
            {agents.map((each) => (
              <option key={keyOf(each)} value={keyOf(each)}>
                {t("new.agentOption", { agent: each.agent.name, model: each.agent.model, runner: runnerName(account, each.runner) })}
              </option>
            ))}
          </select>
        )
      }
      trailing={
        <Button tone="accent" icon="send" testId="send" disabled={!sendable} onClick={() => void send()}>
          {t("composer.send")}
        </Button>
      }
    />
  );
}

function isOnline(online: readonly string[] | undefined, offered: OfferedAgent): boolean {
  return online?.includes(offered.runner) ?? false;
}

function noteFor(
  account: "known" | "unknown",
  offered: OfferedAgent | undefined,
  online: readonly string[] | undefined,
  nameOfRunner: (runner: string) => string,
): string {
  if (account === "unknown") return "";
  if (!offered) return t("new.noAgents");
  return online && online.length > 0 && !isOnline(online, offered) ? t("new.offlineRunner", { runner: nameOfRunner(offered.runner) }) : "";
}
