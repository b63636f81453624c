/** The hub's clock. Times that a hub recorded are compared with it, never with this device's clock. */
import { useNow } from "../components/useNow";
import { useConversation } from "./conversation";

/** Like `useNow`, by the hub's clock; by this device's clock until the hub has reported its time. */
export function useHubNow(ticking: "ticking" | "still"): number {
  const offsetMs = useConversation((state) => state.connection?.clockOffsetMs ?? 0);
  return useNow(ticking) + offsetMs;
}
