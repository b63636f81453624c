//! The session actors in memory: found by session, started when needed, put away when idle.
//!
//! Invariant: at most one actor of a session writes at any time. A new one starts only after the old one's task has ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use baton_protocol::{AccountId, Principal, RunnerId, SessionId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answer::Answer;
use super::message::{PendingRequest, SessionMessage, SessionRequest};
use super::session::{Ended, SessionActor};
use crate::authorize::Caller;
use crate::config::{ACTOR_MAILBOX_MAX, SESSION_ACTORS_MAX};
use crate::core::HubCore;
use crate::measures::Counted;
use crate::tasks::TaskGroup;

/// Where the actors are found.
pub struct SessionActors {
    live: Mutex<HashMap<SessionId, LiveActor>>,
    crowded: watch::Sender<()>,
}

#[derive(Clone)]
struct LiveActor {
    mailbox: mpsc::Sender<SessionMessage>,
    ended: CancellationToken,
}

impl Default for SessionActors {
    fn default() -> Self {
        Self {
            live: Mutex::default(),
            crowded: watch::Sender::new(()),
        }
    }
}

impl SessionActors {
    /// Changes when there are too many actors: idle ones end at once.
    pub(super) fn crowded(&self) -> watch::Receiver<()> {
        self.crowded.subscribe()
    }

    /// Whether the session has an actor now, be it one that is about to create it.
    pub fn is_live(&self, session: SessionId) -> bool {
        self.live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(&session)
    }

    /// Puts a connection's request into the session's mailbox. Waits while the mailbox is full.
    pub async fn request(
        core: &Arc<HubCore>,
        caller: Caller,
        session: SessionId,
        request: SessionRequest,
    ) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        let pending = PendingRequest {
            caller,
            request,
            arrived: Instant::now(),
            answer,
        };
        Self::send(core, session, SessionMessage::Request(Box::new(pending))).await;
        answered
    }

    /// Returns when everything that was sent to the session before is done.
    pub async fn barrier(core: &Arc<HubCore>, session: SessionId) {
        let (done, waiting) = oneshot::channel();
        Self::send(core, session, SessionMessage::Barrier { done }).await;
        // An actor that broke has done all that it ever will.
        let _ = waiting.await;
    }

    /// Loads a session and tells its account what the list shows.
    pub async fn reconcile(core: &Arc<HubCore>, session: SessionId) {
        let (done, waiting) = oneshot::channel();
        Self::send(core, session, SessionMessage::Summarize { done }).await;
        let _ = waiting.await;
    }

    /// Ends what goes on in a session that is deleted.
    pub async fn delete(core: &Arc<HubCore>, session: SessionId, by: Principal) {
        let (done, waiting) = oneshot::channel();
        Self::send(core, session, SessionMessage::Delete { by, done }).await;
        // An actor that broke has done all that it ever will.
        let _ = waiting.await;
    }

    /// Tells every session that needs a runner that one has come, or is gone for good.
    pub async fn runner_changed(core: &Arc<HubCore>, account: AccountId, runner: RunnerId) {
        for session in core.attention.of(account) {
            Self::send(core, session, SessionMessage::RunnerChanged { runner }).await;
        }
    }

    /// Tells every session in which something waits to run that a runner has room again.
    pub async fn runner_has_room(core: &Arc<HubCore>, account: AccountId, runner: RunnerId) {
        for session in core.attention.waiting(account) {
            Self::send(core, session, SessionMessage::RunnerChanged { runner }).await;
        }
    }

    async fn send(core: &Arc<HubCore>, session: SessionId, message: SessionMessage) {
        let mut message = message;
        loop {
            if core.sessions_stopping.is_cancelled() {
                // Whoever waits for an answer sees that there will be none.
                return;
            }
            let actor = Self::live(core, session);
            match actor.mailbox.send(message).await {
                Ok(()) => return,
                Err(mpsc::error::SendError(unsent)) => message = unsent,
            }
            actor.ended.cancelled().await;
        }
    }

    fn live(core: &Arc<HubCore>, session: SessionId) -> LiveActor {
        let mut live = core
            .sessions
            .live
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(actor) = live.get(&session)
            && !actor.ended.is_cancelled()
        {
            return actor.clone();
        }
        let (mailbox, messages) = mpsc::channel(ACTOR_MAILBOX_MAX);
        let actor = LiveActor {
            mailbox,
            ended: CancellationToken::new(),
        };
        live.insert(session, actor.clone());
        if live.len() > SESSION_ACTORS_MAX {
            core.sessions.crowded.send_replace(());
        }
        drop(live);
        let place = Place {
            core: Arc::clone(core),
            session,
            ended: actor.ended.clone(),
            how: Ended::Broken,
        };
        let counted = Counted::on(&core.measures.session_actors);
        let work = SessionActor::new(Arc::clone(core), session).run(messages);
        core.tasks
            .spawn(TaskGroup::Sessions, "session actor", async move {
                let (_counted, mut place) = (counted, place);
                place.how = work.await;
            });
        actor
    }
}

/// An actor's place among the live ones; given up when its task ends, by a panic too.
struct Place {
    core: Arc<HubCore>,
    session: SessionId,
    ended: CancellationToken,
    how: Ended,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut live = self
            .core
            .sessions
            .live
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        live.remove(&self.session);
        self.ended.cancel();
        drop(live);
        let rest = match self.how {
            Ended::AtRest => return,
            Ended::AtWork => Duration::ZERO,
            Ended::Broken => BROKEN_REST,
        };
        start_again(Arc::clone(&self.core), self.session, rest);
    }
}

/// How long a session whose actor broke is left alone, unless somebody asks for it. Well below a lease.
const BROKEN_REST: Duration = Duration::from_secs(5);

/// A session whose actor ended with runs that are on, or without knowing whether there are any, is looked at again.
fn start_again(core: Arc<HubCore>, session: SessionId, rest: Duration) {
    if core.stopping.is_cancelled() || tokio::runtime::Handle::try_current().is_err() {
        return;
    }
    let waiting = Arc::clone(&core);
    core.tasks
        .spawn(TaskGroup::Edge, "session actor again", async move {
            if tokio::time::timeout(rest, waiting.stopping.cancelled())
                .await
                .is_err()
            {
                SessionActors::barrier(&waiting, session).await;
            }
        });
}

#[cfg(test)]
mod tests;
