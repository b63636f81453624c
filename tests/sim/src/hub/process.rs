//! One start of the hub: what it keeps in memory, what wakes it, and who gets a frame.

use std::collections::{BTreeMap, BTreeSet};

use baton_protocol::{
    AgentDescription, CommandId, ErrorBody, ErrorCode, HubFrame, LogId, RunnerId, SessionId,
    SessionSummary,
};

use super::account::AccountActor;
use super::actor::{Actor, Request};
use super::connection::{Caller, Connection};
use super::deletion::{Deletion, of_deleted};
use super::directory::{Attention, Directory};
use crate::net::{LineId, ToClient};
use crate::planted::Planted;
use crate::sim::Sim;

/// Whose command for which log was refused.
pub type RefusedId = (String, LogId, CommandId);

pub fn refused_id(caller: &Caller, log: LogId, command: CommandId) -> RefusedId {
    (format!("{:?}", caller.principal), log, command)
}

/// How long a session whose actor broke is left alone, unless somebody asks for it.
const BROKEN_REST_MS: u64 = 5_000;

/// The hub did not come up: its storage refused, or it died again.
#[derive(Debug)]
pub struct StartFailed;

/// The hub in memory.
pub struct Process {
    pub(super) shared: Shared,
    pub(super) account: AccountActor,
    actors: BTreeMap<SessionId, Actor>,
    /// Sessions whose actor broke, and when they are looked at again.
    again_ms: BTreeMap<SessionId, u64>,
}

/// What actors and connections share.
pub(super) struct Shared {
    /// Sessions that the account has.
    pub owned: BTreeSet<SessionId>,
    /// Sessions that were deleted; their ids are never used again.
    pub deleted: BTreeSet<SessionId>,
    /// What follows from that, and when.
    pub deletions: Vec<Deletion>,
    pub directory: Directory,
    pub attention: Attention,
    /// A runner that was full has room again: those who wait are told at the next tick.
    pub has_room: bool,
    pub connections: BTreeMap<LineId, Connection>,
    /// Lines that were opened so far.
    pub opened: u64,
    /// What was refused for good without a receipt.
    pub refusals: BTreeMap<RefusedId, ErrorBody>,
    /// The newest summary of each session that the account's log has not yet.
    pub summaries: BTreeMap<SessionId, SessionSummary>,
    /// What goes on beside everything else, and when it is done.
    pub arrivals: Vec<(u64, RunnerId, Vec<AgentDescription>)>,
}

impl Shared {
    /// Gives a frame to a connection, where there still is one.
    pub fn send(&mut self, sim: &mut Sim, line: LineId, frame: HubFrame) {
        if sim.hub_crashed || !self.connections.contains_key(&line) {
            return;
        }
        let who = self.connections[&line].who;
        sim.checker.hub_says(who, &frame);
        sim.net.send_down(line, sim.now_ms, ToClient::Frame(frame));
    }

    /// Notes that the account has the session.
    pub fn note_owned(&mut self, session: SessionId) {
        if !self.deleted.contains(&session) {
            self.owned.insert(session);
        }
    }

    /// What is refused for good stays refused, by whatever copy it comes again.
    pub fn note_refusals(&mut self, caller: &Caller, log: LogId, frames: &[HubFrame]) {
        for frame in frames {
            if let HubFrame::Refused {
                command: Some(command),
                error,
                ..
            } = frame
                && !error.code.is_retryable()
                && error.code != ErrorCode::CommandConflict
            {
                self.refusals
                    .insert(refused_id(caller, log, *command), error.clone());
            }
        }
    }

    pub fn answer(&mut self, sim: &mut Sim, line: LineId, frames: Vec<HubFrame>) {
        for frame in frames {
            self.send(sim, line, frame);
        }
    }
}

impl Process {
    /// Starts: reads the account, looks at every session.
    pub fn start(sim: &mut Sim) -> Result<Self, StartFailed> {
        let mut process = Self {
            shared: Shared {
                owned: BTreeSet::new(),
                deleted: BTreeSet::new(),
                deletions: Vec::new(),
                directory: Directory::default(),
                attention: Attention::new(),
                has_room: false,
                connections: BTreeMap::new(),
                opened: 0,
                refusals: BTreeMap::new(),
                summaries: BTreeMap::new(),
                arrivals: Vec::new(),
            },
            account: AccountActor::new(sim.cast.account),
            actors: BTreeMap::new(),
            again_ms: BTreeMap::new(),
        };
        process.account.start(sim, &mut process.shared)?;
        let state = process.account.state().clone();
        process.shared.owned.extend(state.sessions().keys());
        for (runner, agents) in state.agents() {
            process.shared.directory.remember(*runner, agents.clone());
        }
        for log in sim.store.logs().map_err(|_| StartFailed)? {
            if let LogId::Session(session) = log {
                process.look_at(sim, session, state.sessions().get(&session));
            }
            if sim.hub_crashed {
                return Err(StartFailed);
            }
        }
        Ok(process)
    }

    fn look_at(&mut self, sim: &mut Sim, session: SessionId, listed: Option<&SessionSummary>) {
        use baton_protocol::SessionActivity::{Failed, Idle};
        if self.shared.deleted.contains(&session) {
            let at_ms = sim.now_ms;
            let by = None;
            if !sim.is_planted(Planted::HubForgetsDeletions) {
                let deletion = Deletion { at_ms, session, by };
                self.shared.deletions.push(deletion);
            }
            return;
        }
        let head = sim.store.head(LogId::Session(session));
        let head = head.ok().flatten().map(|head| head.seq);
        let is_at_rest = listed.is_some_and(|summary| {
            let is_idle = matches!(summary.activity, Idle | Failed { .. });
            Some(summary.seq) == head && is_idle && summary.queued == 0
        });
        if !is_at_rest {
            self.with_actor(sim, session, |actor, _, shared| actor.tell_account(shared));
        }
    }

    /// Does something with a session's actor, which is loaded where it is not there.
    pub(super) fn with_actor<T>(
        &mut self,
        sim: &mut Sim,
        session: SessionId,
        work: impl FnOnce(&mut Actor, &mut Sim, &mut Shared) -> T,
    ) -> T {
        let shared = &mut self.shared;
        let mut actor = match self.actors.remove(&session) {
            Some(actor) => actor,
            None => Actor::load(sim, shared, session),
        };
        let done = work(&mut actor, sim, shared);
        if actor.is_broken() {
            self.again_ms.insert(session, sim.now_ms + BROKEN_REST_MS);
        } else {
            self.again_ms.remove(&session);
            self.actors.insert(session, actor);
        }
        done
    }

    /// Nobody works on the session any more.
    pub(super) fn forget_actor(&mut self, session: SessionId) {
        self.actors.remove(&session);
        self.again_ms.remove(&session);
    }

    /// Whether somebody works on the session.
    pub(super) fn is_live(&self, session: SessionId) -> bool {
        self.actors.contains_key(&session)
    }

    /// A connection asks something of a session.
    pub(super) fn request(
        &mut self,
        sim: &mut Sim,
        caller: &Caller,
        session: SessionId,
        request: Request,
    ) {
        let line = caller.line;
        if self.shared.deleted.contains(&session) {
            let frames = of_deleted(session, &request);
            return self.shared.answer(sim, line, frames);
        }
        self.with_actor(sim, session, |actor, sim, shared| {
            let frames = actor.answer(sim, shared, caller, request);
            shared.note_refusals(caller, LogId::Session(session), &frames);
            shared.answer(sim, line, frames);
            actor.settle(sim, shared);
        });
    }

    /// Sessions that no actor need watch lose theirs.
    pub fn put_actors_away(&mut self) {
        self.actors.retain(|_, actor| actor.is_at_work());
    }

    /// Every subscriber is forgotten and reads the log.
    pub fn forget_queues(&mut self) {
        for connection in self.shared.connections.values_mut() {
            connection.forget_queues();
        }
    }

    /// What the hub has in memory of a session, once everything is quiet.
    pub fn actor(&self, session: SessionId) -> Option<&Actor> {
        self.actors.get(&session)
    }

    /// Whether nothing waits to be recorded or done.
    pub fn is_quiet(&self) -> bool {
        self.shared.summaries.is_empty()
            && self.shared.arrivals.is_empty()
            && self.shared.deletions.is_empty()
            && !self.shared.has_room
            && self.again_ms.is_empty()
            && self.actors.values().all(|actor| !actor.waits_for_storage())
    }

    /// When something is due.
    pub fn wake_ms(&mut self, sim: &Sim) -> Option<u64> {
        let shared = &self.shared;
        let connections = shared.connections.values().map(Connection::wake_ms);
        let arrivals = shared.arrivals.iter().map(|(at, _, _)| *at);
        let deletions = shared.deletions.iter().map(|deletion| deletion.at_ms);
        let fixed = connections
            .chain(arrivals)
            .chain(deletions)
            .chain(self.again_ms.values().copied())
            .chain(self.account.wake_ms(shared))
            .chain(shared.has_room.then_some(sim.now_ms))
            .min();
        let actors = self.actors.values_mut();
        let looks = actors.filter_map(|actor| actor.next_look_ms(sim, &self.shared));
        looks.chain(fixed).min()
    }

    /// Does what is due.
    pub fn tick(&mut self, sim: &mut Sim) {
        let now_ms = sim.now_ms;
        self.tick_connections(sim);
        let due = |(at, _, _): &(u64, RunnerId, Vec<AgentDescription>)| *at <= now_ms;
        while let Some(index) = self.shared.arrivals.iter().position(due) {
            let (_, runner, agents) = self.shared.arrivals.remove(index);
            self.runner_arrived(sim, runner, agents);
        }
        let again = self.again_ms.iter().filter(|(_, at)| **at <= now_ms);
        let again: Vec<SessionId> = again.map(|(session, _)| *session).collect();
        for session in again {
            self.again_ms.remove(&session);
            self.with_actor(sim, session, |_, _, _| ());
        }
        let due: Vec<SessionId> = self
            .actors
            .iter_mut()
            .filter_map(|(session, actor)| {
                let at = actor.next_look_ms(sim, &self.shared)?;
                (at <= now_ms).then_some(*session)
            })
            .collect();
        for session in due {
            self.with_actor(sim, session, |actor, sim, shared| actor.settle(sim, shared));
        }
        while std::mem::take(&mut self.shared.has_room) && !sim.hub_crashed {
            for session in self.shared.attention.clone() {
                self.with_actor(sim, session, |actor, sim, shared| actor.settle(sim, shared));
            }
        }
        self.delete_due(sim);
        self.account.tick(sim, &mut self.shared);
    }

    fn runner_arrived(&mut self, sim: &mut Sim, runner: RunnerId, agents: Vec<AgentDescription>) {
        for session in self.shared.attention.clone() {
            self.with_actor(sim, session, |actor, sim, shared| {
                actor.settle(sim, shared);
                actor.assign_again(sim, shared, runner);
            });
        }
        self.account.offered(sim, &mut self.shared, runner, agents);
    }
}
