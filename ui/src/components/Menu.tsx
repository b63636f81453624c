import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { Icon, type IconName } from "./Icon";

export interface MenuItem {
  id: string;
  label: string;
  hint?: string;
  icon?: IconName;
  onSelect: () => void;
}

interface Props {
  /** The accessible name of the button that opens it. */
  label: string;
  items: readonly MenuItem[];
  testId: string;
  className?: string;
}

/** A small button that opens a list of actions above it. Arrow keys move, Esc closes. `useFocusReturn` gives the focus back. */
export function Menu({ label, items, testId, className = "" }: Props) {
  const [shown, setShown] = useState<"open" | "closed">("closed");
  const root = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const close = () => setShown("closed");

  useEffect(() => {
    if (shown === "closed") return undefined;
    list.current?.querySelector<HTMLElement>("[role=menuitem]")?.focus();
    const outside = (event: PointerEvent) => {
      if (event.target instanceof Node && !root.current?.contains(event.target)) setShown("closed");
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [shown]);

  const onKeyDown = (event: KeyboardEvent) => {
    const entries = [...(list.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
    const at = entries.findIndex((entry) => entry === document.activeElement);
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      entries[(at + step + entries.length) % entries.length]?.focus();
    } else if (event.key === "Tab") {
      close();
    }
  };

  return (
    <div ref={root} className="relative flex">
      <button
        type="button"
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={shown === "open"}
        aria-controls={id}
        data-testid={testId}
        className={className}
        onClick={() => setShown(shown === "open" ? "closed" : "open")}
      >
        <Icon name="chevronDown" className="size-3.5" />
      </button>
      {shown === "open" && (
        // oxlint-disable-next-line jsx-a11y/interactive-supports-focus -- its items hold the focus
        <div
          ref={list}
          id={id}
          role="menu"
          aria-label={label}
          className="absolute end-0 bottom-full z-20 mb-1.5 w-max min-w-48 rounded-lg border border-line bg-raised p-1 text-ink shadow-float"
          onKeyDown={onKeyDown}
        >
          {items.map((item) => (
            <button
              key={item.id}
              type="button"
              role="menuitem"
              tabIndex={-1}
              data-testid={`${testId}-${item.id}`}
              className="flex w-full items-center gap-2 rounded-md px-2 py-1.5 text-start hover:bg-hover focus:bg-hover"
              onClick={() => {
                close();
                item.onSelect();
              }}
            >
              {item.icon && <Icon name={item.icon} className="text-ink-muted" />}
              <span className="flex flex-col">
                <span>{item.label}</span>
                {item.hint !== undefined && <span className="text-xs text-ink-muted">{item.hint}</span>}
              </span>
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
