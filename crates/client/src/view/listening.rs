//! Passes the mirror's commits on to screens and tails.

use baton_protocol::{Batch, Event, LogId, SessionId};
use baton_session::{AccountState, Draft, RowChange, SessionState};

use baton_protocol::view::TranscriptRow;

use super::facts::SessionFacts;
use super::window::Window;
use super::world::Settling;
use super::{Inner, Views};
use crate::device::trail::ends_are_here;
use crate::mirror::MirrorListener;

/// Whether a row belongs to a hidden branch: a sub-agent there may still be running.
fn is_hidden(row: &TranscriptRow, state: &SessionState) -> bool {
    row.turn
        .is_some_and(|turn| state.turns().contains(turn) && state.turns().hidden().contains(&turn))
}

impl MirrorListener for Views {
    fn applied(&self, session: SessionId, batch: &Batch, state: &SessionState) {
        ends_are_here(batch, state);
        self.lock().live.applied(session, batch, state);
    }

    fn moved_elsewhere(&self, session: SessionId) {
        self.lock().live.forget(session);
        self.announce();
    }

    fn session_changed(
        &self,
        session: SessionId,
        changes: &[RowChange],
        state: &SessionState,
        events: &[Event],
    ) {
        let mut inner = self.lock();
        let Inner { world, screens, .. } = &mut *inner;
        for command in events.iter().filter_map(|event| event.command) {
            if world.outbox.iter().any(|entry| entry.command.id == command) {
                world.landed.insert(command);
            }
        }
        let log = LogId::Session(session);
        world
            .settling
            .retain(|settling| settling.entry.command.log != log || settling.seq > state.head());
        for screen in screens.values_mut() {
            let mut touched = false;
            for view in screen.sessions.values_mut() {
                if view.session != session {
                    continue;
                }
                touched = true;
                match &mut view.facts {
                    Some(facts) => facts.follow(state),
                    None => view.facts = Some(SessionFacts::of(state)),
                }
                for change in changes {
                    match change {
                        // Another branch is shown: open the window again from the mirror.
                        RowChange::Hide(_) => view.stale = true,
                        RowChange::Insert(row) if is_hidden(row, state) => {}
                        change => view.window.apply(change),
                    }
                }
                view.filling &= !world.caught_up.contains(&log);
                if view.filling {
                    view.window.bound(view.rows_at_first as usize);
                }
            }
            if touched {
                screen.touch();
            }
        }
        drop(inner);
        self.announce();
    }

    fn session_dropped(&self, session: SessionId) {
        let mut inner = self.lock();
        inner.live.forget(session);
        for screen in inner.screens.values_mut() {
            let views = screen.sessions.values_mut();
            for view in views.filter(|view| view.session == session) {
                view.stale = true;
                view.facts = None;
                view.window = Window::new(Vec::new(), false);
            }
            screen.touch();
        }
        drop(inner);
        self.announce();
    }

    fn history_filled(&self, session: SessionId) {
        let mut inner = self.lock();
        for screen in inner.screens.values_mut() {
            let views = screen.sessions.values_mut();
            for view in views.filter(|view| view.session == session) {
                view.older_is_here = true;
            }
            screen.touch();
        }
        drop(inner);
        self.announce();
    }

    fn account_changed(&self, state: &AccountState, bereft: Vec<(SessionId, Draft)>) {
        self.change(|world| {
            world.account = state.clone();
            world.bereft.extend(bereft);
            // A restored hub may have one of the sessions again.
            world
                .bereft
                .retain(|session, _| state.deleted().contains(session));
            let is_here = |settling: &Settling| {
                matches!(settling.entry.command.log, LogId::Account(_))
                    && settling.seq <= state.head()
            };
            world.settling.retain(|settling| !is_here(settling));
        });
    }
}
