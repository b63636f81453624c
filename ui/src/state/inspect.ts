/** `window.__batonInspect()`: a copy of what the screen holds, for end-to-end tests. Changing it has no effect. */
import { useConversation } from "./conversation";
import type { Conversation } from "./conversation.logic";
import { type Place, useInterface } from "./interface";

declare global {
  interface Window {
    __batonInspect?: () => Conversation & { place: Place };
  }
}

export function offerInspection(): void {
  window.__batonInspect = () => structuredClone({ ...useConversation.getState(), place: useInterface.getState().place });
}
