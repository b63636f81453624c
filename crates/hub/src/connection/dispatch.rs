//! A connection that has said hello: each frame goes to whom it is for.
//!
//! Requests to one log keep their order: each is in its actor's mailbox before the next frame is read. Answers come as they are ready.
//!
//! A client is held back, which is to say not read, while its request waits for a mailbox or too many of its requests wait for an
//! answer: a disk that stands still does that to everybody. The hub does not hear it then, so it does not blame it for its silence, and
//! gives signs of life by itself.

mod following;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use baton_protocol::{
    ClientFrame, Command, CommandId, ErrorBody, ErrorCode, HubFrame, LogId, Principal, SessionId,
    limits,
};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::End;
use super::entry::{may_send, run_request, runner_arrives};
use super::hello::Hello;
use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::parse::{Parsed, parse};
use super::snapshot::Wanted;
use super::subscription::Wish;
use crate::actor::{Answer, SessionActors, SessionRequest, of_deleted, refusal};
use crate::authorize::{Action, Caller, authorize, not_for_role};
use crate::bucket::TokenBucket;
use crate::config::{REQUESTS_IN_FLIGHT_MAX, SUBSCRIBES_BURST_MAX};
use crate::connection_handle::{Assignments, ConnectionHandle, Ending};
use crate::core::HubCore;
use crate::credentials::PrincipalRecord;
use crate::frame_text::EncodedFrame;
use crate::grants::GrantRef;
use crate::leases::LastHeard;
use crate::looking::{Attends, LookingSeat};
use crate::presence::PresenceSeat;

/// How often the hub gives a sign of life to a client that it holds back: as often as a client does.
const SIGN_OF_LIFE_INTERVAL: Duration = Duration::from_millis(limits::HEARTBEAT_INTERVAL_MS);

/// The part of a connection that speaks with the rest of the hub.
pub struct Connection {
    core: Arc<HubCore>,
    caller: Caller,
    outgoing: Outgoing,
    subscriptions: HashMap<LogId, AbortOnDrop>,
    /// The stretch of history that is read for this client.
    history: Option<AbortOnDrop>,
    commands: TokenBucket,
    subscribes: TokenBucket,
    in_flight: FuturesUnordered<BoxFuture<'static, Answer>>,
    /// A request on its way into a mailbox.
    handing_over: Option<BoxFuture<'static, HandedOver>>,
    presence: PresenceSeat,
    looking: Option<LookingSeat>,
    assignments: Arc<Assignments>,
    lease: Option<Arc<LastHeard>>,
}

/// A request that is in its actor's mailbox.
struct HandedOver {
    log: LogId,
    command: Option<CommandId>,
    answered: oneshot::Receiver<Answer>,
}

/// A subscription's task, which ends with its connection.
struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connection {
    /// Welcomes the client and makes it known.
    pub async fn open(
        core: &Arc<HubCore>,
        (record, grant): (&PrincipalRecord, GrantRef),
        hello: Hello,
        outgoing: Outgoing,
        ending: Ending,
    ) -> Self {
        let id = grant.connection();
        let mut caller = Caller {
            account: record.account,
            principal: record.principal.clone(),
            role: record.role,
            instance: None,
            connection: id,
            grant,
        };
        let welcome = HubFrame::Welcome {
            account: record.account,
            principal: record.principal.clone(),
            hub_name: core.name.clone(),
            capabilities: vec![limits::ATTENTION_CAPABILITY.to_owned()],
        };
        outgoing.answer(&welcome).await;
        let presence = core.presence.join(record.account, record.principal.clone());
        let assignments = Arc::new(Assignments::default());
        let looking = hello
            .hears_attention
            .then(|| core.looking.join(record.account, id));
        let lease = match (hello.runner, &record.principal) {
            (Some(hello), Principal::Runner { .. }) => {
                caller.instance = Some(hello.instance);
                let handle = ConnectionHandle::new(id, Arc::clone(&assignments), ending);
                Some(runner_arrives(core, &caller, hello, handle))
            }
            _ => None,
        };
        tracing::debug!(role = ?record.role, "a connection is open");
        let commands = TokenBucket::new(
            limits::COMMANDS_BURST_MAX,
            limits::COMMANDS_PER_SECOND,
            Instant::now(),
        );
        let subscribes = TokenBucket::new(
            SUBSCRIBES_BURST_MAX,
            limits::COMMANDS_PER_SECOND,
            Instant::now(),
        );
        Self {
            core: Arc::clone(core),
            caller,
            outgoing,
            subscriptions: HashMap::new(),
            history: None,
            commands,
            subscribes,
            in_flight: FuturesUnordered::new(),
            handing_over: None,
            presence,
            looking,
            assignments,
            lease,
        }
    }

    /// Serves frames until the socket brings no more or one of them must not be served.
    pub async fn run(mut self, incoming: &mut Incoming<'_>) -> End {
        if let Some(lease) = &self.lease {
            incoming.renew(Arc::clone(lease));
        }
        let mut held_since = None;
        loop {
            let is_held = self.is_held();
            if !is_held {
                held_since = None;
            }
            let sign_at = *held_since.get_or_insert_with(Instant::now) + SIGN_OF_LIFE_INTERVAL;
            tokio::select! {
                frame = self.presence.changed() => {
                    self.outgoing.encoded_answer(frame).await;
                }
                frame = heard(&mut self.looking) => {
                    self.outgoing.encoded_answer(frame).await;
                }
                frame = self.assignments.next() => {
                    self.outgoing.encoded_answer(frame).await;
                }
                Some(answer) = self.in_flight.next(), if !self.in_flight.is_empty() => {
                    for frame in &answer {
                        self.outgoing.answer(frame).await;
                    }
                }
                request = handed_over(&mut self.handing_over) => {
                    // Until then no other frame is read.
                    self.handing_over = None;
                    self.expect(request);
                }
                () = async { tokio::time::sleep_until(sign_at).await }, if is_held => {
                    held_since = None;
                    incoming.excuse_silence();
                    self.outgoing.offer(&HubFrame::HeartbeatAck {});
                }
                text = incoming.next(), if !is_held => {
                    let served = match text {
                        Ok(text) => self.serve(parse(&text)).await,
                        Err(end) => return end,
                    };
                    if let Err(error) = served {
                        return End::Because(error);
                    }
                }
            }
        }
    }

    fn is_held(&self) -> bool {
        self.handing_over.is_some() || self.in_flight.len() >= REQUESTS_IN_FLIGHT_MAX
    }

    async fn serve(&mut self, parsed: Parsed) -> Result<(), ErrorBody> {
        let frame = match parsed {
            Parsed::Frame(frame) => frame,
            Parsed::Malformed(error) => return Err(error),
            Parsed::Unknown {
                command,
                log,
                error,
            } => {
                self.outgoing
                    .answer(&HubFrame::Refused {
                        command,
                        log,
                        error,
                    })
                    .await;
                return Ok(());
            }
        };
        match frame {
            ClientFrame::Hello { .. } => {
                return Err(
                    ErrorCode::MalformedFrame.with("hello came twice", "connect again instead")
                );
            }
            ClientFrame::Heartbeat {} => {
                self.outgoing.answer(&HubFrame::HeartbeatAck {}).await;
            }
            ClientFrame::Subscribe {
                log,
                cursor,
                state_format,
            } => {
                let wish = Wish {
                    log,
                    cursor,
                    state_format,
                };
                self.subscribe(wish).await;
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
            ClientFrame::Unsubscribe { log } => drop(self.subscriptions.remove(&log)),
            ClientFrame::Command { command } => self.command(command).await,
            ClientFrame::Attend {
                session,
                typing,
                in_use,
            } => {
                // Without the capability, and from a runner, it is nobody's business.
                if let (Some(seat), Principal::Device { device, .. }) =
                    (&mut self.looking, &self.caller.principal)
                {
                    let attends = Attends {
                        session,
                        typing,
                        in_use,
                    };
                    seat.say(*device, attends, Instant::now());
                }
            }
            frame @ (ClientFrame::ResumeRun { .. }
            | ClientFrame::WriteRun { .. }
            | ClientFrame::ReportTeardown { .. }) => {
                if let Some((session, request)) = run_request(frame)? {
                    self.run_request(session, request).await;
                }
            }
        }
        Ok(())
    }

    async fn refuse_log(&mut self, log: LogId, error: ErrorBody) {
        let refused = HubFrame::Refused {
            command: None,
            log: Some(log),
            error,
        };
        self.outgoing.answer(&refused).await;
    }

    async fn command(&mut self, command: Command) {
        let (log, id) = (command.log, command.id);
        if !self.commands.take(Instant::now()) {
            let error = ErrorCode::RateLimited.with(
                "too many commands in a short time",
                "send it again in a second",
            );
            self.outgoing
                .answer(&HubFrame::Refused {
                    command: Some(id),
                    log: Some(log),
                    error,
                })
                .await;
            return;
        }
        if let Err(error) = may_send(&self.core, &self.caller, &command) {
            self.outgoing
                .answer(&HubFrame::Refused {
                    command: Some(id),
                    log: Some(log),
                    error,
                })
                .await;
            return;
        }
        let (core, caller) = (Arc::clone(&self.core), self.caller.clone());
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

    async fn run_request(&mut self, session: SessionId, request: SessionRequest) {
        let log = LogId::Session(session);
        if self.caller.instance.is_none() {
            let error = not_for_role(self.caller.role, Action::WriteRun);
            return self.refuse_log(log, error).await;
        }
        if self.core.owners.is_deleted(session) {
            for frame in of_deleted(log, &request) {
                self.outgoing.answer(&frame).await;
            }
            return;
        }
        if let Err(error) = authorize(&self.caller, Action::WriteRun, log, self.core.owner(log)) {
            return self.refuse_log(log, error).await;
        }
        let (core, caller) = (Arc::clone(&self.core), self.caller.clone());
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
        self.in_flight.push(Box::pin(async move {
            let lost = || ErrorCode::Internal.with("the hub lost this request", "send it again");
            answered
                .await
                .unwrap_or_else(|_| refusal(log, command, lost()))
        }));
    }
}

/// What this client hears of others next, where it wants to.
async fn heard(seat: &mut Option<LookingSeat>) -> EncodedFrame {
    match seat {
        Some(seat) => seat.next().await,
        None => std::future::pending().await,
    }
}

/// The request that is on its way, once it has arrived; never where there is none.
async fn handed_over(request: &mut Option<BoxFuture<'static, HandedOver>>) -> HandedOver {
    match request {
        Some(request) => request.await,
        None => std::future::pending().await,
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Principal::Runner { runner, .. } = &self.caller.principal {
            self.core.runners.leave(*runner, self.caller.connection);
        }
    }
}
