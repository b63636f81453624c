/** What the connection to the hub means for a person: their actions go out now, later, or not at all. */
import type { ConnectionView } from "../generated/ConnectionView";

/** `refused`: this device has no access, so nothing from it is ever sent. */
export type Line = "up" | "down" | "refused";

export function lineOf(connection: ConnectionView | undefined): Line {
  switch (connection?.phase) {
    case "reconnecting":
    case "stale":
      return "down";
    case "refused":
      return "refused";
    default:
      return "up";
  }
}
