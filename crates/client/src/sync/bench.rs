//! Shared by the tables of the engine: an engine on a test bench, and short constructors for frames.

use baton_protocol::view::ConnectionPhase;
use baton_protocol::{
    AccountId, AgentId, Batch, ClientFrame, Command, CommandBody, CommandEffect, CommandId,
    CreateSessionCommand, Cursor, Delivery, DeviceId, ErrorCode, HubFrame, Incarnation, LogId,
    Principal, Receipt, ReceiptOutcome, SendPromptCommand, Seq, SessionId, TimestampMs,
};
use uuid::Uuid;

use super::*;

pub(super) fn account() -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(1))
}

pub(super) fn account_log() -> LogId {
    LogId::Account(account())
}

pub(super) fn session(n: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(100 + n))
}

pub(super) fn log(n: u128) -> LogId {
    LogId::Session(session(n))
}

pub(super) fn incarnation(n: u128) -> Incarnation {
    Incarnation::from_uuid(Uuid::from_u128(n))
}

pub(super) fn command(n: u128, log: LogId, body: CommandBody) -> Command {
    let id = CommandId::from_uuid(Uuid::from_u128(1_000 + n));
    Command {
        only_if: None,
        id,
        log,
        body,
    }
}

pub(super) fn prompt(n: u128, log: LogId) -> Command {
    let text = format!("prompt {n}");
    let delivery = Delivery::Queue;
    let body = CommandBody::SendPrompt(SendPromptCommand {
        run: None,
        text,
        delivery,
    });
    command(n, log, body)
}

pub(super) fn create(n: u128, log: LogId) -> Command {
    let agent = AgentId("assistant".into());
    let create = CreateSessionCommand {
        agent,
        runner: None,
        title: None,
    };
    command(n, log, CommandBody::CreateSession(create))
}

pub(super) fn queued(command: Command) -> Input {
    Input::IntentQueued(PendingIntent {
        command,
        maybe_sent: false,
    })
}

pub(super) fn accepted(command: &Command) -> HubFrame {
    answer(
        command,
        ReceiptOutcome::Accepted {
            effect: CommandEffect::Applied,
        },
    )
}

pub(super) fn answer(command: &Command, outcome: ReceiptOutcome) -> HubFrame {
    let receipt = Receipt {
        command: command.id,
        log: command.log,
        seq: Seq(1),
        recorded_at: TimestampMs(0),
        outcome,
    };
    HubFrame::Receipt { receipt }
}

pub(super) fn batch(log: LogId, after: u64, upto: u64, head: u64) -> Batch {
    Batch {
        log,
        incarnation: incarnation(7),
        after: Seq(after),
        upto: Seq(upto),
        head: Seq(head),
        events: Vec::new(),
    }
}

pub(super) fn cursor(seq: u64) -> Cursor {
    Cursor {
        incarnation: incarnation(7),
        seq: Seq(seq),
    }
}

pub(super) struct Bench {
    pub(super) engine: SyncEngine,
    pub(super) now: Now,
}

impl Bench {
    pub(super) fn with(cursors: Vec<(LogId, Cursor)>, intents: Vec<PendingIntent>) -> Self {
        Self::knowing(cursors, intents, Vec::new())
    }

    /// A bench whose mirror has the tombstones of these sessions.
    pub(super) fn knowing(
        cursors: Vec<(LogId, Cursor)>,
        intents: Vec<PendingIntent>,
        deleted: Vec<SessionId>,
    ) -> Self {
        let engine = SyncEngine::new(SyncConfig {
            gaps: Vec::new(),
            account: account(),
            seed: 42,
            cursors,
            sessions: Vec::new(),
            deleted,
            intents,
        });
        let now = Now {
            mono_ms: 1_000,
            wall: TimestampMs(1_000_000),
        };
        Self { engine, now }
    }

    pub(super) fn new() -> Self {
        Self::with(Vec::new(), Vec::new())
    }

    /// A bench that is connected, greeted and caught up with the account's log.
    pub(super) fn live() -> Self {
        let mut bench = Self::new();
        bench.connect();
        bench.hear(HubFrame::Batch(batch(account_log(), 0, 3, 3)));
        bench
    }

    pub(super) fn connect(&mut self) -> Vec<Output> {
        self.give(Input::Start);
        self.open()
    }

    pub(super) fn open(&mut self) -> Vec<Output> {
        self.open_at(None)
    }

    /// Opens the connection to a hub that reports its clock.
    pub(super) fn open_at(&mut self, hub_time: Option<TimestampMs>) -> Vec<Output> {
        self.give(Input::Connected);
        self.hear(HubFrame::Welcome {
            account: account(),
            principal: Principal::Device {
                account: account(),
                device: DeviceId::from_uuid(Uuid::from_u128(2)),
            },
            hub_name: "hub".into(),
            capabilities: Vec::new(),
            hub_time,
        })
    }

    pub(super) fn give(&mut self, input: Input) -> Vec<Output> {
        self.engine.handle(self.now, input);
        std::iter::from_fn(|| self.engine.next_output()).collect()
    }

    pub(super) fn hear(&mut self, frame: HubFrame) -> Vec<Output> {
        self.give(Input::FrameReceived(Box::new(frame)))
    }

    pub(super) fn pass(&mut self, ms: u64) -> Vec<Output> {
        self.now.mono_ms += ms;
        self.now.wall.0 += i64::try_from(ms).unwrap();
        self.give(Input::Tick)
    }
}

pub(super) fn sent(outputs: &[Output]) -> Vec<ClientFrame> {
    let frames = outputs.iter().filter_map(|output| match output {
        Output::Send(frame) => Some(frame.clone()),
        _ => None,
    });
    frames.collect()
}

pub(super) fn phase(outputs: &[Output]) -> Option<ConnectionPhase> {
    let mut phases = outputs.iter().filter_map(|output| match output {
        Output::Connection(status) => Some(status.phase),
        _ => None,
    });
    phases.next_back()
}

pub(super) fn subscribe(log: LogId, cursor: Option<Cursor>) -> ClientFrame {
    ClientFrame::Subscribe {
        log,
        cursor,
        state_format: Some(super::snapshots::format_of(log)),
        newest_chars: None,
    }
}

pub(super) fn lost() -> Input {
    Input::Disconnected(Problem::passing(
        ErrorCode::HeartbeatMissed.with("gone", ""),
    ))
}
