//! Whatever the connection, the hub and this process do: every intent is answered, once, in the order of its log.

use std::collections::{HashMap, VecDeque};

use baton_protocol::{ClientFrame, Command, CommandId, ErrorCode, HubFrame, LogId};
use proptest::prelude::*;

use super::bench::{Bench, accepted, create, log, lost, prompt};
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Queue(u8),
    /// The hub reads the next frame.
    Hear,
    /// The hub cannot answer the next command now.
    NotNow,
    /// The next answer arrives.
    Answer,
    Cut,
    /// The process dies, and starts from what is durable.
    Crash,
    Pass(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3_u8).prop_map(Step::Queue),
        5 => Just(Step::Hear),
        1 => Just(Step::NotNow),
        4 => Just(Step::Answer),
        1 => Just(Step::Cut),
        1 => Just(Step::Crash),
        3 => (0..3_000_u16).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 0..150)
}

struct World {
    bench: Bench,
    /// The outbox's table: intents in order, each with whether it may have been sent.
    durable: Vec<PendingIntent>,
    queued: Vec<Command>,
    to_hub: VecDeque<Command>,
    to_device: VecDeque<HubFrame>,
    /// The commands that the hub recorded, in order.
    recorded: Vec<CommandId>,
    answers: HashMap<CommandId, u32>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            bench: Bench::new(),
            durable: Vec::new(),
            queued: Vec::new(),
            to_hub: VecDeque::new(),
            to_device: VecDeque::new(),
            recorded: Vec::new(),
            answers: HashMap::new(),
        };
        let outputs = world.bench.connect();
        world.obey(outputs);
        world
    }

    fn obey(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::MarkSent(commands) => {
                    for intent in &mut self.durable {
                        intent.maybe_sent |= commands.contains(&intent.command.id);
                    }
                }
                Output::Send(ClientFrame::Command { command }) => {
                    let known = self.durable.iter().find(|kept| kept.command == command);
                    assert!(known.expect("it is durable").maybe_sent, "sent, not marked");
                    self.to_hub.push_back(command);
                }
                Output::StoreReceipt(receipt) => {
                    self.durable
                        .retain(|kept| kept.command.id != receipt.command);
                    *self.answers.entry(receipt.command).or_default() += 1;
                }
                Output::Connect => {
                    self.hang_up();
                    let outputs = self.bench.open();
                    self.obey(outputs);
                }
                Output::Close => self.hang_up(),
                _ => {}
            }
        }
    }

    fn hang_up(&mut self) {
        self.to_hub.clear();
        self.to_device.clear();
    }

    fn hear(&mut self) {
        if let Some(command) = self.to_hub.pop_front() {
            if !self.recorded.contains(&command.id) {
                self.recorded.push(command.id);
            }
            self.to_device.push_back(accepted(&command));
        }
    }

    fn answer(&mut self) {
        if let Some(frame) = self.to_device.pop_front() {
            let outputs = self.bench.hear(frame);
            self.obey(outputs);
        }
    }

    fn pass(&mut self, ms: u64) {
        let outputs = self.bench.pass(ms);
        self.obey(outputs);
        // The hub is alive: no silence lasts long enough to end the connection.
        let outputs = self.bench.hear(HubFrame::HeartbeatAck {});
        self.obey(outputs);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Queue(in_log) => {
                let n = self.queued.len() as u128;
                let to: LogId = log(u128::from(in_log));
                let first = !self.queued.iter().any(|command| command.log == to);
                let command = if first { create(n, to) } else { prompt(n, to) };
                let intent = PendingIntent {
                    command: command.clone(),
                    maybe_sent: self.bench.engine.sends_at_once(to),
                };
                self.queued.push(command);
                self.durable.push(intent.clone());
                let outputs = self.bench.give(Input::IntentQueued(intent));
                self.obey(outputs);
            }
            Step::Hear => self.hear(),
            Step::NotNow => {
                if let Some(command) = self.to_hub.pop_front() {
                    self.to_device.push_back(HubFrame::Refused {
                        command: Some(command.id),
                        log: Some(command.log),
                        error: ErrorCode::StorageUnavailable.with("later", ""),
                    });
                }
            }
            Step::Answer => self.answer(),
            Step::Cut => {
                self.hang_up();
                let outputs = self.bench.give(lost());
                self.obey(outputs);
            }
            Step::Crash => {
                self.hang_up();
                self.bench = Bench::with(Vec::new(), self.durable.clone());
                let outputs = self.bench.connect();
                self.obey(outputs);
            }
            Step::Pass(ms) => self.pass(u64::from(ms)),
        }
    }

    fn settle(&mut self) {
        for _ in 0..2_000 {
            while !self.to_hub.is_empty() || !self.to_device.is_empty() {
                self.hear();
                self.answer();
            }
            if self.durable.is_empty() {
                return;
            }
            self.pass(1_000);
        }
        panic!("never answered: {:?}", self.durable);
    }
}

proptest! {
    #[test]
    fn every_intent_happens_once_and_in_the_order_of_its_log(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.settle();
        for n in 0..3_u128 {
            let queued = world.queued.iter().filter(|command| command.log == log(n));
            let queued: Vec<CommandId> = queued.map(|command| command.id).collect();
            let mut recorded = world.recorded.clone();
            recorded.retain(|id| queued.contains(id));
            prop_assert_eq!(recorded, queued);
        }
        prop_assert!(world.answers.values().all(|answers| *answers == 1));
        prop_assert_eq!(world.answers.len(), world.queued.len());
    }
}
