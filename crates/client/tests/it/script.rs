//! A session's log as a hub would write it, made by the real session machine.

use baton_protocol::{
    AccountId, AgentId, Batch, Command, CommandBody, CommandId, CreateSessionCommand, Cursor,
    Delivery, DeviceId, Event, EventBody, Incarnation, LogId, PartEnd, PartIndex, PartKind,
    Principal, ProducerSeq, PromptId, ReceiptOutcome, RunId, RunWrite, RunWriteEntry, RunnerId,
    RunnerInstanceId, SendPromptCommand, Seq, SessionId, TimestampMs,
};
use baton_session::{
    DecideFacts, NewEvent, NoTranscript, SessionState, Transcript, decide, decide_run_write,
    report_teardown, sealing, start_run,
};

/// A session's log in the making.
pub struct Script {
    pub session: SessionId,
    pub account: AccountId,
    pub incarnation: Incarnation,
    pub events: Vec<Event>,
    pub state: SessionState,
    runner: RunnerId,
    instance: RunnerInstanceId,
    device: DeviceId,
    run: Option<RunId>,
    written: u64,
    parts: u32,
    offset: u64,
}

#[allow(dead_code)]
impl Script {
    pub fn new(account: AccountId) -> Self {
        let mut script = Self {
            session: SessionId::mint(),
            account,
            incarnation: Incarnation::mint(),
            events: Vec::new(),
            state: SessionState::default(),
            runner: RunnerId::mint(),
            instance: RunnerInstanceId::mint(),
            device: DeviceId::mint(),
            run: None,
            written: 0,
            parts: 0,
            offset: 0,
        };
        let agent = AgentId("assistant".into());
        script.decide(CommandBody::CreateSession(CreateSessionCommand {
            agent,
            runner: None,
            title: None,
        }));
        script
    }

    pub fn log(&self) -> LogId {
        LogId::Session(self.session)
    }

    pub fn head(&self) -> u64 {
        self.events.last().map_or(0, |event| event.seq.0)
    }

    /// Decides a command of another device.
    pub fn decide(&mut self, body: CommandBody) -> CommandId {
        let id = CommandId::mint();
        let log = self.log();
        self.command(&Command {
            only_if: None,
            id,
            log,
            body,
        });
        id
    }

    /// Decides this device's command. Returns the outcome for its receipt.
    pub fn command(&mut self, command: &Command) -> ReceiptOutcome {
        let by = Principal::Device {
            account: self.account,
            device: self.device,
        };
        let facts = DecideFacts { can_steer: true };
        let decision = decide(&self.state, command, &by, &facts);
        self.commit(decision.events);
        decision.outcome
    }

    pub fn ask(&mut self, text: &str) -> PromptId {
        let text = text.to_owned();
        let delivery = Delivery::Queue;
        PromptId(self.decide(CommandBody::SendPrompt(SendPromptCommand {
            run: None,
            text,
            delivery,
        })))
    }

    /// The first prompt.
    pub fn first_prompt(&self) -> PromptId {
        let sent = self.events.iter().find_map(|event| match &event.body {
            EventBody::PromptSent(sent) => Some(sent.prompt),
            _ => None,
        });
        sent.expect("a prompt was sent")
    }

    /// Starts the next prompt's run.
    pub fn start(&mut self) -> RunId {
        let run = RunId::mint();
        let agent = AgentId("assistant".into());
        let events = start_run(&self.state, run, agent, self.runner, self.instance);
        assert!(!events.is_empty(), "a prompt waits");
        self.commit(events);
        (self.run, self.written, self.parts) = (Some(run), 0, 0);
        run
    }

    pub fn open(&mut self, kind: PartKind) {
        let part = PartIndex(self.parts);
        self.parts += 1;
        self.offset = 0;
        self.write(RunWrite::OpenPart { part, kind });
    }

    pub fn append(&mut self, text: &str) {
        let part = PartIndex(self.parts - 1);
        let offset = self.offset;
        self.offset += text.len() as u64;
        let text = text.to_owned();
        self.write(RunWrite::AppendText { part, offset, text });
    }

    pub fn close(&mut self) {
        let part = PartIndex(self.parts - 1);
        let end = PartEnd::Complete;
        self.write(RunWrite::ClosePart { part, end });
    }

    pub fn end(&mut self) {
        self.write(RunWrite::EndRun {
            failure: None,
            usage: None,
            finish_reason: None,
        });
    }

    /// The host of a stopped run confirms that the run has ended.
    pub fn confirm_teardown(&mut self, run: RunId) {
        let events = report_teardown(&self.state, run, self.runner, self.instance, 0, Vec::new());
        self.commit(events);
    }

    /// A prompt and its whole answer in one text part.
    pub fn exchange(&mut self, prompt: &str, answer: &[&str]) {
        self.ask(prompt);
        self.start();
        self.open(PartKind::Text);
        for text in answer {
            self.append(text);
        }
        self.close();
        self.end();
    }

    fn write(&mut self, write: RunWrite) {
        let run = self.run.expect("a run is on");
        let epoch = self.state.active_run(run).expect("it is on").epoch;
        self.written += 1;
        let producer = ProducerSeq(self.written);
        let entries = [RunWriteEntry { producer, write }];
        let events = decide_run_write(&self.state, run, epoch, self.runner, &entries, &[]);
        self.commit(events.expect("a fitting write"));
    }

    fn commit(&mut self, events: Vec<NewEvent>) {
        for event in events {
            let seq = Seq(self.head() + 1);
            let event = event.at(seq, TimestampMs(1_000 + i64::try_from(seq.0).unwrap()));
            self.state.apply(&event, &mut NoTranscript).expect("folds");
            self.events.push(event);
        }
    }

    /// The batch `(after, upto]`, as a hub sends it that has sealed nothing.
    pub fn batch(&self, after: u64, upto: u64) -> Batch {
        let inside = |event: &&Event| event.seq.0 > after && event.seq.0 <= upto;
        Batch {
            log: self.log(),
            incarnation: self.incarnation,
            after: Seq(after),
            upto: Seq(upto),
            head: Seq(self.head()),
            events: self.events.iter().filter(inside).cloned().collect(),
        }
    }

    /// Like [`Self::batch`], with appends merged.
    pub fn merged(&self, after: u64, upto: u64) -> Batch {
        let mut batch = self.batch(after, upto);
        batch.events = sealing::merge_appends(batch.events);
        batch
    }

    pub fn cursor(&self, seq: u64) -> Cursor {
        Cursor {
            incarnation: self.incarnation,
            seq: Seq(seq),
        }
    }

    /// The rows at a seq, from the session crate's own fold.
    pub fn transcript(&self, upto: u64) -> Transcript {
        let mut state = SessionState::default();
        let mut transcript = Transcript::default();
        for event in self.events.iter().filter(|event| event.seq.0 <= upto) {
            state.apply(event, &mut transcript).expect("folds");
        }
        transcript
    }
}
