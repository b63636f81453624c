import { SessionComposer } from "../features/composer/SessionComposer";
import { QueuePanel } from "../features/queue/QueuePanel";
import { DeletedSession } from "../features/session/DeletedSession";
import { LiveLog } from "../features/session/LiveLog";
import { SessionBar } from "../features/session/SessionBar";
import { Transcript } from "../features/session/Transcript";
import type { OpenSession } from "../state/conversation.logic";

/** One session: its transcript, its queue and its composer. */
export function SessionView({ open }: { open: OpenSession }) {
  return (
    <section className="flex min-h-0 grow flex-col" data-testid="session" data-session={open.session}>
      <SessionBar open={open} />
      <Transcript key={open.view} open={open} />
      <LiveLog open={open} />
      <div className="mx-auto flex min-h-0 w-full max-w-[48rem] flex-col px-4 pb-3">
        <QueuePanel open={open} />
        {open.header?.isDeleted === true ? <DeletedSession session={open.session} /> : <SessionComposer open={open} />}
      </div>
    </section>
  );
}
