//! What follows from the tombstone of a session: as `account_actors::delete_later` and `SessionActor::delete` in the hub.

use baton_protocol::{ErrorBody, ErrorCode, HubFrame, LogId, Principal, SessionId};
use baton_session::stop_all;

use super::actor::{Actor, Request, refusal};
use super::process::{Process, Shared};
use super::runs::{STORAGE_RETRY_MS, fenced};
use crate::planted::Planted;
use crate::sim::Sim;
use crate::store::StoreFault;

/// A session on its way out.
#[derive(Debug)]
pub(super) struct Deletion {
    pub at_ms: u64,
    pub session: SessionId,
    /// Who deleted it. Absent: what went on there was ended before, or by the end of the hub that it went on in.
    pub by: Option<Principal>,
}

/// The answer about a session that was deleted.
pub(super) fn deleted() -> ErrorBody {
    ErrorCode::SessionNotFound.with("this session was deleted", "")
}

/// The answer to a request about it: whoever writes for its runs stops.
pub(super) fn of_deleted(session: SessionId, request: &Request) -> Vec<HubFrame> {
    match request {
        Request::Command(command) => refusal(LogId::Session(session), Some(command.id), deleted()),
        Request::Resume { run, .. } | Request::Write { run, .. } => fenced(*run),
        Request::Teardown { .. } => Vec::new(),
    }
}

impl Shared {
    /// From here on nobody finds it.
    pub fn hide(&mut self, session: SessionId) {
        self.owned.remove(&session);
        self.deleted.insert(session);
    }

    /// Whoever follows the log has what was published, and is told that it is gone.
    fn end_feed(&mut self, sim: &mut Sim, log: LogId) {
        let lines: Vec<_> = self.connections.keys().copied().collect();
        for line in lines {
            let connection = self.connections.get_mut(&line);
            let Some(mut ended) = connection.and_then(|it| it.subscriptions.remove(&log)) else {
                continue;
            };
            for batch in ended.what_was_published() {
                self.send(sim, line, HubFrame::Batch(batch));
            }
            let incarnation = None;
            self.send(sim, line, HubFrame::Missing { log, incarnation });
        }
    }
}

impl Actor {
    /// What runs is stopped, and whoever follows the log is told. From here on this actor writes nothing.
    fn delete(&mut self, sim: &mut Sim, shared: &mut Shared, by: &Principal) {
        let stopped = stop_all(&self.state, by);
        if !stopped.is_empty() {
            // Where the storage refuses, the runs end with their leases.
            let _ = self.commit(sim, shared, stopped, None);
        }
        if !sim.hub_crashed && !sim.is_planted(Planted::HubDeletesInSilence) {
            shared.end_feed(sim, self.writer.log);
        }
        self.is_deleted = true;
    }
}

impl Process {
    /// Does what is due of what follows from tombstones.
    pub(super) fn delete_due(&mut self, sim: &mut Sim) {
        let now_ms = sim.now_ms;
        let due = |deletion: &Deletion| deletion.at_ms <= now_ms;
        while !sim.hub_crashed
            && let Some(index) = self.shared.deletions.iter().position(due)
        {
            let deletion = self.shared.deletions.remove(index);
            self.delete_one(sim, deletion);
        }
    }

    fn delete_one(&mut self, sim: &mut Sim, deletion: Deletion) {
        let session = deletion.session;
        if let Some(by) = deletion.by {
            self.with_actor(sim, session, |actor, sim, shared| {
                actor.delete(sim, shared, &by)
            });
            self.forget_actor(session);
        }
        if sim.hub_crashed {
            return;
        }
        self.shared.attention.remove(&session);
        let is_freed = self.shared.directory.release(session, |_| false);
        self.shared.has_room |= is_freed;
        match sim.delete_log(LogId::Session(session)) {
            Ok(()) => {}
            Err(StoreFault::Log(_)) => self.shared.deletions.push(Deletion {
                at_ms: sim.now_ms + STORAGE_RETRY_MS,
                session,
                by: None,
            }),
            Err(StoreFault::Crashed) => sim.hub_crashed = true,
        }
    }
}
