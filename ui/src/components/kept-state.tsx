/**
 * State of what is scrolled: a row leaves the page when it leaves the window, and its folds and half-written words come back with it.
 *
 * Kept in memory by the scope's id and a name inside it; outside of a scope it is plain state.
 */
import { createContext, useContext, useState } from "react";

/** The id of the row around, unique among all rows that this window can show. */
export const KeptScope = createContext<string | undefined>(undefined);

/** The oldest go first: enough for every row that a person has touched in a long day. */
const KEPT_MAX = 2_000;

const kept = new Map<string, string>();

/** Like `useState`, for a word or a text. `name` is unique in its row. */
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
