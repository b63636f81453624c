/**
 * The place of what a person reads while blocks above it are drawn: a drawn block is seldom as high as its text. The engine has no scroll
 * anchoring, and the virtualizer knows rows, not what is inside of them.
 */

/**
 * Changes what is in `changing`, and leaves what stands in view where it is: at once, and again in the same frame when the virtualizer
 * has seen the new height and has moved the scroller for it. The end that is followed is kept by who follows it.
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
    // A person has scrolled since.
    if (scroller.scrollTop !== left) return;
    // Observers are called in the order in which they were made: this one comes after the virtualizer's.
    const observer = new ResizeObserver(() => {
      observer.disconnect();
      keep();
    });
    observer.observe(scroller);
  });
}

/** The first row, or block or chunk of one, that begins in view, and neither changes nor holds what does. */
function anchorIn(scroller: HTMLElement, changing: readonly Element[]): Element | undefined {
  const { top, bottom } = scroller.getBoundingClientRect();
  for (const each of scroller.querySelectorAll("article, .block, .chunk")) {
    const { top: begin } = each.getBoundingClientRect();
    if (begin >= bottom) return undefined;
    if (begin >= top && !changing.some((piece) => piece.contains(each) || each.contains(piece))) return each;
  }
  return undefined;
}
