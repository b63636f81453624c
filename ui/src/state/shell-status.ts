/** The shell's own status, for views that show it while the window is open. */
import { useEffect } from "react";
import { create } from "zustand";
import { platform } from "../platform/platform";
import type { ShellResult, ShellStatus } from "../platform/types";
import { showProblem } from "./interface";

/** Milliseconds between two requests while a view shows the status. An answer costs the shell nothing. */
const ASK_AGAIN_MS = 2000;

const useStatus = create<{ status: ShellStatus | undefined }>()(() => ({ status: undefined }));

export async function askShell(): Promise<void> {
  useStatus.setState({ status: await platform().shell.status() });
}

/** The newest status, requested again every two seconds while a component uses it. */
export function useShellStatus(): ShellStatus | undefined {
  useEffect(() => {
    const ask = () => {
      // If the shell does not answer, the person's next action reports it.
      askShell().catch(() => {});
    };
    ask();
    const timer = setInterval(ask, ASK_AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  return useStatus((state) => state.status);
}

/** Awaits a shell command for the person, shows what went wrong, and requests the status again. */
export async function perform(work: Promise<ShellResult>): Promise<boolean> {
  const result = await work.catch((cause: unknown): ShellResult => ({ type: "refused", message: String(cause), hint: "" }));
  if (result.type === "refused") showProblem(result.message, result.hint);
  await askShell().catch(() => {});
  return result.type === "done";
}
