/** The shell's part of the fake: a first start that succeeds in two steps. */
import type { KeyringState, Shell, ShellResult, ShellStatus } from "../types";

const STARTING_MS = 1200;
const DONE: ShellResult = { type: "done" };

export function fakeShell(params: URLSearchParams): Shell {
  let state = (params.get("shell") as ShellStatus["state"] | null) ?? "ready";
  let keyring = (params.get("keyring") as KeyringState | null) ?? "ok";
  let startedAt = 0;
  return {
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
  };
}
