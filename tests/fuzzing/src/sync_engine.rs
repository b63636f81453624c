//! A device's sync engine against a hub that says anything, on a line that does anything.

use std::collections::{HashMap, HashSet};

use baton_client::sync::{
    Input, Now, Output, PendingIntent, Problem, SessionPosition, SyncConfig, SyncEngine,
};
use baton_protocol::{
    AccountId, ClientFrame, Command, CommandId, Cursor, ErrorCode, HubFrame, LogId, Seq, SessionId,
    TimestampMs,
};

/// More than any input may ask for: beyond it the engine spins.
const OUTPUTS_PER_INPUT_MAX: usize = 10_000;

/// Takes each line as a frame of the hub, as an intent, or as what befalls the line: see `input`.
///
/// # Panics
/// Where a batch is given to the mirror that does not continue its cursor, a command is sent that nobody meant or that is answered,
/// or one input is never done with.
pub fn sync_engine(data: &[u8]) {
    let mut world = World::new();
    world.give(Input::Start);
    for line in crate::lines(data) {
        world.now.mono_ms += 100;
        world.now.wall.0 += 100;
        let input = input(line, &mut world.now);
        world.give(input);
    }
}

/// JSON is a frame or, where it is a command, an intent. Another first byte chooses what happens to the line.
fn input(line: &str, now: &mut Now) -> Input {
    let problem = || Problem::passing(ErrorCode::HeartbeatMissed.with("cut", "wait"));
    let log = LogId::Session(session());
    match line.as_bytes() {
        [b'{', ..] => {
            if let Ok(command) = serde_json::from_str::<Command>(line) {
                let maybe_sent = false;
                return Input::IntentQueued(PendingIntent {
                    command,
                    maybe_sent,
                });
            }
            serde_json::from_str::<HubFrame>(line).map_or(Input::FrameUnreadable, |frame| {
                Input::FrameReceived(Box::new(frame))
            })
        }
        [b'c', ..] => Input::Connected,
        [b'd', ..] => Input::Disconnected(problem()),
        [b'D', ..] => Input::Disconnected(Problem::lasting(ErrorCode::Revoked.with("no", "link"))),
        [b'n', ..] => Input::Nudge,
        [b'w', ..] => Input::Want(log),
        [b'x', ..] => Input::Deleted(vec![session()]),
        [b'm', ..] => Input::MirrorMoved { log, cursor: None },
        [b'f', ..] => Input::MirrorFailed(Problem::passing(
            ErrorCode::Internal.with("full", "make room"),
        )),
        [b's', seconds, ..] => {
            now.mono_ms += u64::from(*seconds) * 1_000;
            now.wall = TimestampMs(now.wall.0 + i64::from(*seconds) * 1_000);
            Input::Tick
        }
        [b'r', ..] => Input::Summaries(vec![SessionPosition {
            session: session(),
            seq: Seq(9),
            running: true,
            updated_at: now.wall,
        }]),
        _ => Input::Tick,
    }
}

/// The session of the protocol's golden files.
fn session() -> SessionId {
    SessionId::from_uuid(uuid::Uuid::from_u128(
        0x0198_0000_0000_7000_8000_0000_0000_0001,
    ))
}

/// The engine, and a mirror that believes nothing.
struct World {
    engine: SyncEngine,
    now: Now,
    mirror: HashMap<LogId, Cursor>,
    unanswered: HashSet<CommandId>,
}

impl World {
    fn new() -> Self {
        let account = AccountId::from_uuid(uuid::Uuid::from_u128(
            0x0198_0000_0000_7000_8000_0000_0000_0002,
        ));
        let config = SyncConfig {
            gaps: Vec::new(),
            account,
            seed: 7,
            cursors: Vec::new(),
            sessions: Vec::new(),
            deleted: Vec::new(),
            intents: Vec::new(),
        };
        Self {
            engine: SyncEngine::new(config),
            now: Now::default(),
            mirror: HashMap::new(),
            unanswered: HashSet::new(),
        }
    }

    fn give(&mut self, input: Input) {
        match &input {
            Input::IntentQueued(intent) => {
                self.unanswered.insert(intent.command.id);
            }
            Input::MirrorMoved { log, .. } => {
                self.mirror.remove(log);
            }
            _ => {}
        }
        self.engine.handle(self.now, input);
        for _ in 0..OUTPUTS_PER_INPUT_MAX {
            match self.engine.next_output() {
                Some(output) => self.judge(output),
                None => return,
            }
        }
        panic!("one input is never done with");
    }

    fn judge(&mut self, output: Output) {
        match output {
            Output::ApplyBatch(batch) => {
                let cursor = self.mirror.get(&batch.log);
                let stands_at = cursor.map_or(Seq::ZERO, |cursor| cursor.seq);
                assert_eq!(
                    batch.after, stands_at,
                    "a gap or a duplicate in {}",
                    batch.log
                );
                assert!(cursor.is_none_or(|cursor| cursor.incarnation == batch.incarnation));
                assert!(batch.events.is_sorted_by(|a, b| a.seq < b.seq));
                let cursor = Cursor {
                    incarnation: batch.incarnation,
                    seq: batch.upto,
                };
                self.mirror.insert(batch.log, cursor);
            }
            Output::DropLog(log) => {
                self.mirror.remove(&log);
            }
            Output::Send(ClientFrame::Command { command }) => {
                assert!(self.unanswered.contains(&command.id), "an intent of nobody");
            }
            Output::StoreReceipt(receipt) => {
                self.unanswered.remove(&receipt.command);
            }
            Output::RefuseIntent { command, .. } => {
                self.unanswered.remove(&command);
                self.engine.handle(self.now, Input::RefusalNoted(command));
            }
            _ => {}
        }
    }
}
