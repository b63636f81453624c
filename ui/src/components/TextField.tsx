import { type InputHTMLAttributes, useId } from "react";

interface Props extends InputHTMLAttributes<HTMLInputElement> {
  label: string;
  hint?: string;
  problem?: string | undefined;
  testId: string;
}

export function TextField({ label, hint, problem, testId, className = "", ...rest }: Props) {
  const id = useId();
  const below = problem ?? hint;
  return (
    <div className={`flex flex-col gap-1 ${className}`}>
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      <input
        id={id}
        data-testid={testId}
        dir="auto"
        aria-invalid={problem !== undefined}
        {...(below === undefined ? {} : { "aria-describedby": `${id}-below` })}
        className="h-9 rounded-md border border-line-strong bg-canvas px-2.5 text-read placeholder:text-ink-muted aria-invalid:border-bad"
        {...rest}
      />
      {below !== undefined && (
        <p id={`${id}-below`} className={`text-sm ${problem === undefined ? "text-ink-muted" : "text-bad"}`}>
          {below}
        </p>
      )}
    </div>
  );
}
