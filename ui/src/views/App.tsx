import { useEffect, useState } from "react";
import { ErrorBoundary } from "../components/ErrorBoundary";
import { useLasting } from "../components/useLasting";
import { t } from "../i18n/i18n";
import { platform } from "../platform/platform";
import type { ShellStatus } from "../platform/types";
import { connect } from "../state/actions";
import { MainView } from "./MainView";
import { StartView } from "./StartView";

/** Milliseconds between two status requests while the shell is starting. */
const ASK_AGAIN_MS = 300;

/** Shows the first start or the main view, as the shell's status says. */
export function App() {
  const { status, problem, greeted, ask } = useShellStatus();
  if (problem !== undefined) {
    return (
      <main role="alert" className="m-auto flex h-full max-w-md flex-col justify-center gap-2 p-8" data-testid="boot-problem">
        <h1 className="text-lg font-semibold">{t("problem.boot")}</h1>
        <p className="text-ink-muted">{problem}</p>
      </main>
    );
  }
  if (!status) return null;
  // A device that is set up opens its window many times, so it does not show the first start each time.
  if (status.state === "starting" && !greeted) return <Splash message={status.message} />;
  return <ErrorBoundary>{status.state === "ready" ? <Ready /> : <StartView status={status} onAsk={ask} />}</ErrorBoundary>;
}

function Splash({ message }: { message: string | undefined }) {
  const lasting = useLasting(true);
  return (
    <main className="flex h-full items-center justify-center" data-testid="splash">
      <h1 className="sr-only">{t("app.name")}</h1>
      <p role="status" className="text-ink-muted">
        {lasting && (message ?? t("start.starting"))}
      </p>
    </main>
  );
}

/** Receives frames once the client runs. */
function Ready() {
  const [problem, setProblem] = useState<string | undefined>();
  useEffect(() => {
    let wanted = true;
    connectOnce().catch((cause: unknown) => {
      if (wanted) setProblem(String(cause));
    });
    return () => {
      wanted = false;
    };
  }, []);
  if (problem !== undefined) throw new Error(problem);
  return <MainView />;
}

let connecting: Promise<void> | undefined;

function connectOnce(): Promise<void> {
  connecting ??= connect().catch((cause: unknown) => {
    // Drawing the view again then tries again.
    connecting = undefined;
    throw cause;
  });
  return connecting;
}

function useShellStatus() {
  const [status, setStatus] = useState<ShellStatus | undefined>();
  const [problem, setProblem] = useState<string | undefined>();
  const [greeted, setGreeted] = useState(false);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let wanted = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      try {
        const now = await platform().shell.status();
        if (!wanted) return;
        setStatus(now);
        if (now.state === "needsStart" || now.state === "failed") setGreeted(true);
        if (now.state === "starting") timer = setTimeout(() => void look(), ASK_AGAIN_MS);
      } catch (cause) {
        if (wanted) setProblem(String(cause));
      }
    };
    void look();
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [round]);
  return { status, problem, greeted, ask: () => setRound((each) => each + 1) };
}
