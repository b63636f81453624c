/** The desktop platform: requests go through the shell's commands, frames come through one channel. */
import { Channel, invoke } from "@tauri-apps/api/core";
import type { ViewFrame } from "../../generated/ViewFrame";
import type { ViewResponse } from "../../generated/ViewResponse";
import type { DetectedModelServer, ModelTest, ModelView, NetworkLinkResult, NetworkView, Platform, ShellResult, ShellStatus } from "../types";

export const tauriPlatform: Platform = {
  kind: "tauri",
  request: (request) => invoke<ViewResponse>("view_request", { request }),
  async onFrame(receive) {
    const channel = new Channel<ViewFrame>();
    let wanted = true;
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a Tauri channel has no other way
    channel.onmessage = (frame) => {
      if (wanted) receive(frame);
    };
    await invoke("view_connect", { channel });
    return () => {
      wanted = false;
    };
  },
  shell: {
    status: () => invoke<ShellStatus>("shell_status"),
    startLocal: (options) => invoke<ShellResult>("shell_start_local", { options }),
    linkToHub: (link, deviceName, leaving) => invoke<ShellResult>("shell_link", { link, deviceName, leaving }),
    moveAgain: () => invoke<ShellResult>("shell_move_again"),
    detectModelServers: () => invoke<DetectedModelServer[]>("shell_detect_models"),
    openExternal: (url) => invoke<ShellResult>("shell_open_external", { url }),
    keepTokenInFile: () => invoke<ShellResult>("shell_use_token_file"),
    setUpKeyring: () => invoke<ShellResult>("shell_set_up_keyring"),
    unlockKeyring: () => invoke<ShellResult>("shell_unlock_keyring"),
    startAgain: () => invoke<ShellResult>("shell_start_again"),
    openLog: () => invoke<ShellResult>("shell_open_log"),
    model: () => invoke<ModelView | null>("shell_model"),
    testModel: (options) => invoke<ModelTest>("shell_test_model", { options }),
    changeModel: (options) => invoke<ShellResult>("shell_change_model", { options }),
    network: () => invoke<NetworkView | null>("shell_network"),
    openNetwork: () => invoke<ShellResult>("shell_open_network"),
    closeNetwork: () => invoke<ShellResult>("shell_close_network"),
    chooseHost: (host) => invoke<ShellResult>("shell_choose_host", { host }),
    stayInBackground: (choice) => invoke<ShellResult>("shell_stay_in_background", { choice }),
    networkLink: () => invoke<NetworkLinkResult>("shell_network_link"),
    revokeDevice: (id) => invoke<ShellResult>("shell_revoke_device", { id }),
    quit: () => invoke<void>("shell_quit"),
  },
};
