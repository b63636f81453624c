/** What Rust has told this screen. Written by the platform's frames alone. */
import { create } from "zustand";
import { type Conversation, emptyConversation } from "./conversation.logic";

export const useConversation = create<Conversation>()(() => emptyConversation);
