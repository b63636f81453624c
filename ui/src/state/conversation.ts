/** What Rust has told this screen. Only the platform's frames change it. */
import { create } from "zustand";
import { type Conversation, emptyConversation } from "./conversation.logic";
import { type Line, lineOf } from "./line.logic";

export const useConversation = create<Conversation>()(() => emptyConversation);

export function useLine(): Line {
  return useConversation((state) => lineOf(state.connection));
}
