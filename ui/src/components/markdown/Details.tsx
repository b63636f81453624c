import type { ReactNode } from "react";
import { t } from "../../i18n/i18n";
import { useKeptState } from "../kept-state";

/** A `<details>` of a text. Its content is neither drawn nor measured before it is opened. */
export function Details({ summary, children }: { summary: string; children: ReactNode }) {
  const [fold, setFold] = useKeptState<"folded" | "unfolded">("details", "folded");
  const unfolded = fold === "unfolded";
  return (
    <details
      open={unfolded}
      className="block rounded-lg border border-line px-3 py-2"
      // The engine also opens it when a search in the page finds a text inside.
      onToggle={({ currentTarget }) => setFold(currentTarget.open ? "unfolded" : "folded")}
    >
      <summary
        className="cursor-default text-ink-muted"
        onClick={(event) => {
          event.preventDefault();
          setFold(unfolded ? "folded" : "unfolded");
        }}
      >
        {summary || t("details.label")}
      </summary>
      {unfolded && children}
    </details>
  );
}
