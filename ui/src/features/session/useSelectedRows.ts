/** Keeps the rows of a text selection in the page: if they left it, the selection would end. */
import { type RefObject, useEffect, useState } from "react";
import type { TranscriptRow } from "../../generated/TranscriptRow";

/** Beyond this many rows only the first and last one are kept: each costs as much as a row in view. */
const KEPT_ROWS_MAX = 200;

interface Ends {
  anchor: string;
  focus: string;
}

/** The indexes of the selected rows in `rows`. */
export function useSelectedRows(scroller: RefObject<HTMLElement | null>, rows: readonly TranscriptRow[]): number[] {
  const [ends, setEnds] = useState<Ends | undefined>();
  useEffect(() => {
    const look = () => setEnds((before) => same(before, endsIn(scroller.current)));
    document.addEventListener("selectionchange", look);
    return () => document.removeEventListener("selectionchange", look);
  }, [scroller]);
  return ends ? placesBetween(rows, ends) : [];
}

function endsIn(scroller: HTMLElement | null): Ends | undefined {
  const selection = document.getSelection();
  if (!scroller || !selection || selection.isCollapsed) return undefined;
  const anchor = rowOf(selection.anchorNode, scroller);
  const focus = rowOf(selection.focusNode, scroller);
  return anchor === undefined || focus === undefined ? undefined : { anchor, focus };
}

function rowOf(node: Node | null, scroller: HTMLElement): string | undefined {
  const element = node instanceof Element ? node : node?.parentElement;
  if (!element || !scroller.contains(element)) return undefined;
  return element.closest("article")?.dataset.row;
}

/** Returns the same object if nothing changed, so that nothing renders again. */
function same(before: Ends | undefined, now: Ends | undefined): Ends | undefined {
  return before?.anchor === now?.anchor && before?.focus === now?.focus ? before : now;
}

export function placesBetween(rows: readonly TranscriptRow[], { anchor, focus }: Ends): number[] {
  const places = [anchor, focus].map((id) => rows.findIndex((row) => row.id === id)).filter((place) => place !== -1);
  const [first, last] = [Math.min(...places), Math.max(...places)];
  if (places.length < 2 || last - first >= KEPT_ROWS_MAX) return [...new Set(places)];
  return Array.from({ length: last - first + 1 }, (_, step) => first + step);
}
