import { type ReactNode, useState } from "react";
import { Button } from "../../components/Button";
import { keyLabel } from "../../components/Kbd";
import { Segmented } from "../../components/Segmented";
import type { Delivery } from "../../generated/Delivery";
import { t } from "../../i18n/i18n";
import { act, cancelIntent, stopTargetOf } from "../../state/actions";
import { useConversation, useLine } from "../../state/conversation";
import type { OpenSession } from "../../state/conversation.logic";
import { inTurn, restoreDraft, setDraft, takeDraft, useDrafts } from "../../state/drafts";
import { askForEnd, useInterface } from "../../state/interface";
import { agentName, runnerOf } from "../../state/names.logic";
import { useSettings } from "../../state/settings";
import { ComposerBox } from "./ComposerBox";
import {
  bytesOver,
  chosenDelivery,
  type ComposerKey,
  lastTakeable,
  otherDelivery,
  placeholderId,
  refusedId,
  type Situation,
} from "./composer.logic";
import { StopButton, StopNote } from "./StopButton";

/** The composer of an open session: steers, queues or interrupts during a run, and always offers Stop. */
export function SessionComposer({ open }: { open: OpenSession }) {
  const { session, header, queue } = open;
  const account = useConversation((state) => state.account);
  const line = useLine();
  const setting = useSettings((state) => state.defaultDelivery);
  const text = useDrafts((state) => state.drafts[session]?.text ?? "");
  const escape = useInterface((state) => state.escape);
  // The choice applies only to the next prompt of this run.
  const [choice, setChoice] = useState<{ run: string; delivery: Delivery } | undefined>();

  const run = header?.run;
  const situation: Situation = {
    run: run ? "on" : "off",
    steering: run?.canSteer === false ? "impossible" : "possible",
    queue: queue?.paused === undefined ? "open" : "paused",
    line,
  };
  const chosen = chosenDelivery(situation, setting, choice?.run === run?.run ? choice?.delivery : undefined);
  const other = otherDelivery(situation, chosen);
  const target = stopTargetOf(open);
  const sendable = line !== "refused" && text.trim() !== "" && bytesOver(text) === 0;

  const send = async (delivery: Delivery) => {
    if (!sendable) return;
    const draft = takeDraft(session);
    setChoice(undefined);
    if (!run) askForEnd();
    const command = await inTurn(session, () => act(session, { type: "sendPrompt", text, delivery }, draft));
    if (command === undefined) restoreDraft(session, text);
  };

  const takeBack = async () => {
    const item = lastTakeable(queue?.items ?? []);
    if (!item) return;
    const taken =
      item.state.type === "accepted"
        ? (await act(session, { type: "withdrawPrompt", prompt: item.prompt })) !== undefined
        : await cancelIntent(item.prompt);
    if (taken) restoreDraft(session, item.text);
  };

  const onKey = (key: Exclude<ComposerKey, "typing">) => {
    if (key === "takeBack") void takeBack();
    else void send(key === "send" ? chosen : other);
  };

  const stopWaits = run?.stopping === "waitingForHub";
  const refused = useConversation((state) => refusedId(state.connection));
  const note = line === "refused" ? t(refused) : stopWaits ? <StopNote /> : escape === "armed" ? t("composer.escAgain") : noteFor(situation, other);

  return (
    <ComposerBox
      text={text}
      placeholder={t(placeholderId(situation, chosen), { agent: agentName(account, header?.agent, runnerOf(header)) })}
      focusKey={session}
      note={note}
      onText={(next) => setDraft(session, next)}
      onKey={onKey}
      leading={
        run && (
          <Segmented
            label={t("composer.delivery")}
            testId="delivery"
            size="small"
            value={chosen}
            onChange={(delivery) => setChoice({ run: run.run, delivery })}
            choices={[
              {
                value: "steer",
                label: t("composer.sendAs.steer"),
                hint: run.canSteer ? t("composer.deliveryHint.steer") : t("composer.cannotSteer"),
                available: run.canSteer ? "yes" : "no",
              },
              { value: "queue", label: t("composer.sendAs.queue"), hint: t("composer.deliveryHint.queue") },
              { value: "interrupt", label: t("composer.sendAs.interrupt"), hint: t("composer.deliveryHint.interrupt") },
            ]}
          />
        )
      }
      trailing={
        <>
          {target && <StopButton session={session} target={target} />}
          <Button
            tone="accent"
            icon="send"
            testId="send"
            data-delivery={chosen}
            disabled={!sendable}
            onClick={() => void send(chosen)}
          >
            {t("composer.send")}
          </Button>
        </>
      }
    />
  );
}

function noteFor(situation: Situation, other: Delivery): ReactNode {
  if (situation.run === "off") return "";
  if (situation.steering === "impossible") return t("composer.cannotSteer");
  // A layout too narrow for the hint belongs to a device without such a keyboard.
  return <span className="@max-sm:hidden">{enterHint(other)}</span>;
}

function enterHint(other: Delivery): string {
  return t("composer.enterHint", { key: `${keyLabel("Mod")}+Enter`, action: t(`composer.sendAs.${other}`) });
}
