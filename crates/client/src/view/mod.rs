//! Serves `protocol::view`: the state that screens follow, as frames of coalesced messages.
//!
//! [`Views`] receives the mirror's commits and changes of the connection, and tracks for each screen what that screen has. It builds a
//! frame when the screen takes it, so a screen that does not read costs no more than its windows. It folds no events: rows come from the
//! fold.

mod drafts;
mod facts;
mod listening;
mod live;
mod screen;
mod session_view;
#[cfg(test)]
mod tests;
mod window;
mod world;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use baton_protocol::view::{
    AccountView, ConnectionView, DraftView, OpaqueIntentView, SessionRow, TranscriptRow, ViewFrame,
    ViewId, ViewMessage,
};
use baton_protocol::{CommandBody, Cursor, LogId, Principal, Seq, SessionId};
use baton_session::{AccountState, SessionState};
use tokio::sync::{Notify, watch};

use crate::linked_hub::LinkedHub;
use crate::mirror::{OpaqueIntent, OutboxEntry, RowPlace};
use crate::sync::ConnectionStatus;

pub(crate) use drafts::unsent_draft;
use facts::SessionFacts;
use live::LiveEnds;
pub(crate) use live::{LivePage, is_idle};
pub use screen::Screen;
use session_view::SessionView;
use window::Window;
use world::{Settling, World};

/// The state that all screens of a device share, and the state of each screen.
pub(crate) struct Views {
    inner: Mutex<Inner>,
    changes: watch::Sender<u64>,
}

struct Inner {
    world: World,
    live: LiveEnds,
    screens: HashMap<u64, ScreenState>,
    next_screen: u64,
}

struct ScreenState {
    lists: BTreeMap<ViewId, Option<Vec<SessionRow>>>,
    sessions: BTreeMap<ViewId, SessionView>,
    connection: Option<ConnectionView>,
    account: Option<AccountView>,
    account_dirty: bool,
    drafts: Vec<DraftView>,
    drafts_dirty: bool,
    opaque: Vec<OpaqueIntentView>,
    opaque_dirty: bool,
    lists_dirty: bool,
    dirty: bool,
    wake: Arc<Notify>,
}

impl Views {
    pub(crate) fn new(linked: LinkedHub) -> Self {
        Self {
            inner: Mutex::new(Inner {
                world: World::new(linked),
                live: LiveEnds::default(),
                screens: HashMap::new(),
                next_screen: 0,
            }),
            changes: watch::Sender::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each frame is built from scratch, so a panic elsewhere leaves nothing inconsistent here.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the shared world and wakes all screens.
    fn change(&self, change: impl FnOnce(&mut World)) {
        let mut inner = self.lock();
        change(&mut inner.world);
        for screen in inner.screens.values_mut() {
            screen.account_dirty = true;
            screen.drafts_dirty = true;
            screen.opaque_dirty = true;
            screen.lists_dirty = true;
            screen.touch();
        }
        drop(inner);
        self.announce();
    }

    fn announce(&self) {
        self.changes.send_modify(|version| *version += 1);
    }

    /// A counter that increases with every change, for callers that wait for a state.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn set_status(&self, status: ConnectionStatus) {
        self.change(|world| world.status = status);
    }

    pub(crate) fn set_greeting(&self, hub_name: String, clock_offset_ms: Option<i64>) {
        self.change(|world| {
            world.linked.hub_name = hub_name;
            world.clock_offset_ms = clock_offset_ms;
        });
    }

    pub(crate) fn set_presence(&self, presence: Vec<Principal>) {
        self.change(|world| world.presence = presence);
    }

    pub(crate) fn set_caught_up(&self, log: LogId, caught_up: bool) {
        self.change(|world| {
            if caught_up {
                world.caught_up.insert(log);
            } else {
                world.caught_up.remove(&log);
            }
        });
    }

    pub(crate) fn set_outbox(&self, outbox: Vec<OutboxEntry>) {
        self.change(|world| {
            let held = |id| outbox.iter().any(|entry| entry.command.id == id);
            world.landed.retain(|id| held(*id));
            world.outbox = outbox;
        });
    }

    pub(crate) fn set_opaque(&self, opaque: Vec<OpaqueIntent>) {
        self.change(|world| world.opaque = opaque);
    }

    /// Keeps an accepted intent visible until the mirror has its effect.
    pub(crate) fn settle(&self, entry: OutboxEntry, seq: Seq) {
        let log = entry.command.log;
        let mut inner = self.lock();
        let behind = match log {
            LogId::Account(_) => {
                let is_draft = matches!(entry.command.body, CommandBody::SaveDraft(_));
                is_draft && inner.world.account.head() < seq
            }
            LogId::Session(_) => inner.session_views().any(|view| {
                let head = view.facts.as_ref().map(|facts| facts.head);
                LogId::Session(view.session) == log && head.unwrap_or_default() < seq
            }),
        };
        if behind && !inner.world.landed.contains(&entry.command.id) {
            inner.world.settling.push(Settling { entry, seq });
        }
    }

    pub(crate) fn connection(&self) -> ConnectionView {
        self.lock().world.connection()
    }

    pub(crate) fn account(&self) -> AccountView {
        self.lock().world.account_view()
    }

    /// The account's state as mirrored.
    pub(crate) fn account_state(&self) -> AccountState {
        self.lock().world.account.clone()
    }

    pub(crate) fn session_rows(&self) -> Vec<SessionRow> {
        self.lock().world.session_rows()
    }

    pub(crate) fn outbox(&self) -> Vec<OutboxEntry> {
        self.lock().world.outbox.clone()
    }

    pub(crate) fn opaque_intents(&self) -> Vec<OpaqueIntent> {
        self.lock().world.opaque.clone()
    }

    pub(crate) fn session_title(&self, session: SessionId) -> String {
        self.lock().world.session_title(session)
    }

    pub(crate) fn read_mark(&self, session: SessionId) -> Seq {
        self.lock().world.account.read_mark(session)
    }

    pub(crate) fn is_caught_up(&self, log: LogId) -> bool {
        self.lock().world.caught_up.contains(&log)
    }

    pub(crate) fn begin_tail(&self, session: SessionId) {
        self.lock().live.begin_tail(session);
    }

    pub(crate) fn end_tail(&self, session: SessionId) {
        self.lock().live.end_tail(session);
    }

    /// The events after a tail's position, if they are in memory.
    pub(crate) fn live_after(&self, session: SessionId, place: Cursor) -> Option<LivePage> {
        self.lock().live.after(session, place)
    }

    fn add_screen(&self) -> (u64, Arc<Notify>) {
        let mut inner = self.lock();
        let id = inner.next_screen;
        inner.next_screen += 1;
        let wake = Arc::new(Notify::new());
        let screen = ScreenState {
            lists: BTreeMap::new(),
            sessions: BTreeMap::new(),
            connection: None,
            account: None,
            account_dirty: true,
            drafts: Vec::new(),
            drafts_dirty: true,
            opaque: Vec::new(),
            opaque_dirty: true,
            lists_dirty: false,
            dirty: true,
            wake: wake.clone(),
        };
        inner.screens.insert(id, screen);
        (id, wake)
    }

    /// Removes a screen. Returns the sessions that it followed.
    fn remove_screen(&self, screen: u64) -> Vec<SessionId> {
        let removed = self.lock().screens.remove(&screen);
        let sessions = removed.map(|screen| screen.sessions).unwrap_or_default();
        sessions.into_values().map(|view| view.session).collect()
    }

    fn open_list(&self, screen: u64, view: ViewId) {
        self.with_screen(screen, |screen| {
            screen.lists.insert(view, None);
            screen.lists_dirty = true;
        });
    }

    /// Opens a session in a view. Returns the session that the view showed before.
    fn open_session(&self, screen: u64, view: ViewId, opened: SessionView) -> Option<SessionId> {
        self.with_screen(screen, |screen| screen.sessions.insert(view, opened))
            .flatten()
            .map(|before| before.session)
    }

    /// Fills a view from the mirror. Runs on the mirror's writer thread, so that no change is missed in between.
    fn fill(
        &self,
        screen: u64,
        view: ViewId,
        rows: Vec<TranscriptRow>,
        has_older: bool,
        state: Option<&SessionState>,
    ) {
        self.with_session(screen, view, |session| {
            session.window = Window::new(rows, has_older);
            session.facts = state.map(SessionFacts::of);
            session.filling = state.is_none();
            session.stale = false;
        });
    }

    /// Adds older rows to the top of a view. Returns whether more of the wanted rows lie in a gap; they are shown once they arrive.
    fn prepend(
        &self,
        (screen, view): (u64, ViewId),
        rows: Vec<TranscriptRow>,
        has_older: bool,
        wanted: u32,
    ) -> bool {
        let prepend = |session: &mut SessionView| {
            let is_short = has_older && rows.len() < wanted as usize;
            session.older_wanted = is_short.then_some(wanted);
            session.window.prepend(rows, has_older);
            is_short
        };
        self.with_session(screen, view, prepend).unwrap_or_default()
    }

    /// Views whose wanted older rows have arrived, with the number of wanted rows.
    fn with_older(&self, screen: u64) -> Vec<(ViewId, u32)> {
        let mut inner = self.lock();
        let Some(screen) = inner.screens.get_mut(&screen) else {
            return Vec::new();
        };
        let sessions = screen.sessions.iter_mut();
        sessions
            .filter_map(|(view, session)| {
                let is_here = std::mem::take(&mut session.older_is_here);
                Some((*view, session.older_wanted.take_if(|_| is_here)?))
            })
            .collect()
    }

    /// The session of a view, and the place of its oldest row.
    fn oldest(&self, screen: u64, view: ViewId) -> Option<(SessionId, RowPlace)> {
        self.with_session(screen, view, |session| {
            let first = session.window.first().unwrap_or(RowPlace::END);
            (session.session, first)
        })
    }

    /// Closes a view. Returns the session that it showed.
    fn close(&self, screen: u64, view: ViewId) -> Option<SessionId> {
        let closed = self.with_screen(screen, |screen| {
            screen.lists.remove(&view);
            screen.sessions.remove(&view)
        });
        closed.flatten().map(|view| view.session)
    }

    /// Views whose mirror was replaced, with their sessions and first row counts.
    fn stale(&self, screen: u64) -> Vec<(ViewId, SessionId, u32)> {
        let inner = self.lock();
        let Some(screen) = inner.screens.get(&screen) else {
            return Vec::new();
        };
        let stale = screen.sessions.iter().filter(|(_, session)| session.stale);
        stale
            .map(|(view, session)| (*view, session.session, session.rows_at_first))
            .collect()
    }

    fn take_frame(&self, screen: u64) -> Option<ViewFrame> {
        let mut inner = self.lock();
        let Inner { world, screens, .. } = &mut *inner;
        screens.get_mut(&screen)?.take_frame(world)
    }

    fn with_screen<R>(&self, screen: u64, work: impl FnOnce(&mut ScreenState) -> R) -> Option<R> {
        let mut inner = self.lock();
        let screen = inner.screens.get_mut(&screen)?;
        let result = work(screen);
        screen.touch();
        Some(result)
    }

    fn with_session<R>(
        &self,
        screen: u64,
        view: ViewId,
        work: impl FnOnce(&mut SessionView) -> R,
    ) -> Option<R> {
        self.with_screen(screen, |screen| screen.sessions.get_mut(&view).map(work))
            .flatten()
    }
}

impl Inner {
    fn session_views(&self) -> impl Iterator<Item = &SessionView> {
        let screens = self.screens.values();
        screens.flat_map(|screen| screen.sessions.values())
    }
}

impl ScreenState {
    fn touch(&mut self) {
        self.dirty = true;
        self.wake.notify_one();
    }

    fn take_frame(&mut self, world: &World) -> Option<ViewFrame> {
        if !std::mem::take(&mut self.dirty) {
            return None;
        }
        let mut messages = Vec::new();
        let connection = world.connection();
        if self.connection.as_ref() != Some(&connection) {
            self.connection = Some(connection.clone());
            messages.push(ViewMessage::Connection { connection });
        }
        if std::mem::take(&mut self.account_dirty) {
            let account = world.account_view();
            if self.account.as_ref() != Some(&account) {
                self.account = Some(account.clone());
                messages.push(ViewMessage::Account { account });
            }
        }
        if std::mem::take(&mut self.drafts_dirty) {
            let drafts = world.drafts();
            if self.drafts != drafts {
                self.drafts.clone_from(&drafts);
                messages.push(ViewMessage::Drafts { drafts });
            }
        }
        if std::mem::take(&mut self.opaque_dirty) {
            let intents = world.opaque_view();
            if self.opaque != intents {
                self.opaque.clone_from(&intents);
                messages.push(ViewMessage::OpaqueIntents { intents });
            }
        }
        if std::mem::take(&mut self.lists_dirty) && !self.lists.is_empty() {
            let rows = world.session_rows();
            for (view, shown) in &mut self.lists {
                if shown.as_ref() != Some(&rows) {
                    *shown = Some(rows.clone());
                    let rows = rows.clone();
                    messages.push(ViewMessage::Sessions { view: *view, rows });
                }
            }
        }
        for (view, session) in &mut self.sessions {
            session.messages(*view, world, &mut messages);
        }
        (!messages.is_empty()).then_some(ViewFrame { messages })
    }
}
