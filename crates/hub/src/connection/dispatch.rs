//! A connection that has said hello: each frame goes to whom it is for.
//!
//! Requests to one log keep their order: each is in its actor's mailbox before the next frame is read. Answers come as they are ready.
//!
//! A client is held back, which is to say not read, while its request waits for a mailbox or too many of its requests wait for an
//! answer, or after too many frames: a disk that stands still does that to everybody. The hub does not hear it then, so it does not blame it for its silence, and
//! gives signs of life by itself.

mod following;
mod waits;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use baton_protocol::{
    ClientFrame, Command, CommandId, ErrorBody, ErrorCode, HubFrame, LogId, Principal, SessionId,
    limits,
};
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

use self::following::Follows;
use self::waits::{InFlight, answered, assigned, due, ended, handed_over, heard};
use super::End;
use super::entry::{may_send, run_request, runner_arrives};
use super::hello::Hello;
use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::parse::{Parsed, parse};
use super::snapshot::{History, StateWish, Wanted};
use super::subscription::Wish;
use crate::actor::{Answer, SessionActors, SessionRequest, of_deleted, refusal};
use crate::authorize::{Action, Caller, authorize, not_for_role};
use crate::bucket::TokenBucket;
use crate::config::{
    FRAMES_BURST_MAX, FRAMES_PER_SECOND, REQUESTS_IN_FLIGHT_MAX, SUBSCRIBES_BURST_MAX,
};
use crate::connection_handle::{Assignments, ConnectionHandle, Ending};
use crate::core::HubCore;
use crate::leases::LastHeard;
use crate::looking::{Attends, LookingSeat};
use crate::presence::PresenceSeat;

/// What this hub can do beyond the protocol's version.
const CAPABILITIES: [&str; 2] = [limits::ATTENTION_CAPABILITY, limits::MODEL_RETRY_CAPABILITY];

/// How often the hub gives a sign of life to a client that it holds back: as often as a client does.
const SIGN_OF_LIFE_INTERVAL: Duration = Duration::from_millis(limits::HEARTBEAT_INTERVAL_MS);

/// The part of a connection that speaks with the rest of the hub. Ten thousand idle ones stand in memory: what only some have, or only
/// for a moment, is behind a pointer.
pub struct Connection {
    core: Arc<HubCore>,
    caller: Arc<Caller>,
    outgoing: Arc<Outgoing>,
    follows: Follows,
    /// The stretch of history that is read for this client.
    history: Option<History>,
    commands: TokenBucket<{ limits::COMMANDS_BURST_MAX }, { limits::COMMANDS_PER_SECOND }>,
    /// What is followed or read: each takes one of the log's few readers.
    subscribes: TokenBucket<SUBSCRIBES_BURST_MAX, { limits::COMMANDS_PER_SECOND }>,
    /// Every frame but those of a runner's own runs.
    frames: TokenBucket<FRAMES_BURST_MAX, FRAMES_PER_SECOND>,
    /// Until when no frame is read, after too many of them.
    slowed: Option<Pin<Box<Sleep>>>,
    /// None while nothing is asked for.
    in_flight: Option<InFlight>,
    /// A request on its way into a mailbox.
    handing_over: Option<BoxFuture<'static, HandedOver>>,
    /// When the next sign of life is due, while this client is held back.
    held: Option<Pin<Box<Sleep>>>,
    presence: PresenceSeat,
    looking: Option<Box<LookingSeat>>,
    hosting: Option<Box<Hosting>>,
}

/// What only a runner's connection has.
struct Hosting {
    assignments: Arc<Assignments>,
    ending: Ending,
    lease: Arc<LastHeard>,
}

/// A request that is in its actor's mailbox.
struct HandedOver {
    log: LogId,
    command: Option<CommandId>,
    answered: oneshot::Receiver<Answer>,
}

impl Connection {
    /// Welcomes the client and makes it known.
    pub fn open(
        core: &Arc<HubCore>,
        mut caller: Arc<Caller>,
        hello: Hello,
        outgoing: &Arc<Outgoing>,
    ) -> Self {
        let id = caller.connection;
        outgoing.answer(&HubFrame::Welcome {
            account: caller.account,
            principal: caller.principal.clone(),
            hub_name: core.name.clone(),
            capabilities: CAPABILITIES.map(str::to_owned).to_vec(),
            hub_time: Some(core.clock.now()),
        });
        let presence = core.presence.join(caller.account, caller.principal.clone());
        let looking = hello
            .hears_attention
            .then(|| Box::new(core.looking.join(caller.account, id)));
        let hosting = match (hello.runner, &caller.principal) {
            (Some(hello), Principal::Runner { .. }) => {
                Arc::make_mut(&mut caller).instance = Some(hello.instance);
                let (assignments, ending) = (Arc::<Assignments>::default(), Ending::default());
                let handle = ConnectionHandle::new(id, Arc::clone(&assignments), ending.clone());
                let lease = runner_arrives(core, &caller, hello, handle);
                Some(Box::new(Hosting {
                    assignments,
                    ending,
                    lease,
                }))
            }
            _ => None,
        };
        tracing::debug!(role = ?caller.role, "a connection is open");
        let now = Instant::now();
        Self {
            core: Arc::clone(core),
            caller,
            outgoing: Arc::clone(outgoing),
            follows: Follows::default(),
            history: None,
            commands: TokenBucket::new(now),
            subscribes: TokenBucket::new(now),
            frames: TokenBucket::new(now),
            slowed: None,
            in_flight: None,
            handing_over: None,
            held: None,
            presence,
            looking,
            hosting,
        }
    }

    /// Serves frames until the socket brings no more or one of them must not be served.
    pub async fn run(&mut self, incoming: &mut Incoming<'_>) -> End {
        if let Some(hosting) = &self.hosting {
            incoming.renew(Arc::clone(&hosting.lease));
        }
        loop {
            let is_crowded = self.outgoing.is_crowded();
            let is_held = self.is_held();
            if !is_held {
                self.held = None;
            } else if self.held.is_none() {
                self.held = Some(Box::pin(tokio::time::sleep(SIGN_OF_LIFE_INTERVAL)));
            }
            tokio::select! {
                // Until then nothing is done that makes more answers.
                () = async { Box::pin(self.outgoing.room()).await }, if is_crowded => {}
                reason = ended(self.hosting.as_deref()) => return End::Because(reason),
                frame = self.presence.changed(), if !is_crowded => self.outgoing.encoded_answer(frame),
                frame = heard(&mut self.looking), if !is_crowded => self.outgoing.encoded_answer(frame),
                frame = assigned(self.hosting.as_deref()), if !is_crowded => self.outgoing.encoded_answer(frame),
                answer = answered(&mut self.in_flight), if !is_crowded => {
                    for frame in &answer {
                        self.outgoing.answer(frame);
                    }
                }
                request = handed_over(&mut self.handing_over) => {
                    // Until then no other frame is read.
                    self.handing_over = None;
                    self.expect(request);
                }
                () = due(&mut self.slowed) => self.slowed = None,
                () = due(&mut self.held) => {
                    self.held = None;
                    // A client that leaves so many answers unread is silent by itself.
                    if !is_crowded {
                        incoming.excuse_silence();
                        self.outgoing.answer(&HubFrame::HeartbeatAck {});
                    }
                }
                text = incoming.next(), if !is_held && !is_crowded => {
                    let served = match text {
                        Ok(text) => {
                            let parsed = parse(&text);
                            self.pay(&parsed);
                            self.serve(parsed)
                        }
                        Err(end) => return end,
                    };
                    if let Err(error) = served {
                        return End::Because(error);
                    }
                }
            }
        }
    }

    /// Whether the hub itself has too much of this client's to do to read on.
    fn is_held(&self) -> bool {
        let in_flight = self.in_flight.as_ref().map_or(0, |requests| requests.len());
        self.handing_over.is_some() || self.slowed.is_some() || in_flight >= REQUESTS_IN_FLIGHT_MAX
    }

    /// Each frame costs the hub something, whatever it is: who sends too many is read more slowly. A runner's writes are bounded by how
    /// many of them may wait for the log.
    fn pay(&mut self, parsed: &Parsed) {
        let is_run_write = matches!(
            parsed,
            Parsed::Frame(
                ClientFrame::ResumeRun { .. }
                    | ClientFrame::WriteRun { .. }
                    | ClientFrame::ReportTeardown { .. }
            )
        );
        let is_hosted = is_run_write && self.caller.instance.is_some();
        if !is_hosted && !self.frames.take(Instant::now()) {
            let pause = Duration::from_secs(1) / FRAMES_PER_SECOND;
            self.slowed = Some(Box::pin(tokio::time::sleep(pause)));
        }
    }

    fn serve(&mut self, parsed: Parsed) -> Result<(), ErrorBody> {
        let frame = match parsed {
            Parsed::Frame(frame) => frame,
            Parsed::Malformed(error) => return Err(error),
            Parsed::Unknown {
                command,
                log,
                error,
            } => {
                self.refuse(command, log, error);
                return Ok(());
            }
        };
        match frame {
            ClientFrame::Hello { .. } => {
                return Err(
                    ErrorCode::MalformedFrame.with("hello came twice", "connect again instead")
                );
            }
            ClientFrame::Heartbeat { runs } => {
                if let (Some(runs), Principal::Runner { runner, .. }) =
                    (runs, &self.caller.principal)
                {
                    let connection = self.caller.connection;
                    self.core.runners.named(*runner, connection, runs);
                }
                self.outgoing.answer(&HubFrame::HeartbeatAck {});
            }
            ClientFrame::Subscribe {
                log,
                cursor,
                state_format,
                newest_chars,
            } => {
                let wish = Wish {
                    log,
                    cursor,
                    states: StateWish::of(state_format, newest_chars),
                };
                self.subscribe(wish);
            }
            ClientFrame::ReadHistory {
                log,
                incarnation,
                after,
                upto,
            } => self.read_history(Wanted {
                log,
                incarnation,
                after,
                upto,
            }),
            ClientFrame::Unsubscribe { log } => self.follows.end(log),
            ClientFrame::Command { command } => self.command(command),
            ClientFrame::Attend {
                session,
                typing,
                in_use,
            } => self.attend(Attends {
                session,
                typing,
                in_use,
            }),
            frame @ (ClientFrame::ResumeRun { .. }
            | ClientFrame::WriteRun { .. }
            | ClientFrame::ReportTeardown { .. }) => {
                if let Some((session, request)) = run_request(frame)? {
                    self.run_request(session, request);
                }
            }
        }
        Ok(())
    }

    /// Without the capability, and from a runner, it is nobody's business.
    fn attend(&mut self, attends: Attends) {
        if let (Some(seat), Principal::Device { device, .. }) =
            (&mut self.looking, &self.caller.principal)
        {
            seat.say(*device, attends, Instant::now());
        }
    }

    fn refuse(&self, command: Option<CommandId>, log: Option<LogId>, error: ErrorBody) {
        self.outgoing.answer(&HubFrame::Refused {
            command,
            log,
            error,
        });
    }

    fn refuse_log(&self, log: LogId, error: ErrorBody) {
        self.refuse(None, Some(log), error);
    }

    fn command(&mut self, command: Command) {
        let (log, id) = (command.log, command.id);
        if !self.commands.take(Instant::now()) {
            let error = ErrorCode::RateLimited.with(
                "too many commands in a short time",
                "send it again in a second",
            );
            return self.refuse(Some(id), Some(log), error);
        }
        if let Err(error) = may_send(&self.core, &self.caller, &command) {
            return self.refuse(Some(id), Some(log), error);
        }
        let (core, caller) = (Arc::clone(&self.core), Caller::clone(&self.caller));
        self.handing_over = Some(Box::pin(async move {
            let answered = match log {
                LogId::Session(session) => {
                    let request = SessionRequest::Command(command);
                    SessionActors::request(&core, caller, session, request).await
                }
                LogId::Account(account) => core.accounts.request(caller, account, command).await,
            };
            HandedOver {
                log,
                command: Some(id),
                answered,
            }
        }));
    }

    fn run_request(&mut self, session: SessionId, request: SessionRequest) {
        let log = LogId::Session(session);
        if self.caller.instance.is_none() {
            let error = not_for_role(self.caller.role, Action::WriteRun);
            return self.refuse_log(log, error);
        }
        if self.core.owners.is_deleted(session) {
            for frame in of_deleted(log, &request) {
                self.outgoing.answer(&frame);
            }
            return;
        }
        if let Err(error) = authorize(&self.caller, Action::WriteRun, log, self.core.owner(log)) {
            return self.refuse_log(log, error);
        }
        let (core, caller) = (Arc::clone(&self.core), Caller::clone(&self.caller));
        self.handing_over = Some(Box::pin(async move {
            let answered = SessionActors::request(&core, caller, session, request).await;
            HandedOver {
                log,
                command: None,
                answered,
            }
        }));
    }

    fn expect(&mut self, request: HandedOver) {
        let HandedOver {
            log,
            command,
            answered,
        } = request;
        self.in_flight
            .get_or_insert_default()
            .push(Box::pin(async move {
                let lost =
                    || ErrorCode::Internal.with("the hub lost this request", "send it again");
                answered
                    .await
                    .unwrap_or_else(|_| refusal(log, command, lost()))
            }));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Principal::Runner { runner, .. } = &self.caller.principal {
            self.core.runners.leave(*runner, self.caller.connection);
        }
    }
}
