//! A session without a hub: decisions are recorded at once, with predictable ids and a simulated clock.

use std::collections::BTreeMap;

use baton_protocol::*;
use baton_session::*;
use uuid::Uuid;

pub struct Rig {
    pub state: SessionState,
    pub transcript: Transcript,
    pub log: Vec<Event>,
    pub can_steer: bool,
    pub only_if: Option<CommandCondition>,
    /// The account's standing approvals.
    pub always: Vec<StandingApproval>,
    next_id: u128,
    producers: BTreeMap<RunId, u64>,
}

pub const ACCOUNT: AccountId = AccountId::from_uuid(Uuid::from_u128(0xacc));
pub const LAPTOP: DeviceId = DeviceId::from_uuid(Uuid::from_u128(0xd1));
pub const DESK: DeviceId = DeviceId::from_uuid(Uuid::from_u128(0xd2));
pub const RUNNER: RunnerId = RunnerId::from_uuid(Uuid::from_u128(0xe1));
pub const INSTANCE: RunnerInstanceId = RunnerInstanceId::from_uuid(Uuid::from_u128(0xe2));
pub const SESSION: SessionId = SessionId::from_uuid(Uuid::from_u128(0x5e));

pub fn laptop() -> Principal {
    Principal::Device {
        account: ACCOUNT,
        device: LAPTOP,
    }
}

pub fn desk() -> Principal {
    Principal::Device {
        account: ACCOUNT,
        device: DESK,
    }
}

impl Rig {
    /// A session right after its creation.
    pub fn new() -> Self {
        let mut rig = Self::empty();
        rig.accept(
            laptop(),
            CommandBody::CreateSession(CreateSessionCommand {
                agent: AgentId("assistant".into()),
                runner: None,
                title: None,
            }),
        );
        rig
    }

    /// A session before `SessionCreated`.
    pub fn empty() -> Self {
        Self {
            state: SessionState::default(),
            transcript: Transcript::default(),
            log: Vec::new(),
            can_steer: true,
            only_if: None,
            always: Vec::new(),
            next_id: 0x1000,
            producers: BTreeMap::new(),
        }
    }

    pub fn id(&mut self) -> Uuid {
        self.next_id += 1;
        Uuid::from_u128(self.next_id)
    }

    pub fn record(&mut self, events: Vec<NewEvent>) {
        for event in events {
            let seq = self.state.head().next();
            let event = event.at(seq, TimestampMs(seq.0 as i64 * 10));
            self.state
                .apply(&event, &mut self.transcript)
                .expect("a decision folds");
            self.log.push(event);
        }
    }

    pub fn command(&mut self, by: Principal, body: CommandBody) -> (CommandId, ReceiptOutcome) {
        let id = CommandId::from_uuid(self.id());
        let command = Command {
            only_if: self.only_if,
            id,
            log: LogId::Session(SESSION),
            body,
        };
        let facts = DecideFacts {
            can_steer: self.can_steer,
        };
        let decision = decide(&self.state, &command, &by, &facts);
        if matches!(decision.outcome, ReceiptOutcome::Refused { .. }) {
            assert_eq!(decision.events, Vec::new(), "a refusal records nothing");
        }
        self.record(decision.events);
        (id, decision.outcome)
    }

    pub fn accept(&mut self, by: Principal, body: CommandBody) -> (CommandId, CommandEffect) {
        match self.command(by, body) {
            (id, ReceiptOutcome::Accepted { effect }) => (id, effect),
            (_, ReceiptOutcome::Refused { error }) => panic!("refused: {error:?}"),
        }
    }

    pub fn refused(&mut self, by: Principal, body: CommandBody) -> ErrorCode {
        match self.command(by, body) {
            (_, ReceiptOutcome::Refused { error }) => error.code,
            (_, accepted) => panic!("accepted: {accepted:?}"),
        }
    }

    pub fn send(&mut self, by: Principal, text: &str, delivery: Delivery) -> PromptId {
        let body = CommandBody::SendPrompt(SendPromptCommand {
            run: None,
            text: text.into(),
            delivery,
        });
        PromptId(self.accept(by, body).0)
    }

    pub fn stop(&mut self, by: Principal, run: RunId) -> CommandEffect {
        let target = StopTarget::Run { run };
        let body = CommandBody::StopRun(StopRunCommand {
            target,
            scope: StopScope::Run,
        });
        self.accept(by, body).1
    }

    /// Starts the next prompt's run, if a prompt may start.
    pub fn start(&mut self) -> Option<RunId> {
        let run = RunId::from_uuid(self.id());
        let events = start_run(
            &self.state,
            run,
            AgentId("assistant".into()),
            RUNNER,
            INSTANCE,
        );
        let started = !events.is_empty();
        self.record(events);
        started.then_some(run)
    }

    /// Starts a sub-agent's run.
    pub fn child(&mut self, parent: RunId, task: &str) -> RunId {
        let run = RunId::from_uuid(self.id());
        let start = self.start_child(run, task);
        self.write(parent, vec![start]);
        run
    }

    pub fn start_child(&mut self, run: RunId, task: &str) -> RunWrite {
        let prompt = PromptId(CommandId::from_uuid(self.id()));
        RunWrite::StartChild {
            run,
            prompt,
            agent: AgentId("helper".into()),
            task: task.into(),
        }
    }

    pub fn epoch(&self, run: RunId) -> Epoch {
        self.state.active_run(run).expect("the run is on").epoch
    }

    pub fn try_write(
        &mut self,
        run: RunId,
        epoch: Epoch,
        writes: Vec<RunWrite>,
    ) -> Result<(), ErrorCode> {
        let first = self.producers.get(&run).copied().unwrap_or(0);
        let entries: Vec<_> = (first + 1..)
            .zip(writes)
            .map(|(n, write)| RunWriteEntry {
                producer: ProducerSeq(n),
                write,
            })
            .collect();
        let events = decide_run_write(&self.state, run, epoch, RUNNER, &entries, &self.always)
            .map_err(|error| error.code)?;
        self.producers.insert(run, first + entries.len() as u64);
        self.record(events);
        Ok(())
    }

    pub fn write(&mut self, run: RunId, writes: Vec<RunWrite>) {
        let epoch = self.epoch(run);
        self.try_write(run, epoch, writes).expect("the write fits");
    }

    /// Writes a complete text part.
    pub fn say(&mut self, run: RunId, text: &str) {
        let part = PartIndex(self.state.active_run(run).expect("on").parts.len() as u32);
        self.write(run, vec![open(part), append(part, 0, text), close(part)]);
    }

    pub fn complete(&mut self, run: RunId) {
        self.write(
            run,
            vec![RunWrite::EndRun {
                failure: None,
                usage: None,
                finish_reason: None,
            }],
        );
    }

    pub fn kinds(&self) -> Vec<String> {
        let kind = |event: &Event| {
            serde_json::to_value(&event.body).expect("serialises")["type"]
                .as_str()
                .expect("tag")
                .to_owned()
        };
        self.log.iter().map(kind).collect()
    }

    /// The kinds of the events recorded after the first `length` ones.
    pub fn since(&self, length: usize) -> Vec<String> {
        self.kinds().split_off(length)
    }

    pub fn queue_texts(&self) -> Vec<&str> {
        self.state
            .queue()
            .iter()
            .map(|waiting| waiting.text.as_str())
            .collect()
    }
}

pub fn open(part: PartIndex) -> RunWrite {
    RunWrite::OpenPart {
        part,
        kind: PartKind::Text,
    }
}

pub fn append(part: PartIndex, offset: u64, text: &str) -> RunWrite {
    RunWrite::AppendText {
        part,
        offset,
        text: text.into(),
    }
}

pub fn close(part: PartIndex) -> RunWrite {
    RunWrite::ClosePart {
        part,
        end: PartEnd::Complete,
    }
}
