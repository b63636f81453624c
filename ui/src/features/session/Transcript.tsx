import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { Button } from "../../components/Button";
import { t } from "../../i18n/i18n";
import { loadOlder } from "../../state/actions";
import type { OpenSession } from "../../state/conversation.logic";
import { useInterface } from "../../state/interface";
import { waitingOf } from "../../state/waiting.logic";
import { announce } from "./announcements";
import { Emptiness } from "./Emptiness";
import { JumpToLatest } from "./JumpToLatest";
import { PendingPrompt } from "./PendingPrompt";
import { Row } from "./Row";
import { useFollowing } from "./useFollowing";
import { useReadMark } from "./useReadMark";
import { useSelectedRows } from "./useSelectedRows";
import { Working } from "./Working";

/** The space above the first row for loading older rows. The virtualizer must know it. */
const HEAD_PX = 48;
/** Within this distance of the first row, older rows load automatically. */
const NEAR_START_PX = 600;

/** The rows of a session. Mounted anew for each opened view. */
export function Transcript({ open }: { open: OpenSession }) {
  const { view, header, rows, appended, prepended } = open;
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<VirtualizerHandle>(null);
  const following = useFollowing({ scroller, appended, revision: open });
  const older = useOlder(open);
  const found = useInterface((state) => state.revealed);
  useReveal(open, (place) => {
    following.leave();
    list.current?.scrollToIndex(place, { align: "center" });
  });
  useReadMark(open, following.mode);
  const selected = useSelectedRows(scroller, rows);
  const { pending } = waitingOf(open);

  const endAsked = useInterface((state) => state.endAsked);
  const endGiven = useRef(endAsked);
  useEffect(() => {
    if (endGiven.current === endAsked) return;
    endGiven.current = endAsked;
    following.jump();
  }, [endAsked, following]);

  // The virtualizer keeps the reading position from the end only in the render that put rows at the start.
  const [seenPrepended, setSeenPrepended] = useState(prepended);
  // oxlint-disable-next-line react/set-state-in-effect -- the flag must be down again after exactly one rendering
  useLayoutEffect(() => setSeenPrepended(prepended), [prepended]);

  const { handlers } = following;
  return (
    // In a low window the queue shrinks before the transcript does.
    <div className="relative min-h-32 grow basis-0">
      <div
        ref={scroller}
        role="region"
        aria-label={t("session.transcript")}
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls must be reachable by keyboard
        tabIndex={0}
        data-testid="transcript"
        data-following={following.mode === "following"}
        className="h-full overflow-x-hidden overflow-y-auto outline-offset-[-2px] [overflow-anchor:none]"
        {...handlers}
        onScroll={() => {
          handlers.onScroll();
          if ((scroller.current?.scrollTop ?? 0) < NEAR_START_PX) older.load();
        }}
      >
        <div className="pb-4">
          <div className="flex h-12 items-center justify-center">
            {header?.hasOlder === true && (
              <Button size="small" tone="quiet" testId="load-older" disabled={older.state === "loading"} onClick={older.load}>
                {t(older.state === "loading" ? "session.loadingOlder" : "session.loadOlder")}
              </Button>
            )}
          </div>
          <Virtualizer
            ref={list}
            scrollRef={scroller}
            startMargin={HEAD_PX}
            bufferSize={600}
            shift={prepended !== seenPrepended}
            data={rows}
            keepMounted={following.mode === "following" ? [...selected, ...lastPlaces(rows.length)] : selected}
            onResize={following.keepEnd}
          >
            {(row) => <Row key={row.id} session={open.session} row={row} mark={row.id === found ? "found" : "none"} onSettled={announce} />}
          </Virtualizer>
          {pending.map((item) => (
            <PendingPrompt key={item.prompt} session={open.session} item={item} />
          ))}
          <Working header={header} last={rows.at(-1)} />
        </div>
      </div>
      {open.painted && rows.length === 0 && !header?.run && !header?.isDeleted && pending.length === 0 && <Emptiness caughtUp={header?.caughtUp === true ? "yes" : "no"} />}
      <JumpToLatest key={view} mode={following.mode} missed={following.missed} onJump={following.jump} />
    </div>
  );
}

/**
 * The last rows stay in the page while the end is followed. If one of them grows by more than a window at once, the end comes into view
 * before the virtualizer knows the new height: it would take the view for one past all rows, remove them, and draw them again a moment
 * later.
 */
const FOLLOWED_ROWS = 3;

function lastPlaces(count: number): number[] {
  return Array.from({ length: Math.min(FOLLOWED_ROWS, count) }, (_, fromEnd) => count - 1 - fromEnd);
}

/** Loads older rows, one step at a time. */
function useOlder({ view, header }: OpenSession) {
  const [state, setState] = useState<"idle" | "loading">("idle");
  const busy = useRef(false);
  const load = () => {
    if (busy.current || header?.hasOlder !== true) return;
    busy.current = true;
    setState("loading");
    void loadOlder(view).finally(() => {
      busy.current = false;
      setState("idle");
    });
  };
  return { state, load };
}

/** Scrolls to the row that a search hit points to, and loads older rows until it is there. */
function useReveal(open: OpenSession, show: (place: number) => void): void {
  const reveal = useInterface((state) => state.reveal);
  const wanted = reveal?.session === open.session ? reveal.row : undefined;
  const { view, header, rows, painted } = open;
  const asking = useRef(false);
  useEffect(() => {
    if (wanted === undefined || !painted || !header) return;
    const place = rows.findIndex((row) => row.id === wanted);
    if (place === -1 && header.hasOlder) {
      if (asking.current) return;
      asking.current = true;
      void loadOlder(view).finally(() => {
        asking.current = false;
      });
      return;
    }
    useInterface.setState({ reveal: undefined, revealed: place === -1 ? undefined : wanted });
    if (place === -1) return;
    // Waits until the virtualizer has seen the rows.
    requestAnimationFrame(() => show(place));
  }, [wanted, painted, header, rows, view, show]);
}
