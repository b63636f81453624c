import { useEffect, useState } from "react";
import { Button } from "../../components/Button";
import { TextField } from "../../components/TextField";
import { isHttpUrl } from "../../components/urls";
import { t } from "../../i18n/i18n";
import { platform } from "../../platform/platform";
import type { ModelView, ShellResult } from "../../platform/types";
import { type ModelForm, isSameServer, modelOptions } from "./model.logic";

type Work =
  | { type: "idle" }
  | { type: "testing" }
  | { type: "works"; models: readonly string[] }
  | { type: "saved" }
  | Extract<ShellResult, { type: "refused" }>;

/** The model that answers on this computer: its server, key and name. A person can test a change before it is used. */
export function ModelPanel() {
  const [kept, setKept] = useState<ModelView | undefined>();
  useEffect(() => {
    let wanted = true;
    void platform()
      .shell.model()
      .then((model) => {
        if (wanted && model) setKept(model);
      });
    return () => {
      wanted = false;
    };
  }, []);
  return kept && <Fields kept={kept} onSaved={setKept} />;
}

function Fields({ kept, onSaved }: { kept: ModelView; onSaved: (model: ModelView) => void }) {
  const [form, setForm] = useState<ModelForm>({ baseUrl: kept.baseUrl, model: kept.model, apiKey: "" });
  const [work, setWork] = useState<Work>({ type: "idle" });
  const change = (part: Partial<ModelForm>) => {
    setForm({ ...form, ...part });
    setWork({ type: "idle" });
  };
  const urlWrong = form.baseUrl.trim() !== "" && !isHttpUrl(form.baseUrl);
  const ready = isHttpUrl(form.baseUrl) && work.type !== "testing";
  const options = modelOptions(form, kept);

  const run = async (act: () => Promise<Work>) => {
    setWork({ type: "testing" });
    try {
      setWork(await act());
    } catch (cause) {
      setWork({ type: "refused", message: String(cause), hint: "" });
    }
  };
  const test = () => run(() => platform().shell.testModel(options));
  const save = () =>
    run(async () => {
      const result = await platform().shell.changeModel(options);
      if (result.type === "refused") return result;
      const saved = await platform().shell.model();
      if (saved) onSaved(saved);
      setForm((now) => ({ ...now, apiKey: "" }));
      return { type: "saved" };
    });

  const keyHint = !isSameServer(form.baseUrl, kept.baseUrl) ? "settings.model.newServerKey" : kept.hasKey ? "settings.model.keepKey" : "start.apiKeyHint";
  return (
    <form
      className="flex flex-col items-stretch gap-3 border-t border-line pt-4"
      data-testid="model-panel"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) void save();
      }}
    >
      <h3 className="font-medium">{t("settings.model")}</h3>
      <p className="text-sm text-ink-muted">{t("settings.model.hint")}</p>
      <TextField
        label={t("start.baseUrl")}
        problem={urlWrong ? t("start.urlWrong") : undefined}
        testId="model-base-url"
        spellCheck={false}
        value={form.baseUrl}
        onChange={(event) => change({ baseUrl: event.target.value })}
      />
      <TextField label={t("start.model")} testId="model-name" spellCheck={false} value={form.model} onChange={(event) => change({ model: event.target.value })} />
      <TextField
        label={t("start.apiKey")}
        hint={t(keyHint)}
        testId="model-key"
        type="password"
        autoComplete="off"
        value={form.apiKey}
        onChange={(event) => change({ apiKey: event.target.value })}
      />
      <Outcome work={work} />
      <div className="flex gap-2">
        <Button testId="model-test" disabled={!ready} onClick={() => void test()}>
          {t(work.type === "testing" ? "settings.model.testing" : "settings.model.test")}
        </Button>
        <Button tone="accent" testId="model-save" type="submit" disabled={!ready}>
          {t("common.save")}
        </Button>
      </div>
    </form>
  );
}

function Outcome({ work }: { work: Work }) {
  switch (work.type) {
    case "idle":
    case "testing":
      return null;
    case "works":
      return (
        <p role="status" data-testid="model-works" className="rounded-lg bg-accent-soft px-3 py-2">
          {t("settings.model.works", { count: work.models.length })}
        </p>
      );
    case "saved":
      return (
        <p role="status" data-testid="model-saved" className="rounded-lg bg-accent-soft px-3 py-2">
          {t("settings.model.saved")}
        </p>
      );
    case "refused":
      return (
        <p role="alert" data-testid="model-problem" className="rounded-lg bg-bad-soft px-3 py-2 text-bad">
          {work.message} {work.hint}
        </p>
      );
  }
}
