//! Whatever the connection does, the mirror gets no gap and no duplicate, and in the end everything.

use baton_protocol::{
    AccountId, Batch, ClientFrame, Cursor, DeviceId, ErrorCode, Event, EventBody, HubFrame,
    Incarnation, LogId, Principal, Seq, SessionId, TimestampMs, UnknownEvent,
};
use proptest::prelude::*;
use std::collections::VecDeque;
use uuid::Uuid;

use super::*;

const BATCH_EVENTS: u64 = 3;

#[derive(Clone, Debug)]
enum Fault {
    Deliver,
    Lose,
    Repeat,
    Swap,
    Cut,
    Grow(u8),
    Replace,
    Pass(u16),
    MirrorElsewhere(u8),
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop_oneof![
        8 => Just(Fault::Deliver),
        1 => Just(Fault::Lose),
        1 => Just(Fault::Repeat),
        1 => Just(Fault::Swap),
        1 => Just(Fault::Cut),
        4 => (1..8_u8).prop_map(Fault::Grow),
        1 => Just(Fault::Replace),
        3 => (0..4_000_u16).prop_map(Fault::Pass),
        1 => (0..8_u8).prop_map(Fault::MirrorElsewhere),
    ];
    prop::collection::vec(fault, 0..120)
}

/// A hub with one session, a connection, and a mirror as strict as the real one.
struct World {
    engine: SyncEngine,
    now: Now,
    head: u64,
    incarnation: u128,
    greeted: bool,
    subscribed: Option<u64>,
    line: VecDeque<HubFrame>,
    mirror: Option<Cursor>,
    mirrored: Vec<u64>,
}

fn session() -> LogId {
    LogId::Session(SessionId::from_uuid(Uuid::from_u128(5)))
}

fn account() -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(1))
}

impl World {
    fn new() -> Self {
        let engine = SyncEngine::new(SyncConfig {
            gaps: Vec::new(),
            account: account(),
            seed: 3,
            cursors: Vec::new(),
            sessions: Vec::new(),
            deleted: Vec::new(),
            intents: Vec::new(),
        });
        let now = Now {
            mono_ms: 10,
            wall: TimestampMs(10),
        };
        let mut world = Self {
            engine,
            now,
            head: 4,
            incarnation: 7,
            greeted: false,
            subscribed: None,
            line: VecDeque::new(),
            mirror: None,
            mirrored: Vec::new(),
        };
        world.give(Input::Want(session()));
        world.give(Input::Start);
        world
    }

    fn incarnation(&self) -> Incarnation {
        Incarnation::from_uuid(Uuid::from_u128(self.incarnation))
    }

    fn give(&mut self, input: Input) {
        self.engine.handle(self.now, input);
        while let Some(output) = self.engine.next_output() {
            match output {
                Output::Connect => {
                    self.hang_up();
                    self.engine.handle(self.now, Input::Connected);
                }
                Output::Close => self.hang_up(),
                Output::Send(frame) => self.serve(frame),
                Output::ApplyBatch(batch) => self.apply(&batch),
                Output::DropLog(log) if log == session() => {
                    self.mirror = None;
                    self.mirrored.clear();
                }
                _ => {}
            }
        }
    }

    fn hang_up(&mut self) {
        self.line.clear();
        self.greeted = false;
        self.subscribed = None;
    }

    /// The mirror's own check, which must never fail.
    fn apply(&mut self, batch: &Batch) {
        if batch.log != session() {
            return;
        }
        let stands_at = self.mirror.map_or(0, |cursor| cursor.seq.0);
        assert_eq!(batch.after.0, stands_at, "a gap or a duplicate");
        if let Some(cursor) = self.mirror {
            assert_eq!(cursor.incarnation, batch.incarnation);
        }
        self.mirrored
            .extend(batch.events.iter().map(|event| event.seq.0));
        self.mirror = Some(Cursor {
            incarnation: batch.incarnation,
            seq: batch.upto,
        });
    }

    fn serve(&mut self, frame: ClientFrame) {
        match frame {
            ClientFrame::Hello { .. } => {
                self.greeted = true;
                self.line.push_back(HubFrame::Welcome {
                    account: account(),
                    principal: Principal::Device {
                        account: account(),
                        device: DeviceId::from_uuid(Uuid::from_u128(2)),
                    },
                    hub_name: "hub".into(),
                    capabilities: Vec::new(),
                    hub_time: None,
                });
            }
            ClientFrame::Heartbeat { .. } => self.line.push_back(HubFrame::HeartbeatAck {}),
            ClientFrame::Subscribe { log, cursor, .. } if log == session() => {
                let known = cursor.is_none_or(|cursor| {
                    cursor.incarnation == self.incarnation() && cursor.seq.0 <= self.head
                });
                if known {
                    let from = cursor.map_or(0, |cursor| cursor.seq.0);
                    self.subscribed = Some(from);
                    self.push_batches(true);
                } else {
                    self.line.push_back(HubFrame::Missing {
                        log,
                        incarnation: Some(self.incarnation()),
                    });
                }
            }
            ClientFrame::Subscribe { log, .. } => {
                self.line.push_back(HubFrame::Batch(Batch {
                    log,
                    incarnation: self.incarnation(),
                    after: Seq(0),
                    upto: Seq(0),
                    head: Seq(0),
                    events: Vec::new(),
                }));
            }
            _ => {}
        }
    }

    fn push_batches(&mut self, even_if_empty: bool) {
        let Some(mut after) = self.subscribed else {
            return;
        };
        let mut first = even_if_empty;
        while first || after < self.head {
            first = false;
            let upto = (after + BATCH_EVENTS).min(self.head);
            let event = |seq| Event {
                seq: Seq(seq),
                recorded_at: TimestampMs(0),
                by: Principal::Hub,
                command: None,
                producer: None,
                body: EventBody::Unknown(UnknownEvent {
                    tag: "x".into(),
                    raw: serde_json::json!({ "type": "x" }),
                }),
            };
            self.line.push_back(HubFrame::Batch(Batch {
                log: session(),
                incarnation: self.incarnation(),
                after: Seq(after),
                upto: Seq(upto),
                head: Seq(self.head),
                events: (after + 1..=upto).map(event).collect(),
            }));
            after = upto;
        }
        self.subscribed = Some(after);
    }

    fn deliver(&mut self) {
        if let Some(frame) = self.line.pop_front() {
            self.give(Input::FrameReceived(Box::new(frame)));
        }
    }

    fn suffer(&mut self, fault: Fault) {
        match fault {
            Fault::Deliver => self.deliver(),
            Fault::Lose => {
                self.line.pop_front();
            }
            Fault::Repeat => {
                if let Some(frame) = self.line.front().cloned() {
                    self.give(Input::FrameReceived(Box::new(frame)));
                }
            }
            Fault::Swap if self.line.len() > 1 => self.line.swap(0, 1),
            Fault::Swap => {}
            Fault::Cut => {
                self.hang_up();
                let error = ErrorCode::HeartbeatMissed.with("cut", "");
                self.give(Input::Disconnected(Problem::passing(error)));
            }
            Fault::Grow(by) => {
                self.head += u64::from(by);
                self.push_batches(false);
            }
            Fault::Replace => {
                self.incarnation += 1;
                self.head = 3;
                self.hang_up();
                let error = ErrorCode::HubStopping.with("restored", "");
                self.give(Input::Disconnected(Problem::passing(error)));
            }
            Fault::Pass(ms) => self.pass(u64::from(ms)),
            Fault::MirrorElsewhere(back) => {
                // Another process rebuilt the mirror, or a write failed.
                let Some(cursor) = self.mirror else { return };
                let seq = cursor.seq.0.saturating_sub(u64::from(back));
                self.mirrored.retain(|known| *known <= seq);
                self.mirror = (seq > 0).then_some(Cursor {
                    seq: Seq(seq),
                    ..cursor
                });
                let cursor = self.mirror;
                self.give(Input::MirrorMoved {
                    log: session(),
                    cursor,
                });
            }
        }
    }

    fn pass(&mut self, ms: u64) {
        self.now.mono_ms += ms;
        self.now.wall.0 += i64::try_from(ms).unwrap();
        self.give(Input::Tick);
    }

    /// The connection is good from now on.
    fn settle(&mut self) {
        // A batch that was lost at the very end only shows when the next one arrives.
        self.suffer(Fault::Grow(1));
        for _ in 0..400 {
            while !self.line.is_empty() {
                self.deliver();
            }
            if self.mirror.is_some_and(|cursor| {
                cursor.seq.0 == self.head && cursor.incarnation == self.incarnation()
            }) {
                return;
            }
            self.pass(500);
        }
        panic!("never caught up: {:?} of {}", self.mirror, self.head);
    }
}

proptest! {
    #[test]
    fn no_gap_no_duplicate_and_in_the_end_everything(faults in faults()) {
        let mut world = World::new();
        for fault in faults {
            world.suffer(fault);
        }
        world.settle();
        prop_assert_eq!(&world.mirrored, &(1..=world.head).collect::<Vec<_>>());
    }
}
