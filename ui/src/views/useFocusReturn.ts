/**
 * Where the keyboard goes when the element that had the focus goes away.
 *
 * A dialog closes, a menu or an editor is put away, a button is disabled by its own press: the browser then gives the focus to the page,
 * and what a person types next is lost. This watches the document instead of each of those places. The focus returns to the last field
 * or control that a person went to with the keyboard, and to the composer where that is gone. A button that was pressed with the mouse is
 * no such place: the space bar would press it again. A person who presses on an empty place has left the focus on purpose, and nothing
 * takes it back.
 */
import { useEffect } from "react";

/** Enough to go back through a few layers; elements that are gone are skipped. */
const HISTORY_MAX = 16;

/** What takes the focus where nothing else can: the composer, or what is in its place. */
const HOME = "[data-focus-home]";
const IN_DIALOG = "dialog[open] :is(input, textarea, select, button):enabled";

export function focusHome(): void {
  const home = document.querySelector<HTMLElement>(IN_DIALOG) ?? document.querySelector<HTMLElement>(HOME);
  home?.focus({ preventScroll: true });
}

export function useFocusReturn(): void {
  useEffect(watchFocus, []);
}

function watchFocus(): () => void {
  const history: HTMLElement[] = [];
  let last: HTMLElement | undefined;

  const onFocusIn = ({ target }: FocusEvent) => {
    if (!(target instanceof HTMLElement)) return;
    last = target;
    const before = history.indexOf(target);
    if (before !== -1) history.splice(before, 1);
    // Text fields always match.
    if (target.matches(":focus-visible")) history.push(target);
    if (history.length > HISTORY_MAX) history.shift();
  };
  const onFocusOut = ({ target }: FocusEvent) => {
    // Some engines say this of an element that is being removed, and before it is.
    queueMicrotask(() => {
      if (hasFocus() || last !== target) return;
      if (canTakeFocus(last)) last = undefined;
      else giveBack();
    });
  };
  const giveBack = () => {
    for (const element of history.toReversed()) {
      if (!canTakeFocus(element)) continue;
      element.focus({ preventScroll: true });
      if (document.activeElement === element) return;
    }
    focusHome();
  };
  const onChange = (changes: MutationRecord[]) => {
    if (last === undefined) return;
    // Children change with every token of an answer: whether an element is drawn, which costs a layout, is asked only after a change that can hide it.
    const mayBeLost = !hasFocus() || changes.some(({ type }) => type === "attributes");
    if (mayBeLost && !canTakeFocus(last)) giveBack();
  };

  const observer = new MutationObserver(onChange);
  document.addEventListener("focusin", onFocusIn);
  document.addEventListener("focusout", onFocusOut);
  observer.observe(document.body, { subtree: true, childList: true, attributeFilter: ["class", "disabled", "hidden", "inert", "open"] });
  return () => {
    observer.disconnect();
    document.removeEventListener("focusin", onFocusIn);
    document.removeEventListener("focusout", onFocusOut);
  };
}

function hasFocus(): boolean {
  return document.activeElement !== null && document.activeElement !== document.body;
}

function canTakeFocus(element: Element | undefined): element is HTMLElement {
  return element !== undefined && element.isConnected && !element.matches(":disabled") && element.closest("[inert]") === null && element.getClientRects().length > 0;
}
