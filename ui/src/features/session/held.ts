/** What a person has unfolded in the transcript while following. It stays in view. */

export interface Held {
  control: Element;
  /** The row around the control, for a control that its own press removes. */
  row: Element;
}

export type HeldChange = { type: "unfolds"; held: Held } | { type: "folds" } | { type: "nothing" };

/** Every control that unfolds something is marked, by its role or by `data-unfolds`. */
const FOLD = "[aria-expanded], [aria-pressed], summary, [data-unfolds]";

/** What a press on this element changes. Must be called before the press takes effect. */
export function heldBy(target: EventTarget): HeldChange {
  const control = target instanceof Element ? target.closest(FOLD) : null;
  const row = control?.closest("article");
  if (!control || !row) return { type: "nothing" };
  return isUnfolded(control) ? { type: "folds" } : { type: "unfolds", held: { control, row } };
}

/** The upper edge of what is held, in pixels of the scroller's content; undefined once it is out of the page. */
export function placeOf({ control, row }: Held, scroller: Element): number | undefined {
  const element = control.isConnected ? control : row;
  if (!element.isConnected) return undefined;
  return scroller.scrollTop + element.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
}

function isUnfolded(control: Element): boolean {
  if (control.parentElement instanceof HTMLDetailsElement) return control.parentElement.open;
  return control.getAttribute("aria-expanded") === "true" || control.getAttribute("aria-pressed") === "true";
}
