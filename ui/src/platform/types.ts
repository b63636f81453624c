/**
 * The only way out of the UI. Nothing else under `ui/src` talks to the network, to Tauri or to the disk.
 *
 * `platform/tauri` runs it over Tauri's IPC, `platform/fake` plays a hub inside the browser (development, tests, screenshots). A browser
 * served by a hub gets a third one later. What a view is, and what its messages mean, is `crates/protocol/src/view.rs`.
 */
import type { ViewFrame } from "../generated/ViewFrame";
import type { ViewRequest } from "../generated/ViewRequest";
import type { ViewResponse } from "../generated/ViewResponse";

/** Ends something that was begun. Calling it again does nothing. */
export type Unsubscribe = () => void;

export interface Platform {
  /** What this is; for the settings' "About" and for tests. */
  readonly kind: "tauri" | "fake";

  /**
   * Asks Rust for something. Tauri: `invoke("view_request", { request })`, the command returns a `ViewResponse`.
   *
   * A thing that is not done is `{ type: "refused", error }`, not a rejection. The promise rejects only when the shell itself is broken
   * (the command is absent, the shell is not `ready`), with a string or an `Error`.
   */
  request(request: ViewRequest): Promise<ViewResponse>;

  /**
   * Receives everything that changed, at most one frame per display frame, in order. Tauri: `invoke("view_connect", { channel })` with a
   * `Channel<ViewFrame>`.
   *
   * Called once per page load, before the first `request`. The shell forgets every view that the page before had open, then at once sends
   * `connection` and `account`. A later `view_connect` (a reload) replaces the channel. It is called only while the shell is `ready`.
   */
  onFrame(receive: (frame: ViewFrame) => void): Promise<Unsubscribe>;

  /** First start, links and other things that are not part of a conversation. */
  readonly shell: Shell;
}

export interface Shell {
  /**
   * How far this installation is. Tauri: `invoke("shell_status")` → `ShellStatus`. Answered at any time, at once; the UI asks again every
   * 300 ms while the state is `starting`, and after each of the calls below.
   */
  status(): Promise<ShellStatus>;

  /**
   * First start "on this computer": a hub and a runner inside the app, on loopback, with this model server.
   * Tauri: `invoke("shell_start_local", { options })`. Resolves when the work has begun or was refused; progress is then in `status()`
   * (`starting` with a message for people → `ready` or `failed`).
   */
  startLocal(options: ModelOptions): Promise<ShellResult>;

  /**
   * First start "link to a hub": exchanges a one-time link for this device's token.
   * Tauri: `invoke("shell_link", { link, deviceName, leaving })`. With `move` it waits until everything is on this device; what is carried
   * over afterwards is in `status().moving`.
   * Resolves when the token is kept and the client has been started, or with why not (`link_code_expired`, a key that does not match…).
   * Used too while `ready` is over because the hub has revoked this device.
   */
  linkToHub(link: string, deviceName: string, leaving: Leaving): Promise<ShellResult>;

  /**
   * Looks for model servers on this computer's usual ports (Ollama 11434, LM Studio 1234, llama.cpp 8080, …) for at most about two
   * seconds. Tauri: `invoke("shell_detect_models")` → `DetectedModelServer[]`; empty when there is none, never an error.
   */
  detectModelServers(): Promise<DetectedModelServer[]>;

  /**
   * Opens an https address in the system's browser. The UI has shown the full address and the person said yes; the shell checks the
   * scheme again and refuses all others. Tauri: `invoke("shell_open_external", { url })`.
   */
  openExternal(url: string): Promise<ShellResult>;

  /**
   * The explicit opt-in where there is no usable keyring: keep the token in a file that only this user can read.
   * Tauri: `invoke("shell_use_token_file")`. Afterwards `status().keyring` is `file`.
   */
  keepTokenInFile(): Promise<ShellResult>;

  /** Makes a keyring where the system has none yet; the system asks for a password. Tauri: `invoke("shell_set_up_keyring")`. */
  setUpKeyring(): Promise<ShellResult>;

  /** Asks the keyring again, which shows its password window where it is locked. Tauri: `invoke("shell_unlock_keyring")`. */
  unlockKeyring(): Promise<ShellResult>;

  /**
   * Starts the hub inside the app again after it did not start. Resolves when it runs or failed again; the status says which.
   * Tauri: `invoke("shell_start_again")`. The page begins anew afterwards: it has another client.
   */
  startAgain(): Promise<ShellResult>;

  /** Opens the app's log file with the system's own program for it. Tauri: `invoke("shell_open_log")`. */
  openLog(): Promise<ShellResult>;

  /** The model that answers on this computer; `null` where the agent is elsewhere. Tauri: `invoke("shell_model")`. */
  model(): Promise<ModelView | null>;

  /** Asks a model server whether it would answer; changes nothing. Tauri: `invoke("shell_test_model", { options })`. */
  testModel(options: ModelOptions): Promise<ModelTest>;

  /**
   * Uses another model from now on. Refused while an answer is being written. Tauri: `invoke("shell_change_model", { options })`.
   */
  changeModel(options: ModelOptions): Promise<ShellResult>;

  /** How this computer can be used from other devices; `null` where its hub is elsewhere or does not run. Tauri: `invoke("shell_network")`. */
  network(): Promise<NetworkView | null>;

  /** Opens the hub inside the app to the network, with TLS and its own key. Tauri: `invoke("shell_open_network")`. */
  openNetwork(): Promise<ShellResult>;

  /** Closes it: no socket from the network is open afterwards. Tauri: `invoke("shell_close_network")`. */
  closeNetwork(): Promise<ShellResult>;

  /** Puts another of this computer's addresses into links from now on. Tauri: `invoke("shell_choose_host", { host })`. */
  chooseHost(host: string): Promise<ShellResult>;

  /** Whether the app stays when its window is closed, while the hub is open. Tauri: `invoke("shell_stay_in_background", { choice })`. */
  stayInBackground(choice: "stay" | "end"): Promise<ShellResult>;

  /** A one-time link for another device. An older one that was not used works until its own time is up. Tauri: `invoke("shell_network_link")`. */
  networkLink(): Promise<NetworkLinkResult>;

  /** Takes away a device's access at the hub inside the app. Tauri: `invoke("shell_revoke_device", { id })`. */
  revokeDevice(id: string): Promise<ShellResult>;

  /** Carries over what did not move yet. Tauri: `invoke("shell_move_again")`. */
  moveAgain(): Promise<ShellResult>;

  /** Ends the app, whatever it does in the background. Tauri: `invoke("shell_quit")`. */
  quit(): Promise<void>;
}

/** JSON of `shell_status`. */
export interface ShellStatus {
  /**
   * - `needsStart`: nothing is set up: show the first start.
   * - `starting`: work is under way; `message` says which.
   * - `ready`: the client runs (with or without a connection): views can be opened.
   * - `failed`: `message` says what a person can do; the first start is shown with it, and can be tried again.
   */
  state: "needsStart" | "starting" | "ready" | "failed";
  /** For people, one sentence. */
  message?: string;
  /** The profile's name (`--profile NAME`), `default` without one. */
  profile: string;
  /** A name for this device to offer in the link form: the computer's name, with the profile where there is one. */
  deviceName: string;
  keyring: KeyringState;
  /** True when this installation's hub is the one inside the app, running or not. */
  local: boolean;
  /** Why the hub inside the app did not start. The history can be read; nothing is sent until it runs. */
  hubProblem?: string;
  /** How the agent inside the app is. */
  agent?: AgentStatus;
  /** How far a move to this hub is; absent where none is under way. `problem` is for people: it does not go on by itself. */
  moving?: { moved: number; sessions: number; problem?: string };
  /** The app's version. */
  version: string;
}

/**
 * - `ok`: the system keyring works.
 * - `missing`: there is none (no service on the bus, no bus).
 * - `noCollection`: the service runs and has no keyring in it yet.
 * - `locked`: there is one, and it did not open in time.
 * - `file`: the person chose the file.
 * - `unknown`: not looked at yet.
 */
export type KeyringState = "ok" | "missing" | "noCollection" | "locked" | "file" | "unknown";

/** How the agent inside the app is. The messages are for people. */
export type AgentStatus =
  | { type: "starting" }
  | { type: "waitsForKeyring"; message: string }
  | { type: "running" }
  | { type: "reconnecting" }
  | { type: "refused"; message: string }
  | { type: "unusable"; message: string };

/** JSON of `options` of `shell_start_local`, `shell_test_model` and `shell_change_model`. */
export interface ModelOptions {
  /** An OpenAI-compatible base URL that the person chose, for example `http://127.0.0.1:11434/v1`. */
  baseUrl: string;
  /** The key goes into the keyring, never into a file of settings or a log. `kept` is for the server that it was kept for. */
  apiKey: { type: "none" } | { type: "kept" } | { type: "new"; key: string };
  /** The model's name at that server; absent: its first one. */
  model?: string;
}

/** JSON of what `shell_model` returns. */
export interface ModelView {
  baseUrl: string;
  model: string;
  /** Whether a key is kept for it. */
  hasKey: boolean;
}

/** JSON of what `shell_test_model` returns. */
export type ModelTest = { type: "works"; models: string[] } | Extract<ShellResult, { type: "refused" }>;

/** JSON of what `shell_start_local`, `shell_link`, `shell_open_external` and `shell_use_token_file` return: the commands do not reject. */
export type ShellResult =
  | { type: "done" }
  | {
      type: "refused";
      /** What happened, one sentence for people. */
      message: string;
      /** What to do about it; may be empty. */
      hint: string;
    };

/** JSON of an element of `shell_detect_models`. */
export interface DetectedModelServer {
  /** Its name for people: `Ollama`, `LM Studio`, `llama.cpp`, `Small local model`… */
  name: string;
  /** What to hand to `startLocal`. */
  baseUrl: string;
  /** Models that it offers, the best guess first; may be empty. */
  models: string[];
}

/** JSON of what `shell_network` returns. */
export interface NetworkView {
  state: { type: "off" } | { type: "on"; port: number } | { type: "failed"; message: string };
  /** Where this computer can be reached now; empty without a network. `network` is its name at this computer, for example `eth0`. */
  addresses: { host: string; network: string }[];
  /** The address that links carry. */
  host?: string;
  /** False: this computer does not have that address any more, and devices that were linked by it look for it there. */
  hostIsCurrent: boolean;
  /** Whether the app stays when its window is closed, while the hub is open. */
  staysInBackground: boolean;
  /** Everyone who is linked, the newest first. `isHere`: the app's own device or agent. Times are in milliseconds. */
  devices: NetworkDevice[];
}

export interface NetworkDevice {
  id: string;
  name: string;
  isHere: boolean;
  linkedAt: number;
  seen: { type: "now" } | { type: "at"; at: number } | { type: "notSinceStart" };
}

/** JSON of what `shell_network_link` returns. `qr.path` is the `d` of an SVG path of `qr.size` units a side; `lastsMs` counts from now. */
export type NetworkLinkResult =
  | { type: "made"; link: string; qr?: { size: number; path: string }; lastsMs: number }
  | Extract<ShellResult, { type: "refused" }>;

/** What becomes of the conversations at the hub that this device leaves: they move along, or stay in this profile for its return. */
export type Leaving = "move" | "leave";
