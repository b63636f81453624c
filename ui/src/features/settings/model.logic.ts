/** Converts what a person typed about a model into the shell's form. */
import type { ModelOptions, ModelView } from "../../platform/types";

export interface ModelForm {
  baseUrl: string;
  model: string;
  /** Empty: the kept key, if it belongs to this server. */
  apiKey: string;
}

export function modelOptions(form: ModelForm, kept: ModelView): ModelOptions {
  const [key, model] = [form.apiKey.trim(), form.model.trim()];
  const keeps = kept.hasKey && isSameServer(form.baseUrl, kept.baseUrl);
  return {
    baseUrl: form.baseUrl.trim(),
    apiKey: key !== "" ? { type: "new", key } : { type: keeps ? "kept" : "none" },
    ...(model === "" ? {} : { model }),
  };
}

/** Whether a key that is kept for one address may be sent to the other. The shell checks this again. */
export function isSameServer(one: string, other: string): boolean {
  try {
    return new URL(one.trim()).origin === new URL(other.trim()).origin;
  } catch {
    return false;
  }
}
