import { type ReactNode, useEffect, useId, useRef } from "react";
import { t } from "../i18n/i18n";
import { IconButton } from "./Button";

interface Props {
  title: string;
  /** `bare` has no heading: the title is only its label. */
  frame?: "titled" | "bare";
  testId: string;
  onClose: () => void;
  children: ReactNode;
}

/** A modal dialog. It is the platform's own: focus stays in it, Esc closes it, and focus then returns to where it was. */
export function Dialog({ title, frame = "titled", testId, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal();
    return () => element?.close();
  }, []);
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/click-events-have-key-events -- a press beside it closes; Esc is the keyboard's way
    <dialog
      ref={dialog}
      data-testid={testId}
      {...(frame === "titled" ? { "aria-labelledby": heading } : { "aria-label": title })}
      className="m-auto mt-[min(14vh,8rem)] max-h-[75vh] w-[min(34rem,calc(100vw-2rem))] overflow-hidden rounded-xl border border-line bg-raised p-0 text-ink shadow-float"
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
    >
      <div className="flex max-h-[75vh] flex-col">
        {frame === "titled" && (
          <header className="flex items-center justify-between border-b border-line py-2.5 ps-5 pe-3">
            <h2 id={heading} className="text-read font-semibold">
              {title}
            </h2>
            <IconButton icon="close" label={t("common.close")} testId={`${testId}-close`} onClick={onClose} />
          </header>
        )}
        {children}
      </div>
    </dialog>
  );
}
