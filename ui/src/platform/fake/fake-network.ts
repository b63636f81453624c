/** The fake's *Use from other devices*. */
import type { NetworkView, Shell, ShellResult } from "../types";

const DONE: ShellResult = { type: "done" };
const LINK = "baton://link?hub=192.168.1.20:47420&code=00112233445566778899aabbccddeeff";

type NetworkShell = Pick<Shell, "network" | "openNetwork" | "closeNetwork" | "chooseHost" | "stayInBackground" | "networkLink" | "revokeDevice" | "quit">;

export function fakeNetwork(): NetworkShell {
  let view: NetworkView = {
    state: { type: "off" },
    addresses: [
      { host: "192.168.1.20", network: "wlan0" },
      { host: "10.8.0.3", network: "tun0" },
    ],
    host: "192.168.1.20",
    hostIsCurrent: true,
    staysInBackground: true,
    devices: [
      { id: "d2", name: "Laptop", isHere: false, linkedAt: Date.now() - 86_400_000, seen: { type: "now" } },
      { id: "d1", name: "Desk-PC", isHere: true, linkedAt: Date.now() - 172_800_000, seen: { type: "now" } },
    ],
  };
  const change = (part: Partial<NetworkView>) => {
    view = { ...view, ...part };
    return Promise.resolve(DONE);
  };
  return {
    network: () => Promise.resolve(view),
    openNetwork: () => change({ state: { type: "on", port: 47420 } }),
    closeNetwork: () => change({ state: { type: "off" } }),
    chooseHost: (host) => change({ host, hostIsCurrent: true }),
    stayInBackground: (choice) => change({ staysInBackground: choice === "stay" }),
    networkLink: () => Promise.resolve({ type: "made", link: LINK, qr: { size: 21, path: "M0 0h7v7h-7zM14 0h7v7h-7zM0 14h7v7h-7z" }, lastsMs: 300_000 }),
    revokeDevice: (id) => change({ devices: view.devices.filter((device) => device.id !== id) }),
    quit: () => Promise.resolve(),
  };
}
