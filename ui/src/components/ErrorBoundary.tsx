import { Component, type ReactNode } from "react";
import { t } from "../i18n/i18n";
import { Button } from "./Button";

interface State {
  fault: Error | undefined;
}

/** Limits a fault in drawing to one place, and offers to try again. */
export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { fault: undefined };

  static getDerivedStateFromError(fault: unknown): State {
    return { fault: fault instanceof Error ? fault : new Error(String(fault)) };
  }

  override render(): ReactNode {
    const { fault } = this.state;
    if (!fault) return this.props.children;
    return (
      <div role="alert" data-testid="error-boundary" className="m-auto flex max-w-md flex-col items-start gap-3 p-8">
        <h2 className="text-lg font-semibold">{t("problem.crash.title")}</h2>
        <p className="text-ink-muted">{t("problem.crash.body")}</p>
        <pre className="max-h-40 w-full overflow-auto rounded-md bg-code p-3 font-mono text-xs whitespace-pre-wrap">{fault.message}</pre>
        <Button tone="accent" icon="retry" onClick={() => this.setState({ fault: undefined })}>
          {t("problem.crash.reload")}
        </Button>
      </div>
    );
  }
}
