/** What the line to the hub means for a person: whether what they do goes out now, later, or not at all. */
import type { ConnectionView } from "../generated/ConnectionView";

/** `refused`: this device has no access, so nothing that it does is ever sent. */
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
