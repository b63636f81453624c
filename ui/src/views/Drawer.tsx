import { useEffect, useRef } from "react";
import { SessionsList } from "../features/sessions/SessionsList";
import { closeDrawer } from "../state/interface";

/** The list over the session, in a narrow window. It takes the focus; Esc, a choice or a press outside closes it. */
export function Drawer() {
  const list = useRef<HTMLElement>(null);
  useEffect(() => list.current?.focus(), []);
  return (
    <>
      <aside
        ref={list}
        tabIndex={-1}
        data-testid="sidebar"
        className="absolute inset-y-0 start-0 z-30 w-[min(20rem,85vw)] border-e border-line shadow-float outline-none"
      >
        <SessionsList />
      </aside>
      <div aria-hidden="true" className="absolute inset-0 z-20 bg-black/30" onClick={closeDrawer} />
    </>
  );
}
