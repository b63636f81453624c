/** The time as the hub has it. What a hub recorded is compared with this, never with the clock of this device. */
import { useNow } from "../components/useNow";
import { useConversation } from "./conversation";

/** As `useNow`, by the hub's clock; by this device's until a hub has said. */
export function useHubNow(ticking: "ticking" | "still"): number {
  const offsetMs = useConversation((state) => state.connection?.clockOffsetMs ?? 0);
  return useNow(ticking) + offsetMs;
}
