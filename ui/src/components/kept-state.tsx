/**
 * State that survives scrolling: a row is removed from the page when it leaves the window, and gets its folds and half-written texts back
 * when it returns.
 *
 * Kept in memory by the scope's id and a name within it; outside a scope it is plain state.
 */
import { createContext, useContext, useState } from "react";

/** The id of the surrounding row, unique among all rows that this window can show. */
export const KeptScope = createContext<string | undefined>(undefined);

/** Enough for every row that a person has touched in a long day; the oldest entries are dropped first. */
const KEPT_MAX = 2_000;

const kept = new Map<string, string>();

/** Like `useState`, for a word or a text. `name` is unique within its row. */
export function useKeptState<T extends string>(name: string, initial: T): [T, (next: T) => void] {
  const scope = useContext(KeptScope);
  const key = scope === undefined ? undefined : `${scope}/${name}`;
  const [value, setValue] = useState<T>(() => ((key !== undefined && kept.get(key)) || initial) as T);
  const change = (next: T) => {
    setValue(next);
    if (key !== undefined) keep(key, next, initial);
  };
  return [value, change];
}

function keep(key: string, value: string, initial: string): void {
  kept.delete(key);
  if (value === initial) return;
  kept.set(key, value);
  const [oldest] = kept.keys();
  if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest);
}
