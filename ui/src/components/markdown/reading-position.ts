/**
 * Keeps the reading position while blocks above it are drawn: a drawn block seldom has the height of its text. The engine has no scroll
 * anchoring, and the virtualizer knows rows, but not what is inside them.
 */

/**
 * Changes the content of `changing`, and keeps what is in view where it is: at once, and again in the same frame after the virtualizer has
 * seen the new height and moved the scroller. If the end is followed, `useFollowing` keeps it instead.
 */
export function keepReadingPosition(scroller: HTMLElement | null, changing: readonly Element[], change: () => void): void {
  const anchor = scroller?.dataset["following"] === "false" ? anchorIn(scroller, changing) : undefined;
  if (!scroller || !anchor) return change();
  const { top } = anchor.getBoundingClientRect();
  const keep = () => {
    if (anchor.isConnected) scroller.scrollTop += anchor.getBoundingClientRect().top - top;
  };
  change();
  keep();
  const left = scroller.scrollTop;
  requestAnimationFrame(() => {
    // The person has scrolled since.
    if (scroller.scrollTop !== left) return;
    // Observers are called in the order of their creation, so this one runs after the virtualizer's.
    const observer = new ResizeObserver(() => {
      observer.disconnect();
      keep();
    });
    observer.observe(scroller);
  });
}

/** The first row, block or chunk that begins in view and neither contains nor is inside a changing element. */
function anchorIn(scroller: HTMLElement, changing: readonly Element[]): Element | undefined {
  const { top, bottom } = scroller.getBoundingClientRect();
  for (const each of scroller.querySelectorAll("article, .block, .chunk")) {
    const { top: begin } = each.getBoundingClientRect();
    if (begin >= bottom) return undefined;
    if (begin >= top && !changing.some((piece) => piece.contains(each) || each.contains(piece))) return each;
  }
  return undefined;
}
