/** What the shell says of itself, for those who show it while the window is open. */
import { useEffect } from "react";
import { create } from "zustand";
import { platform } from "../platform/platform";
import type { ShellResult, ShellStatus } from "../platform/types";
import { showProblem } from "./interface";

/** Milliseconds between two requests while a view shows it. The answer costs the shell nothing. */
const ASK_AGAIN_MS = 2000;

const useStatus = create<{ status: ShellStatus | undefined }>()(() => ({ status: undefined }));

export async function askShell(): Promise<void> {
  useStatus.setState({ status: await platform().shell.status() });
}

/** The newest status; asked again every two seconds while a component uses it. */
export function useShellStatus(): ShellStatus | undefined {
  useEffect(() => {
    const ask = () => {
      // A shell that does not answer is told of by what the person does next.
      askShell().catch(() => {});
    };
    ask();
    const timer = setInterval(ask, ASK_AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  return useStatus((state) => state.status);
}

/** Does something at the shell that a person asked for, says what went wrong, and asks for the status again. */
export async function perform(work: Promise<ShellResult>): Promise<boolean> {
  const result = await work.catch((cause: unknown): ShellResult => ({ type: "refused", message: String(cause), hint: "" }));
  if (result.type === "refused") showProblem(result.message, result.hint);
  await askShell().catch(() => {});
  return result.type === "done";
}
