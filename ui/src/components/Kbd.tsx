/** A key as it is printed on the keyboard. `Mod` is Ctrl, or ⌘ on a Mac. */
export function Kbd({ keys }: { keys: string }) {
  return (
    <span className="inline-flex gap-1">
      {keys.split("+").map((key) => (
        <kbd key={key} className="rounded border border-line-strong/60 bg-raised px-1.5 font-sans text-xs leading-5 text-ink-muted">
          {keyLabel(key)}
        </kbd>
      ))}
    </span>
  );
}

export function keyLabel(key: string): string {
  if (key !== "Mod") return key;
  return isMac() ? "⌘" : "Ctrl";
}

function isMac(): boolean {
  return navigator.userAgent.includes("Mac");
}
