import { useState } from "react";
import { ErrorBoundary } from "../components/ErrorBoundary";
import { OpenLinkContext } from "../components/markdown/open-link";
import { ConnectionLine } from "../features/connection/ConnectionLine";
import { OpaqueIntents } from "../features/connection/OpaqueIntents";
import { SessionsList } from "../features/sessions/SessionsList";
import { useConversation } from "../state/conversation";
import { useInterface } from "../state/interface";
import { Dialogs } from "./Dialogs";
import { LinkDialog } from "./LinkDialog";
import { NewSessionView } from "./NewSessionView";
import { ProblemNote } from "./ProblemNote";
import { SessionView } from "./SessionView";
import { useShortcuts } from "./useShortcuts";

/** Below this the list covers the session instead of standing beside it. */
const NARROW = "(max-width: 767px)";

/** The list, a session or a new one, and the line to the hub. */
export function MainView() {
  const place = useInterface((state) => state.place);
  const sidebar = useInterface((state) => state.sidebar);
  const open = useConversation((state) => state.open);
  const [link, setLink] = useState<string | undefined>();
  useShortcuts();
  const hideWhereNarrow = () => {
    if (window.matchMedia(NARROW).matches) useInterface.setState({ sidebar: "hidden" });
  };
  return (
    <OpenLinkContext value={setLink}>
      <div className="flex h-full flex-col">
        <div className="relative flex min-h-0 grow">
          {sidebar === "shown" && (
            <aside
              data-testid="sidebar"
              className="w-68 shrink-0 border-e border-line max-md:absolute max-md:inset-y-0 max-md:start-0 max-md:z-30 max-md:w-[min(20rem,85vw)] max-md:shadow-float"
            >
              <SessionsList onChosen={hideWhereNarrow} />
            </aside>
          )}
          {sidebar === "shown" && (
            <div aria-hidden="true" className="absolute inset-0 z-20 bg-black/30 md:hidden" onClick={hideWhereNarrow} />
          )}
          <main className="flex min-w-0 grow flex-col">
            <ErrorBoundary key={place.type === "session" ? place.session : "new"}>
              {place.type === "session" ? open && <SessionView open={open} /> : <NewSessionView />}
            </ErrorBoundary>
          </main>
          <ProblemNote />
        </div>
        <OpaqueIntents />
        <ConnectionLine />
      </div>
      <Dialogs />
      {link !== undefined && <LinkDialog url={link} onClose={() => setLink(undefined)} />}
    </OpenLinkContext>
  );
}
