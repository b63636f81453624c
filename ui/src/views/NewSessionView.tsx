import { IconButton } from "../components/Button";
import { NewSessionComposer } from "../features/composer/NewSessionComposer";
import { t } from "../i18n/i18n";
import { toggleSidebar, useListHidden } from "../state/interface";

export function NewSessionView() {
  const listHidden = useListHidden();
  return (
    <section className="flex min-h-0 grow flex-col" data-testid="new-session-view">
      <header className="flex h-13 shrink-0 items-center px-3">
        {listHidden && <IconButton icon="sidebar" label={t("sessions.show")} testId="sidebar-show" onClick={toggleSidebar} />}
      </header>
      <div className="mx-auto flex w-full max-w-[44rem] grow flex-col justify-center gap-5 px-4 pb-[18vh]">
        <h1 className="px-2 text-xl font-semibold tracking-tight">{t("new.title")}</h1>
        <NewSessionComposer />
      </div>
    </section>
  );
}
