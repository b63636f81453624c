/**
 * The only way out of the UI. Nothing else under `ui/src` talks to the network, to Tauri or to the disk.
 *
 * `platform/tauri` implements it over Tauri's IPC; `platform/fake` plays a hub inside the browser (development, tests, screenshots).
 * A browser that a hub serves gets a third implementation later.
 * `crates/protocol/src/view.rs` defines the views and what their messages mean.
 */
import type { ViewFrame } from "../generated/ViewFrame";
import type { ViewRequest } from "../generated/ViewRequest";
import type { ViewResponse } from "../generated/ViewResponse";

/** Ends a subscription. Calling it again does nothing. */
export type Unsubscribe = () => void;

export interface Platform {
  /** The implementation, for the settings' "About" and for tests. */
  readonly kind: "tauri" | "fake";

  /**
   * Sends a request to Rust. Tauri: `invoke("view_request", { request })`, the command returns a `ViewResponse`.
   *
   * A refused request resolves with `{ type: "refused", error }`. The promise rejects only if the shell itself is broken (the command is
   * absent, the shell is not `ready`), with a string or an `Error`.
   */
  request(request: ViewRequest): Promise<ViewResponse>;

  /**
   * Receives every change, at most one frame per display frame, in order. Tauri: `invoke("view_connect", { channel })` with a
   * `Channel<ViewFrame>`.
   *
   * The page calls it once per load, before the first `request` and only while the shell is `ready`. The shell closes every view of the
   * previous page, then immediately sends `connection` and `account`. A later `view_connect` (a reload) replaces the channel.
   */
  onFrame(receive: (frame: ViewFrame) => void): Promise<Unsubscribe>;

  /** First start, links and everything else that is not part of a conversation. */
  readonly shell: Shell;
}

export interface Shell {
  /**
   * The state of this installation. Tauri: `invoke("shell_status")` → `ShellStatus`. Answers immediately at any time; the UI asks again
   * every 300 ms while the state is `starting`, and after each of the calls below.
   */
  status(): Promise<ShellStatus>;

  /**
   * First start "on this computer": a hub and a runner inside the app, on loopback, with this model server.
   * Tauri: `invoke("shell_start_local", { options })`. Resolves when the work has started or was refused; `status()` then reports progress
   * (`starting` with a message for people → `ready` or `failed`).
   */
  startLocal(options: ModelOptions): Promise<ShellResult>;

  /**
   * First start "link to a hub": exchanges a one-time link for this device's token.
   * Tauri: `invoke("shell_link", { link, deviceName, leaving })`. With `move`, it first waits until this device has everything;
   * `status().moving` then reports what is carried over.
   * Resolves when the token is kept and the client has started, or with the refusal (`link_code_expired`, a key that does not match…).
   * Also used when the hub has revoked this device, after the shell was `ready`.
   */
  linkToHub(link: string, deviceName: string, leaving: Leaving): Promise<ShellResult>;

  /**
   * Looks for model servers on this computer's usual ports (Ollama 11434, LM Studio 1234, llama.cpp 8080, …) for at most about two
   * seconds. Tauri: `invoke("shell_detect_models")` → `DetectedModelServer[]`; empty if there is none, never an error.
   */
  detectModelServers(): Promise<DetectedModelServer[]>;

  /**
   * Opens an https address in the system's browser. The UI has shown the full address and the person has confirmed; the shell checks the
   * scheme again and refuses all others. Tauri: `invoke("shell_open_external", { url })`.
   */
  openExternal(url: string): Promise<ShellResult>;

  /**
   * The explicit opt-in if there is no usable keyring: keeps the token in a file that only this user can read.
   * Tauri: `invoke("shell_use_token_file")`. Afterwards `status().keyring` is `file`.
   */
  keepTokenInFile(): Promise<ShellResult>;

  /** Creates a keyring if the system has none yet; the system asks for a password. Tauri: `invoke("shell_set_up_keyring")`. */
  setUpKeyring(): Promise<ShellResult>;

  /** Asks the keyring again, which shows its password window if it is locked. Tauri: `invoke("shell_unlock_keyring")`. */
  unlockKeyring(): Promise<ShellResult>;

  /**
   * Starts the hub inside the app again after a failed start. Resolves when it runs or has failed again; the status says which.
   * Tauri: `invoke("shell_start_again")`. The shell then has another client, so the page reloads.
   */
  startAgain(): Promise<ShellResult>;

  /** Opens the app's log file with the system's default program. Tauri: `invoke("shell_open_log")`. */
  openLog(): Promise<ShellResult>;

  /** The model that answers on this computer; `null` if the agent is elsewhere. Tauri: `invoke("shell_model")`. */
  model(): Promise<ModelView | null>;

  /** Asks a model server whether it would answer; changes nothing. Tauri: `invoke("shell_test_model", { options })`. */
  testModel(options: ModelOptions): Promise<ModelTest>;

  /**
   * Switches to another model. Refused while an answer is being written. Tauri: `invoke("shell_change_model", { options })`.
   */
  changeModel(options: ModelOptions): Promise<ShellResult>;

  /** How other devices can reach this computer; `null` if its hub is elsewhere or does not run. Tauri: `invoke("shell_network")`. */
  network(): Promise<NetworkView | null>;

  /** Opens the hub inside the app to the network, with TLS and its own key. Tauri: `invoke("shell_open_network")`. */
  openNetwork(): Promise<ShellResult>;

  /** Closes the hub to the network; afterwards no socket from the network is open. Tauri: `invoke("shell_close_network")`. */
  closeNetwork(): Promise<ShellResult>;

  /** Chooses which of this computer's addresses links carry. Tauri: `invoke("shell_choose_host", { host })`. */
  chooseHost(host: string): Promise<ShellResult>;

  /**
   * Sets whether the app stays when its window is closed while the hub is open. Tauri: `invoke("shell_stay_in_background", { choice })`.
   */
  stayInBackground(choice: "stay" | "end"): Promise<ShellResult>;

  /** Creates a one-time link for another device. An unused older link works until it expires. Tauri: `invoke("shell_network_link")`. */
  networkLink(): Promise<NetworkLinkResult>;

  /** Revokes a device's access at the hub inside the app. Tauri: `invoke("shell_revoke_device", { id })`. */
  revokeDevice(id: string): Promise<ShellResult>;

  /** Retries an unfinished move. Tauri: `invoke("shell_move_again")`. */
  moveAgain(): Promise<ShellResult>;

  /** Quits the app, whatever it does in the background. Tauri: `invoke("shell_quit")`. */
  quit(): Promise<void>;
}

/** JSON of `shell_status`. */
export interface ShellStatus {
  /**
   * - `needsStart`: nothing is set up; the screen shows the first start.
   * - `starting`: work is in progress; `message` says which.
   * - `ready`: the client runs, with or without a connection, and views can be opened.
   * - `failed`: `message` says what the person can do; the screen shows it with the first start, which can be tried again.
   */
  state: "needsStart" | "starting" | "ready" | "failed";
  /** One sentence for people. */
  message?: string;
  /** The profile's name (`--profile NAME`), `default` without one. */
  profile: string;
  /** A device name to suggest in the link form: the computer's name, followed by the profile's unless it is the default. */
  deviceName: string;
  keyring: KeyringState;
  /** True when this installation's hub is the one inside the app, running or not. */
  local: boolean;
  /** Why the hub inside the app did not start. The history can be read; nothing is sent until the hub runs. */
  hubProblem?: string;
  /** The state of the agent inside the app. */
  agent?: AgentStatus;
  /** Progress of a move to this hub; absent if no move is in progress. `problem` is for people: the move stops until it is retried. */
  moving?: { moved: number; sessions: number; problem?: string };
  version: string;
}

/**
 * - `ok`: the system keyring works.
 * - `missing`: there is none (no service on the bus, no bus).
 * - `noCollection`: the service runs but has no keyring yet.
 * - `locked`: there is a keyring, but it was not unlocked in time.
 * - `file`: the person chose to keep tokens in files.
 * - `unknown`: not asked yet.
 */
export type KeyringState = "ok" | "missing" | "noCollection" | "locked" | "file" | "unknown";

/** The state of the agent inside the app. The messages are for people. */
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
  /** The key goes into the keyring, never into a settings file or a log. `kept`: the key that is kept for this server. */
  apiKey: { type: "none" } | { type: "kept" } | { type: "new"; key: string };
  /** The model's name at that server; absent: the server's first model. */
  model?: string;
}

/** JSON of what `shell_model` returns. */
export interface ModelView {
  baseUrl: string;
  model: string;
  /** Whether a key is kept for the model's server. */
  hasKey: boolean;
}

/** JSON of what `shell_test_model` returns. */
export type ModelTest = { type: "works"; models: string[] } | Extract<ShellResult, { type: "refused" }>;

/** JSON of what `shell_start_local`, `shell_link`, `shell_open_external` and `shell_use_token_file` return: the commands do not reject. */
export type ShellResult =
  | { type: "done" }
  | {
      type: "refused";
      /** What happened, in one sentence for people. */
      message: string;
      /** What the person can do about it; may be empty. */
      hint: string;
    };

/** JSON of an element of `shell_detect_models`. */
export interface DetectedModelServer {
  /** The server's name for people: `Ollama`, `LM Studio`, `llama.cpp`, `Small local model`… */
  name: string;
  /** The base URL for `startLocal`. */
  baseUrl: string;
  /** The models that it offers, the best guess first; may be empty. */
  models: string[];
}

/** JSON of what `shell_network` returns. */
export interface NetworkView {
  state: { type: "off" } | { type: "on"; port: number } | { type: "failed"; message: string };
  /** Where this computer can be reached now; empty without a network. `network` is the interface's name, for example `eth0`. */
  addresses: { host: string; network: string }[];
  /** The address that links carry. */
  host?: string;
  /** False: this computer no longer has that address, but devices that were linked under it look for the hub there. */
  hostIsCurrent: boolean;
  /** Whether the app stays when its window is closed, while the hub is open. */
  staysInBackground: boolean;
  /** All linked devices, the newest first. `isHere`: the app's own device or agent. Times are in milliseconds. */
  devices: NetworkDevice[];
}

export interface NetworkDevice {
  id: string;
  name: string;
  isHere: boolean;
  linkedAt: number;
  seen: { type: "now" } | { type: "at"; at: number } | { type: "notSinceStart" };
}

/** JSON of what `shell_network_link` returns. `qr.path` is the `d` of an SVG path, `qr.size` units per side; `lastsMs` counts from now. */
export type NetworkLinkResult =
  | { type: "made"; link: string; qr?: { size: number; path: string }; lastsMs: number }
  | Extract<ShellResult, { type: "refused" }>;

/** What to do with the conversations at the hub that this device leaves: move them, or keep them in this profile for its return. */
export type Leaving = "move" | "leave";
