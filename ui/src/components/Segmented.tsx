import { useId } from "react";
import { Icon, type IconName } from "./Icon";

export interface Choice<T extends string> {
  value: T;
  label: string;
  icon?: IconName;
  hint?: string;
  available?: "yes" | "no";
}

interface Props<T extends string> {
  label: string;
  value: T;
  choices: readonly Choice<T>[];
  testId: string;
  size?: "normal" | "small";
  onChange: (value: T) => void;
}

/** A choice from a few options, all in view. They are native radio buttons, so arrow keys work. */
export function Segmented<T extends string>({ label, value, choices, testId, size = "normal", onChange }: Props<T>) {
  const name = useId();
  const scale = size === "normal" ? "min-h-8 px-3" : "min-h-6.5 px-2 text-sm";
  return (
    <div role="radiogroup" aria-label={label} data-testid={testId} data-value={value} className="inline-flex flex-wrap rounded-md bg-hover p-0.5">
      {choices.map((choice) => (
        <label
          key={choice.value}
          title={choice.hint}
          className={`inline-flex items-center gap-1.5 rounded whitespace-nowrap text-ink-muted has-checked:bg-raised has-checked:text-ink has-checked:shadow-sm has-disabled:line-through has-focus-visible:outline-2 has-focus-visible:outline-accent ${scale}`}
        >
          <input
            type="radio"
            className="sr-only"
            name={name}
            data-testid={`${testId}-${choice.value}`}
            checked={choice.value === value}
            disabled={choice.available === "no"}
            onChange={() => onChange(choice.value)}
          />
          {choice.icon && <Icon name={choice.icon} className="size-3.5" />}
          {choice.label}
        </label>
      ))}
    </div>
  );
}
