//! A connection that has said hello: each frame goes to whom it is for.
//!
//! Requests to one log keep their order: each is in its actor's mailbox before the next frame is read. Answers come as they are ready.

use std::collections::HashMap;
use std::sync::Arc;

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
use super::subscription;
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
use crate::tasks::TaskGroup;

/// The part of a connection that speaks with the rest of the hub.
pub struct Connection {
    core: Arc<HubCore>,
    caller: Caller,
    outgoing: Outgoing,
    subscriptions: HashMap<LogId, AbortOnDrop>,
    commands: TokenBucket,
    subscribes: TokenBucket,
    in_flight: FuturesUnordered<BoxFuture<'static, Answer>>,
    presence: PresenceSeat,
    looking: Option<LookingSeat>,
    assignments: Arc<Assignments>,
    lease: Option<Arc<LastHeard>>,
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
        let id = core.next_connection();
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
            commands,
            subscribes,
            in_flight: FuturesUnordered::new(),
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
        loop {
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
                text = incoming.next(), if self.in_flight.len() < REQUESTS_IN_FLIGHT_MAX => {
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
            ClientFrame::Subscribe { log, cursor } => self.subscribe(log, cursor).await,
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

    async fn subscribe(&mut self, log: LogId, cursor: Option<baton_protocol::Cursor>) {
        self.subscriptions.remove(&log);
        if !self.subscribes.take(Instant::now()) {
            let error = ErrorCode::RateLimited.with(
                "too many subscriptions in a short time",
                "subscribe again in a second",
            );
            return self.refuse_log(log, error).await;
        }
        if self.subscriptions.len() >= limits::SUBSCRIPTIONS_PER_CONNECTION_MAX {
            let message = format!(
                "a connection follows at most {} logs",
                limits::SUBSCRIPTIONS_PER_CONNECTION_MAX
            );
            let error = ErrorCode::TooLarge.with(message, "unsubscribe from one first");
            return self.refuse_log(log, error).await;
        }
        let work = subscription::follow(
            Arc::clone(&self.core),
            self.caller.clone(),
            log,
            cursor,
            self.outgoing.clone(),
        );
        let task = self.core.tasks.spawn(TaskGroup::Edge, "subscription", work);
        self.subscriptions.insert(log, AbortOnDrop(task));
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
        let answered = match log {
            LogId::Session(session) => {
                SessionActors::request(
                    &self.core,
                    self.caller.clone(),
                    session,
                    SessionRequest::Command(command),
                )
                .await
            }
            LogId::Account(account) => {
                self.core
                    .accounts
                    .request(self.caller.clone(), account, command)
                    .await
            }
        };
        self.expect(log, Some(id), answered);
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
        let answered =
            SessionActors::request(&self.core, self.caller.clone(), session, request).await;
        self.expect(log, None, answered);
    }

    fn expect(
        &mut self,
        log: LogId,
        command: Option<CommandId>,
        answered: oneshot::Receiver<Answer>,
    ) {
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

impl Drop for Connection {
    fn drop(&mut self) {
        if let Principal::Runner { runner, .. } = &self.caller.principal {
            self.core.runners.leave(*runner, self.caller.connection);
        }
    }
}
