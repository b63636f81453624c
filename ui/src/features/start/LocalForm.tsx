import { useEffect, useState } from "react";
import { Button } from "../../components/Button";
import { TextField } from "../../components/TextField";
import { isHttpUrl } from "../../components/urls";
import { t } from "../../i18n/i18n";
import { platform } from "../../platform/platform";
import type { DetectedModelServer, ModelOptions } from "../../platform/types";

type Source = { type: "found"; baseUrl: string } | { type: "endpoint" };

/** Where the local agent gets its model: a server found on this computer, once the person chooses it, or a custom endpoint. */
export function LocalForm({ onStart }: { onStart: (options: ModelOptions) => void }) {
  const { servers, look } = useModelServers();
  const [choice, setChoice] = useState<Source | undefined>();
  const [models, setModels] = useState<Readonly<Record<string, string>>>({});
  const [endpoint, setEndpoint] = useState({ baseUrl: "", apiKey: "", model: "" });

  // A server that was found is never chosen automatically: any program may answer at that port, and prompts would go to it.
  const source: Source | undefined = choice ?? (servers?.length === 0 ? { type: "endpoint" } : undefined);
  const server = source?.type === "found" ? servers?.find((each) => each.baseUrl === source.baseUrl) : undefined;
  const urlWrong = endpoint.baseUrl.trim() !== "" && !isHttpUrl(endpoint.baseUrl);
  const ready = source?.type === "endpoint" ? isHttpUrl(endpoint.baseUrl) && endpoint.model.trim() !== "" : source !== undefined;

  const start = () => {
    if (!source) return;
    if (source.type === "endpoint") {
      const apiKey = endpoint.apiKey.trim();
      return onStart({ baseUrl: endpoint.baseUrl.trim(), model: endpoint.model.trim(), apiKey: apiKey === "" ? { type: "none" } : { type: "new", key: apiKey } });
    }
    const model = models[source.baseUrl] ?? server?.models[0];
    onStart({ baseUrl: source.baseUrl, apiKey: { type: "none" }, ...(model === undefined ? {} : { model }) });
  };

  return (
    <form
      className="flex flex-col gap-4"
      data-testid="local-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) start();
      }}
    >
      <div role="radiogroup" aria-label={t("start.model")} className="flex flex-col gap-2">
        {servers === undefined && <p className="text-ink-muted">{t("start.detecting")}</p>}
        {servers?.length === 0 && (
          <p className="flex items-start gap-2 text-ink-muted" data-testid="none-found">
            <span>
              {t("start.noneFound")} {t("start.noneFoundHint", { command: "cargo xtask model-server" })}
            </span>
            <Button size="small" tone="quiet" icon="retry" testId="look-again" onClick={look}>
              {t("start.lookAgain")}
            </Button>
          </p>
        )}
        {servers?.map((each) => (
          <Option
            key={each.baseUrl}
            testId="source-found"
            title={each.name}
            hint={`${each.baseUrl} · ${t("start.foundHint")}`}
            checked={source?.type === "found" && source.baseUrl === each.baseUrl ? "checked" : "not"}
            onChoose={() => setChoice({ type: "found", baseUrl: each.baseUrl })}
          />
        ))}
        <Option
          testId="source-endpoint"
          title={t("start.endpoint")}
          hint={t("start.endpointHint")}
          checked={source?.type === "endpoint" ? "checked" : "not"}
          onChoose={() => setChoice({ type: "endpoint" })}
        />
      </div>
      {source?.type === "found" && server && server.models.length > 1 && (
        <label className="flex flex-col gap-1 text-sm font-medium">
          {t("start.model")}
          <select
            data-testid="found-model"
            className="h-9 rounded-md border border-line-strong bg-canvas px-2 text-read font-normal"
            value={models[server.baseUrl] ?? server.models[0]}
            onChange={(event) => setModels({ ...models, [server.baseUrl]: event.target.value })}
          >
            {server.models.map((model) => (
              <option key={model}>{model}</option>
            ))}
          </select>
        </label>
      )}
      {source?.type === "endpoint" && (
        <div className="flex flex-col gap-3">
          <TextField
            label={t("start.baseUrl")}
            problem={urlWrong ? t("start.urlWrong") : undefined}
            testId="base-url"
            placeholder="https://…/v1"
            spellCheck={false}
            value={endpoint.baseUrl}
            onChange={(event) => setEndpoint({ ...endpoint, baseUrl: event.target.value })}
          />
          <TextField
            label={t("start.model")}
            testId="model"
            spellCheck={false}
            value={endpoint.model}
            onChange={(event) => setEndpoint({ ...endpoint, model: event.target.value })}
          />
          <TextField
            label={t("start.apiKey")}
            hint={t("start.apiKeyHint")}
            testId="api-key"
            type="password"
            autoComplete="off"
            value={endpoint.apiKey}
            onChange={(event) => setEndpoint({ ...endpoint, apiKey: event.target.value })}
          />
        </div>
      )}
      <Button tone="accent" icon="play" testId="start-local" className="self-start" type="submit" disabled={!ready}>
        {t("start.begin")}
      </Button>
    </form>
  );
}

interface OptionProps {
  testId: string;
  title: string;
  hint: string;
  checked: "checked" | "not";
  onChoose: () => void;
}

function Option({ testId, title, hint, checked, onChoose }: OptionProps) {
  return (
    <label className="flex items-start gap-3 rounded-lg border border-line px-3 py-2 hover:bg-hover has-checked:border-accent has-checked:bg-accent-soft has-focus-visible:outline-2 has-focus-visible:outline-accent">
      <input
        type="radio"
        name="model-source"
        data-testid={testId}
        className="mt-1 accent-accent"
        checked={checked === "checked"}
        onChange={onChoose}
        // A click also counts if this source was preselected because no server was found: it then is the person's choice and stays.
        onClick={onChoose}
      />
      <span className="min-w-0">
        <span className="block font-medium">{title}</span>
        <span className="block text-sm break-words text-ink-muted">{hint}</span>
      </span>
    </label>
  );
}

function useModelServers() {
  const [servers, setServers] = useState<readonly DetectedModelServer[] | undefined>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    let wanted = true;
    platform()
      .shell.detectModelServers()
      .then(
        (found) => {
          if (wanted) setServers(found);
        },
        () => {
          if (wanted) setServers([]);
        },
      );
    return () => {
      wanted = false;
    };
  }, [round]);
  const look = () => {
    setServers(undefined);
    setRound(round + 1);
  };
  return { servers, look };
}
