import { useEffect, useRef, useState } from "react";
import type { SessionRowState } from "../../generated/SessionRowState";
import { markRead } from "../../state/actions";
import { useConversation } from "../../state/conversation";
import type { OpenSession } from "../../state/conversation.logic";

/** The read mark moves only if a list shows the session as unread: each mark is an intent that the hub must store. */
const UNREAD: readonly SessionRowState["type"][] = ["unread", "failed", "needsYou"];

/** How long the end must be in view before it counts as read. */
const READ_AFTER_MS = 150;

/** Moves the read mark if the window has the focus and the end is in view: once when a run has ended, not with every token. */
export function useReadMark({ session, header, painted }: OpenSession, mode: "following" | "reading"): void {
  const focused = useWindowFocus();
  const marked = useRef(0);
  const seq = header?.seq ?? 0;
  const unread = useConversation((state) => state.sessions?.some((row) => row.session === session && UNREAD.includes(row.state.type)) === true);
  const settled = unread && painted && header !== undefined && header.run === undefined;
  useEffect(() => {
    if (!settled || focused === "elsewhere" || mode === "reading" || seq <= marked.current) return undefined;
    const timer = setTimeout(() => {
      marked.current = seq;
      void markRead(session, seq);
    }, READ_AFTER_MS);
    return () => clearTimeout(timer);
  }, [session, seq, settled, focused, mode]);
}

function useWindowFocus(): "here" | "elsewhere" {
  const [focus, setFocus] = useState<"here" | "elsewhere">(() => (document.hasFocus() ? "here" : "elsewhere"));
  useEffect(() => {
    const here = () => setFocus("here");
    const elsewhere = () => setFocus("elsewhere");
    window.addEventListener("focus", here);
    window.addEventListener("blur", elsewhere);
    return () => {
      window.removeEventListener("focus", here);
      window.removeEventListener("blur", elsewhere);
    };
  }, []);
  return focus;
}
