/** A person's choices for this device. */
import { create } from "zustand";
import { loadPreference, savePreference } from "../platform/preferences";

export type Theme = "light" | "dark" | "system";
export type DefaultDelivery = "steer" | "queue";

interface Settings {
  theme: Theme;
  /** What Enter does during a run; Ctrl/Cmd+Enter does the opposite. */
  defaultDelivery: DefaultDelivery;
}

const oneOf = <T extends string>(value: string | undefined, choices: readonly T[], otherwise: T): T =>
  choices.find((choice) => choice === value) ?? otherwise;

export const useSettings = create<Settings>()(() => ({
  theme: oneOf(loadPreference("theme"), ["light", "dark", "system"], "system"),
  defaultDelivery: oneOf(loadPreference("defaultDelivery"), ["steer", "queue"], "steer"),
}));

export function changeSetting<K extends keyof Settings>(key: K, value: Settings[K]): void {
  useSettings.setState({ [key]: value } as Pick<Settings, K>);
  savePreference(key, String(value));
}

/** Keeps the document's theme in step with the choice and the system's theme. Returns a function that stops it. */
export function followTheme(): () => void {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const { theme } = useSettings.getState();
    document.documentElement.dataset.theme = theme === "system" ? (dark.matches ? "dark" : "light") : theme;
  };
  apply();
  dark.addEventListener("change", apply);
  const stop = useSettings.subscribe(apply);
  return () => {
    dark.removeEventListener("change", apply);
    stop();
  };
}
