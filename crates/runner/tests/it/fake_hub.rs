//! A hub for one session, with the real session machine on a real socket, and switches that hold its answers back.

mod connection;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use baton_protocol::*;
use baton_session::*;
use baton_testkit::WAIT_LIMIT;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use uuid::Uuid;

use connection::Connection;

pub const ACCOUNT: AccountId = AccountId::from_uuid(Uuid::from_u128(0xacc));
pub const RUNNER: RunnerId = RunnerId::from_uuid(Uuid::from_u128(0xe1));
pub const SESSION: SessionId = SessionId::from_uuid(Uuid::from_u128(0x5e));

pub fn laptop() -> Principal {
    Principal::Device {
        account: ACCOUNT,
        device: DeviceId::from_uuid(Uuid::from_u128(0xd1)),
    }
}

/// The hub's state, and the test's instructions to it.
pub struct State {
    pub session: SessionState,
    pub transcript: Transcript,
    pub log: Vec<Event>,
    pub incarnation: Incarnation,
    /// Frames of writes in order of arrival, recorded or not.
    pub writes: Vec<Vec<RunWriteEntry>>,
    pub hellos: Vec<RunnerHello>,
    /// How often the runner unsubscribed from the session.
    pub unsubscribed: usize,
    /// Writes are neither recorded nor answered, but held for later.
    is_holding: bool,
    held: Vec<ClientFrame>,
    /// Withdrawn just before the next steer is taken in.
    withdraw_first: Option<PromptId>,
    refuse_next: Option<ErrorBody>,
    close_with: Option<(u16, String)>,
    /// Sent on the current connection, whichever it is.
    pushed: Vec<HubFrame>,
    /// Each new connection is assigned the active runs (again).
    pub is_assigning: bool,
    /// A misfit write gets only a `runFenced`, as the protocol also allows.
    pub fences_misfits: bool,
}

/// A hub that a test controls.
#[derive(Clone)]
pub struct FakeHub {
    pub addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

impl FakeHub {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("bound");
        let state = State {
            session: SessionState::default(),
            transcript: Transcript::default(),
            log: Vec::new(),
            incarnation: Incarnation::mint(),
            writes: Vec::new(),
            hellos: Vec::new(),
            unsubscribed: 0,
            is_holding: false,
            held: Vec::new(),
            withdraw_first: None,
            refuse_next: None,
            close_with: None,
            pushed: Vec::new(),
            is_assigning: true,
            fences_misfits: false,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
        });
        let hub = Self { addr, shared };
        let create = CreateSessionCommand {
            agent: AgentId("assistant".to_owned()),
            runner: None,
            title: None,
        };
        hub.accept(CommandBody::CreateSession(create));
        tokio::spawn(hub.clone().accept_connections(listener));
        hub
    }

    async fn accept_connections(self, listener: TcpListener) {
        while let Ok((tcp, _)) = listener.accept().await {
            tcp.set_nodelay(true).expect("nodelay");
            let hub = self.clone();
            tokio::spawn(async move {
                if let Ok(socket) = tokio_tungstenite::accept_async(tcp).await {
                    let (sink, stream) = socket.split();
                    // Any error ends the connection, and the test goes on.
                    let _ = hub.serve(sink, stream).await;
                }
            });
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and notifies all waiters.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.shared.changed.send_modify(|version| *version += 1);
        result
    }

    /// Waits until `pick` returns something.
    pub async fn wait<T>(&self, what: &str, pick: impl Fn(&State) -> Option<T>) -> T {
        let mut changes = self.shared.changed.subscribe();
        let waiting = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = pick(&self.state()) {
                    return found;
                }
                changes.changed().await.expect("the hub holds the sender");
            }
        };
        match tokio::time::timeout(WAIT_LIMIT, waiting).await {
            Ok(found) => found,
            Err(_) => panic!("not within {WAIT_LIMIT:?}: {what}"),
        }
    }

    fn accept(&self, body: CommandBody) -> CommandId {
        self.change(|state| state.accept(body))
    }

    pub fn send(&self, text: &str, delivery: Delivery) -> PromptId {
        self.send_together(&[text], delivery)[0]
    }

    /// Sends prompts that are all in the log before the runner hears of the first.
    pub fn send_together(&self, texts: &[&str], delivery: Delivery) -> Vec<PromptId> {
        let send = |text: &&str| {
            CommandBody::SendPrompt(SendPromptCommand {
                run: None,
                text: (*text).to_owned(),
                delivery,
            })
        };
        self.change(|state| {
            texts
                .iter()
                .map(|text| PromptId(state.accept(send(text))))
                .collect()
        })
    }

    pub fn stop(&self, run: RunId) {
        let target = StopTarget::Run { run };
        self.accept(CommandBody::StopRun(StopRunCommand {
            target,
            scope: StopScope::Run,
        }));
    }

    pub fn retry(&self, run: RunId) {
        self.accept(CommandBody::RetryRun(RetryRunCommand { run }));
    }

    pub fn lose(&self, run: RunId) {
        self.change(|state| {
            let events = lose_run(&state.session, run);
            state.record(events);
        });
    }

    /// From now on, writes are held and not answered.
    pub fn hold_writes(&self) {
        self.change(|state| state.is_holding = true);
    }

    /// Records and answers the held writes, and everything that follows.
    pub fn release_writes(&self) {
        self.change(|state| state.is_holding = false);
    }

    pub fn withdraw_before_the_next_steer(&self, prompt: PromptId) {
        self.change(|state| state.withdraw_first = Some(prompt));
    }

    pub fn refuse_the_next_write(&self, error: ErrorBody) {
        self.change(|state| state.refuse_next = Some(error));
    }

    /// Sends any frame.
    pub fn push(&self, frame: HubFrame) {
        self.change(|state| state.pushed.push(frame));
    }

    /// Ends the connection with a close frame.
    pub fn close(&self, code: u16, reason: &str) {
        self.change(|state| state.close_with = Some((code, reason.to_owned())));
    }

    /// Waits for the run of the next prompt, which begins when a runner is connected.
    pub async fn started(&self) -> RunId {
        self.wait("a run", |state| state.session.root_run().map(|run| run.run))
            .await
    }

    /// Waits for the end of a run.
    pub async fn ended(&self, run: RunId) -> RunOutcome {
        self.wait("the end of the run", |state| {
            state.session.run_record(run)?.outcome.clone()
        })
        .await
    }

    async fn serve(
        self,
        mut sink: SplitSink<WebSocketStream<TcpStream>, Message>,
        mut stream: SplitStream<WebSocketStream<TcpStream>>,
    ) -> Option<()> {
        let mut changes = self.shared.changed.subscribe();
        let mut connection = Connection::default();
        loop {
            let mut frames = Vec::new();
            tokio::select! {
                message = stream.next() => match message?.ok()? {
                    Message::Text(text) => {
                        let frame: ClientFrame = serde_json::from_str(&text).expect("a frame of the protocol");
                        frames = self.change(|state| connection.receive(state, frame));
                    }
                    Message::Close(_) => return None,
                    _ => {}
                },
                changed = changes.changed() => changed.ok()?,
            }
            let close_with = self.state().close_with.take();
            if let Some((code, reason)) = close_with {
                let close = CloseFrame {
                    code: code.into(),
                    reason: reason.into(),
                };
                let _ = sink.send(Message::Close(Some(close))).await;
                return None;
            }
            let begun =
                self.state().session.next_prompt().is_some() && connection.instance.is_some();
            if begun {
                self.change(|state| connection.begin(state));
            }
            if !self.state().is_holding && !self.state().held.is_empty() {
                frames.extend(self.change(|state| connection.release(state)));
            }
            frames.extend(std::mem::take(&mut self.state().pushed));
            frames.extend(connection.news(&self.state()));
            for frame in frames {
                let text = serde_json::to_string(&frame).expect("plain JSON");
                sink.send(Message::text(text)).await.ok()?;
            }
        }
    }
}

impl State {
    fn accept(&mut self, body: CommandBody) -> CommandId {
        let command = Command {
            only_if: None,
            id: CommandId::mint(),
            log: LogId::Session(SESSION),
            body,
        };
        let decision = decide(
            &self.session,
            &command,
            &laptop(),
            &DecideFacts { can_steer: true },
        );
        if let ReceiptOutcome::Refused { error } = decision.outcome {
            panic!("refused: {error:?}");
        }
        self.record(decision.events);
        command.id
    }

    pub fn record(&mut self, events: Vec<NewEvent>) {
        for event in events {
            let seq = self.session.head().next();
            let event = event.at(seq, TimestampMs(seq.0 as i64));
            self.session
                .apply(&event, &mut self.transcript)
                .expect("a decision folds, digests included");
            self.log.push(event);
        }
    }

    fn write(&mut self, frame: ClientFrame) -> Vec<HubFrame> {
        let ClientFrame::WriteRun {
            run,
            epoch,
            mut entries,
            ..
        } = frame
        else {
            panic!("only writes are held")
        };
        let takes_steer = entries
            .iter()
            .any(|entry| matches!(entry.write, RunWrite::ConsumeSteer { .. }));
        if takes_steer && let Some(prompt) = self.withdraw_first.take() {
            let body = EventBody::PromptWithdrawn(PromptWithdrawnEvent { prompt });
            self.record(vec![NewEvent {
                by: laptop(),
                command: None,
                producer: None,
                recorded_at: None,
                body,
            }]);
        }
        let recorded = self
            .session
            .active_run(run)
            .map(|run| run.last_producer)
            .unwrap_or_default();
        let fences_misfits = self.fences_misfits;
        let refused = |error| {
            if fences_misfits {
                return vec![HubFrame::RunFenced { run, error }];
            }
            vec![
                HubFrame::Refused {
                    command: None,
                    log: Some(LogId::Session(SESSION)),
                    error,
                },
                HubFrame::RunAcked {
                    run,
                    producer: recorded,
                },
            ]
        };
        if let Some(error) = self.refuse_next.take() {
            return refused(error);
        }
        match decide_run_write(&self.session, run, epoch, RUNNER, &entries, &[]) {
            Ok(events) => {
                self.record(events);
                let last = entries.pop().expect("a frame has writes").producer;
                vec![HubFrame::RunAcked {
                    run,
                    producer: last.max(recorded),
                }]
            }
            Err(error) if error.code == ErrorCode::LeaseFenced => {
                vec![HubFrame::RunFenced { run, error }]
            }
            Err(error) => refused(error),
        }
    }
}
