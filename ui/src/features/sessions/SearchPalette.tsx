import { useEffect, useRef, useState } from "react";
import { Dialog } from "../../components/Dialog";
import { Icon, type IconName } from "../../components/Icon";
import { t } from "../../i18n/i18n";
import { openSession, search, type Found } from "../../state/actions";
import { useConversation } from "../../state/conversation";
import { useInterface } from "../../state/interface";
import { excerptPieces, matchingSessions, STATE_LOOKS } from "./sessions.logic";

/** An action that the palette offers next to sessions and messages; the view provides them. */
export interface PaletteAction {
  id: string;
  label: string;
  icon: IconName;
  perform: () => void;
}

interface Entry {
  id: string;
  group: "sessions" | "messages" | "actions";
  icon: IconName;
  title: string;
  excerpt?: string;
  choose: () => void;
}

const TYPING_PAUSE_MS = 120;
const SESSIONS_MAX = 8;

export function SearchPalette({ actions, onClose }: { actions: readonly PaletteAction[]; onClose: () => void }) {
  const sessions = useConversation((state) => state.sessions);
  const [query, setQuery] = useState("");
  const { hits, note, asking } = useFound(query);
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement>(null);

  const entries: Entry[] = [
    ...matchingSessions(sessions ?? [], query)
      .slice(0, SESSIONS_MAX)
      .map(
        (row): Entry => ({
          id: row.session,
          group: "sessions",
          icon: STATE_LOOKS[row.state.type].icon,
          title: row.title,
          choose: () => void openSession(row.session),
        }),
      ),
    ...hits.map(
      (hit): Entry => ({
        id: `${hit.session}-${hit.row}`,
        group: "messages",
        icon: "thought",
        title: hit.title,
        excerpt: hit.excerpt,
        choose: () => {
          useInterface.setState({ reveal: { session: hit.session, row: hit.row } });
          void openSession(hit.session);
        },
      }),
    ),
    ...actions
      .filter((action) => action.label.toLowerCase().includes(query.trim().toLowerCase()))
      .map((action): Entry => ({ id: action.id, group: "actions", icon: action.icon, title: action.label, choose: action.perform })),
  ];
  const current = Math.min(at, entries.length - 1);

  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [current]);

  const choose = (entry: Entry | undefined) => {
    if (!entry) return;
    onClose();
    entry.choose();
  };

  return (
    <Dialog title={t("palette.label")} frame="bare" testId="palette" onClose={onClose}>
      <div className="flex items-center gap-2.5 border-b border-line px-4">
        <Icon name="search" className="text-ink-muted" />
        <input
          // oxlint-disable-next-line jsx-a11y/no-autofocus -- a search is opened to be typed in
          autoFocus
          role="combobox"
          aria-expanded="true"
          aria-controls="palette-list"
          aria-activedescendant={entries[current] ? `palette-${entries[current].id}` : undefined}
          aria-label={t("palette.label")}
          data-testid="palette-input"
          dir="auto"
          value={query}
          placeholder={t("palette.placeholder")}
          className="h-12 grow bg-transparent text-read outline-none placeholder:text-ink-muted"
          onChange={(event) => {
            setQuery(event.target.value);
            setAt(0);
          }}
          onKeyDown={(event) => {
            if (event.nativeEvent.isComposing || event.keyCode === 229) return;
            if (event.key === "ArrowDown") setAt(Math.min(current + 1, entries.length - 1));
            else if (event.key === "ArrowUp") setAt(Math.max(current - 1, 0));
            else if (event.key === "Enter") choose(entries[current]);
            else return;
            event.preventDefault();
          }}
        />
      </div>
      <div ref={list} id="palette-list" role="listbox" aria-label={t("palette.label")} className="min-h-0 overflow-y-auto p-2">
        {entries.map((entry, place) => (
          <div key={`${entry.group}-${entry.id}`}>
            {entries[place - 1]?.group !== entry.group && (
              <p className="px-2.5 pt-2 pb-1 text-xs font-medium text-ink-muted">{t(`palette.${entry.group}`)}</p>
            )}
            {/* oxlint-disable-next-line jsx-a11y/click-events-have-key-events -- the input has the keys */}
            <div
              id={`palette-${entry.id}`}
              role="option"
              tabIndex={-1}
              aria-selected={place === current}
              data-testid={`palette-${entry.group}-${entry.id}`}
              className="flex items-start gap-2.5 rounded-md px-2.5 py-1.5 aria-selected:bg-accent-soft"
              onPointerMove={() => setAt(place)}
              onClick={() => choose(entry)}
            >
              <Icon name={entry.icon} className="mt-0.5 text-ink-muted" />
              <span className="min-w-0 grow">
                <span className="block truncate" dir="auto">
                  {entry.title === "" ? t("sessions.untitled") : entry.title}
                </span>
                {entry.excerpt !== undefined && <Excerpt text={entry.excerpt} />}
              </span>
            </div>
          </div>
        ))}
        {note !== undefined && (
          <p role="status" data-testid="palette-note" className="px-2.5 py-3 text-sm text-ink-muted">
            {t(`palette.note.${note}`)}
          </p>
        )}
        {entries.length === 0 && (asking || note === undefined || note === "stillIndexing") && (
          <p className="px-2.5 py-3 text-ink-muted">{t(asking ? "palette.searching" : "palette.nothing")}</p>
        )}
      </div>
    </Dialog>
  );
}

function Excerpt({ text }: { text: string }) {
  return (
    <span className="line-clamp-2 text-sm text-ink-muted" dir="auto">
      {excerptPieces(text).map((piece, place) =>
        piece.matched === "yes" ? (
          <mark key={place} className="bg-transparent font-semibold text-ink">
            {piece.text}
          </mark>
        ) : (
          piece.text
        ),
      )}
    </span>
  );
}

/** Searches after a pause in typing. Results for an older query are dropped. */
function useFound(query: string): Found & { asking: boolean } {
  const [found, setFound] = useState<Found & { query: string }>({ query: "", hits: [] });
  const words = query.trim();
  useEffect(() => {
    if (words === "") return undefined;
    let wanted = true;
    const timer = setTimeout(() => {
      void search(words).then((answer) => {
        if (wanted) setFound({ ...answer, query: words });
      });
    }, TYPING_PAUSE_MS);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [words]);
  if (words === "") return { hits: [], asking: false };
  const asking = found.query !== words;
  return { hits: found.hits, asking, ...(asking || found.note === undefined ? {} : { note: found.note }) };
}
