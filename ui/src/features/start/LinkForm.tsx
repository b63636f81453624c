import { useState } from "react";
import { Button } from "../../components/Button";
import { TextField } from "../../components/TextField";
import { t } from "../../i18n/i18n";
import { platform } from "../../platform/platform";
import type { Leaving } from "../../platform/types";
import { isLink } from "./start.logic";

interface Props {
  deviceName: string;
  /** Whether this device has conversations at another hub, which may move along. */
  leaves: "nothing" | "a hub";
  onLinked: () => void;
}

/** Links this device to a hub with a one-time link. */
export function LinkForm({ deviceName, leaves, onLinked }: Props) {
  const [link, setLink] = useState("");
  const [name, setName] = useState(deviceName);
  const [leaving, setLeaving] = useState<Leaving>(leaves === "nothing" ? "leave" : "move");
  const [work, setWork] = useState<{ type: "idle" } | { type: "linking" } | { type: "refused"; message: string; hint: string }>({ type: "idle" });
  const wrong = link.trim() !== "" && !isLink(link);
  const ready = isLink(link) && name.trim() !== "" && work.type !== "linking";

  const submit = async () => {
    if (!ready) return;
    setWork({ type: "linking" });
    try {
      const result = await platform().shell.linkToHub(link.trim(), name.trim(), leaving);
      if (result.type === "refused") return setWork(result);
      setWork({ type: "idle" });
      onLinked();
    } catch (cause) {
      setWork({ type: "refused", message: String(cause), hint: t("problem.shell.hint") });
    }
  };

  return (
    <form
      className="flex flex-col gap-4"
      data-testid="link-form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <TextField
        label={t("start.linkCode")}
        hint={t("start.linkCodeHint", { command: "baton-hub link" })}
        problem={wrong ? t("start.linkWrong") : undefined}
        testId="link-input"
        placeholder={t("start.linkPlaceholder")}
        spellCheck={false}
        autoComplete="off"
        value={link}
        onChange={(event) => setLink(event.target.value)}
      />
      <TextField
        label={t("start.deviceName")}
        testId="device-name"
        maxLength={80}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      {leaves === "a hub" && (
        <div className="flex flex-col gap-1">
          <label className="flex items-center gap-2">
            <input
              type="checkbox"
              data-testid="bring-along"
              className="accent-accent"
              checked={leaving === "move"}
              onChange={(event) => setLeaving(event.target.checked ? "move" : "leave")}
            />
            {t("move.bring")}
          </label>
          <p className="text-sm text-ink-muted">{t(leaving === "move" ? "move.bringHint" : "move.leaveHint")}</p>
        </div>
      )}
      {work.type === "refused" && (
        <p role="alert" data-testid="link-problem" className="rounded-lg bg-bad-soft px-3 py-2 text-bad">
          {work.message} {work.hint}
        </p>
      )}
      <Button tone="accent" icon="link" testId="link-submit" className="self-start" type="submit" disabled={!ready}>
        {t(work.type === "linking" ? "start.linking" : "start.linkButton")}
      </Button>
    </form>
  );
}
