/**
 * Where the focus goes when the element that has it disappears.
 *
 * A dialog closes, a menu or an editor is closed, a button is disabled by its own press: the browser then moves the focus to the page, and
 * what a person types next is lost. This code watches the document instead of each of those places. The focus returns to the last field
 * or control that the person reached with the keyboard, or to the composer if that is gone. It never returns to a button that was pressed
 * with the mouse: the space bar would press it again. A person who clicks on an empty place has removed the focus on purpose, so it is not
 * taken back.
 */
import { useEffect } from "react";

/** Enough to go back through a few layers; elements that are gone are skipped. */
const HISTORY_MAX = 16;

/** What takes the focus if nothing else can: the composer, or what replaces it. */
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
    // Some engines also fire this for an element that is being removed, before it is gone.
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
    // Children change with every token of an answer. Whether an element is drawn costs a layout, so it is checked only after a change that
    // can hide it.
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
