import { useEffect } from "react";
import { ErrorBoundary } from "../components/ErrorBoundary";
import { OpenLinkContext } from "../components/markdown/open-link";
import { ConnectionLine } from "../features/connection/ConnectionLine";
import { OpaqueIntents } from "../features/connection/OpaqueIntents";
import { SessionsList } from "../features/sessions/SessionsList";
import { useConversation } from "../state/conversation";
import { closeDrawer, showDialog, useInterface } from "../state/interface";
import { useNarrow } from "../state/narrow";
import { Dialogs } from "./Dialogs";
import { Drawer } from "./Drawer";
import { NewSessionView } from "./NewSessionView";
import { ProblemNote } from "./ProblemNote";
import { SessionView } from "./SessionView";
import { useFocusReturn } from "./useFocusReturn";
import { useShortcuts } from "./useShortcuts";

const openAddress = (url: string) => showDialog({ type: "openAddress", url });

/** The list, a session or a new one, and the state of the connection to the hub. */
export function MainView() {
  const place = useInterface((state) => state.place);
  const sidebar = useInterface((state) => state.sidebar);
  const drawer = useInterface((state) => state.drawer);
  const open = useConversation((state) => state.open);
  const narrow = useNarrow();
  useShortcuts();
  useFocusReturn();
  // A window that is made wide and then narrow again shows the session, not the list.
  useEffect(() => {
    if (!narrow) closeDrawer();
  }, [narrow]);
  const covered = narrow && drawer === "open";
  return (
    <OpenLinkContext value={openAddress}>
      <div className="flex h-full flex-col">
        <div className="relative flex min-h-0 grow">
          {covered && <Drawer />}
          {!narrow && sidebar === "shown" && (
            <aside data-testid="sidebar" className="w-68 shrink-0 border-e border-line">
              <SessionsList />
            </aside>
          )}
          <main inert={covered} className="@container flex min-w-0 grow flex-col">
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
    </OpenLinkContext>
  );
}
