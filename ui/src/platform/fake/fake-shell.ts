/** The fake's shell: a first start that succeeds in two steps. */
import { fakeNetwork } from "./fake-network";
import type { AgentStatus, KeyringState, ModelView, Shell, ShellResult, ShellStatus } from "../types";

const STARTING_MS = 1200;
const DONE: ShellResult = { type: "done" };

export function fakeShell(params: URLSearchParams): Shell {
  let state = (params.get("shell") as ShellStatus["state"] | null) ?? "ready";
  let keyring = (params.get("keyring") as KeyringState | null) ?? "ok";
  let startedAt = 0;
  let hubProblem = params.get("hub") === "failed" ? "The hub on this computer did not start: its folder is in use." : undefined;
  let model: ModelView = { baseUrl: "http://127.0.0.1:11434/v1", model: "qwen3:14b", hasKey: false };
  const network = fakeNetwork();
  return {
    ...network,
    status: () => {
      if (state === "starting" && startedAt > 0 && Date.now() - startedAt > STARTING_MS) state = "ready";
      const message = { starting: "Starting the hub on this computer…", failed: "The model server did not answer." };
      return Promise.resolve({
        state,
        ...(state === "starting" || state === "failed" ? { message: message[state] } : {}),
        profile: "default",
        deviceName: "Desk-PC",
        keyring,
        local: true,
        ...(hubProblem === undefined ? { agent: fakeAgent(keyring) } : { hubProblem }),
        version: "0.1.0",
      });
    },
    startLocal: () => {
      state = "starting";
      startedAt = Date.now();
      return Promise.resolve(DONE);
    },
    linkToHub: (link) => {
      if (link.includes("expired")) {
        return Promise.resolve({ type: "refused", message: "This link is older than five minutes.", hint: "Make a new one on the hub." });
      }
      state = "ready";
      return Promise.resolve(DONE);
    },
    detectModelServers: () =>
      Promise.resolve(
        params.get("models") === "none"
          ? []
          : [{ name: "Ollama", baseUrl: "http://127.0.0.1:11434/v1", models: ["qwen3:14b", "llama3.2:3b"] }],
      ),
    openExternal: () => Promise.resolve(DONE),
    keepTokenInFile: () => {
      keyring = "file";
      return Promise.resolve(DONE);
    },
    setUpKeyring: () => {
      keyring = "ok";
      return Promise.resolve(DONE);
    },
    unlockKeyring: () => {
      keyring = "ok";
      return Promise.resolve(DONE);
    },
    startAgain: () => {
      hubProblem = undefined;
      return Promise.resolve(DONE);
    },
    openLog: () => Promise.resolve(DONE),
    moveAgain: () => Promise.resolve(DONE),
    model: () => Promise.resolve(model),
    testModel: (options) =>
      Promise.resolve(
        options.baseUrl.includes("down")
          ? { type: "refused", message: "The model server does not answer.", hint: "Check that it runs, and its address." }
          : { type: "works", models: ["qwen3:14b", "llama3.2:3b"] },
      ),
    changeModel: (options) => {
      model = { baseUrl: options.baseUrl, model: options.model ?? "qwen3:14b", hasKey: options.apiKey.type !== "none" };
      return Promise.resolve(DONE);
    },
  };
}

function fakeAgent(keyring: KeyringState): AgentStatus {
  if (keyring !== "locked") return { type: "running" };
  return { type: "waitsForKeyring", message: "The system keyring is locked. Unlock it and try again." };
}
