import type { ButtonHTMLAttributes, Ref } from "react";
import { Icon, type IconName } from "./Icon";

export type ButtonTone = "accent" | "plain" | "quiet" | "bad";

const TONES: Record<ButtonTone, string> = {
  accent: "bg-accent text-accent-ink enabled:hover:brightness-110",
  plain: "border border-line-strong/60 bg-raised text-ink enabled:hover:bg-hover",
  quiet: "text-ink-muted enabled:hover:bg-hover enabled:hover:text-ink",
  bad: "border border-bad/60 bg-raised text-bad enabled:hover:bg-bad-soft",
};

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  tone?: ButtonTone;
  size?: "normal" | "small";
  icon?: IconName | undefined;
  testId?: string;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({ tone = "plain", size = "normal", icon, testId, className = "", children, ...rest }: Props) {
  const scale = size === "normal" ? "h-8 px-3 text-base" : "h-6.5 px-2 text-sm";
  return (
    <button
      type="button"
      data-testid={testId}
      className={`inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md font-medium whitespace-nowrap disabled:opacity-55 ${scale} ${TONES[tone]} ${className}`}
      {...rest}
    >
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface IconButtonProps extends Omit<Props, "children" | "tone" | "size"> {
  icon: IconName;
  /** The button's action in words: its accessible name and its tooltip. */
  label: string;
  /** What the action applies to, if several buttons have the same label; for screen readers only. */
  about?: string;
}

export function IconButton({ icon, label, about, testId, className = "", ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={about === undefined ? label : `${label}: ${about}`}
      title={label}
      data-testid={testId}
      className={`inline-flex size-7 shrink-0 items-center justify-center rounded-md text-ink-muted enabled:hover:bg-hover enabled:hover:text-ink disabled:opacity-40 ${className}`}
      {...rest}
    >
      <Icon name={icon} />
    </button>
  );
}
