import { IconButton } from "../components/Button";
import { Icon } from "../components/Icon";
import { t } from "../i18n/i18n";
import { useInterface } from "../state/interface";

/** Why an action failed, shown until the person dismisses it, without covering what they read. */
export function ProblemNote() {
  const problem = useInterface((state) => state.problem);
  if (!problem) return null;
  return (
    <div
      role="alert"
      data-testid="problem"
      className="absolute end-4 top-3 z-40 flex max-w-[min(26rem,calc(100vw-2rem))] items-start gap-2.5 rounded-lg border border-bad/50 bg-raised py-2.5 ps-3.5 pe-2 shadow-float"
    >
      <Icon name="alert" className="mt-0.5 text-bad" />
      <p className="min-w-0 grow break-words">
        <span className="font-medium">{problem.message}</span>
        {problem.hint !== "" && <span className="block text-ink-muted">{problem.hint}</span>}
      </p>
      <IconButton
        icon="close"
        label={t("common.dismiss")}
        testId="problem-dismiss"
        onClick={() => useInterface.setState({ problem: undefined })}
      />
    </div>
  );
}
