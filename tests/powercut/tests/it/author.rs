//! Who writes: a session with prompts, runs and parts, decided by the real machine, a request at a time.

use baton_log::recording::Recording;
use baton_log::{
    AppendError, AppendRequest, Appended, EventLog, ExpectedHead, NewReceipt, ReadLimit,
};
use baton_powercut::Random;
use baton_protocol::*;
use baton_session::{ActiveRun, DecideFacts, NewEvent, decide, decide_run_write, start_run};
use uuid::Uuid;

use crate::book::{Book, Folded};

/// Writes one session.
pub struct Author {
    pub book: Book,
    folded: Folded,
    random: Random,
    /// Bytes of an append's text.
    text_bytes: u64,
}

impl Author {
    pub fn new(number: u128, random: Random, text_bytes: u64) -> Self {
        let session = SessionId::from_uuid(Uuid::from_u128(number));
        Self {
            book: Book::new(LogId::Session(session)),
            folded: Folded::default(),
            random,
            text_bytes,
        }
    }

    /// After a crash: holds the log against the book and goes on from what is there.
    pub async fn hold(&mut self, log: &dyn EventLog) -> Result<(), String> {
        self.folded = self.book.hold(log).await?;
        Ok(())
    }

    /// One request, recorded.
    pub async fn write(&mut self, log: &dyn EventLog) -> Result<(), AppendError> {
        let request = self.request();
        self.book.asked(Recording::of(request.clone())?);
        let appended = match self.append_watched(log, request).await {
            Ok(appended) => appended,
            Err(error @ (AppendError::DiskFull | AppendError::Unavailable(_))) => {
                self.book.refused();
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        self.book.answered(&appended);
        let folded = self.folded.go_on(&appended.events, appended.head());
        folded.expect("what the machine decides folds");
        Ok(())
    }

    /// While the append is on its way somebody reads, as often as he can.
    async fn append_watched(
        &mut self,
        log: &dyn EventLog,
        request: AppendRequest,
    ) -> Result<Appended, AppendError> {
        let mut append = log.append(request);
        loop {
            tokio::select! {
                biased;
                answer = &mut append => return answer,
                shown = self.book.show(log, ReadLimit::default()) => {
                    if shown.is_err() {
                        return append.await;
                    }
                }
            }
        }
    }

    fn request(&mut self) -> AppendRequest {
        let head = self.folded.head();
        let expected = if self.folded.state.created().is_none() {
            ExpectedHead::Absent
        } else {
            ExpectedHead::At(head)
        };
        let (events, receipt) = self.next();
        AppendRequest {
            log: self.book.id,
            expected,
            recorded_at: TimestampMs(head.0 as i64 + 1_000),
            events,
            receipt,
            state: None,
        }
    }

    fn next(&mut self) -> (Vec<NewEvent>, Option<NewReceipt>) {
        let state = &self.folded.state;
        if state.created().is_none() {
            return self.command(CommandBody::CreateSession(CreateSessionCommand {
                agent: agent(),
                runner: None,
                title: None,
            }));
        }
        let run = state.root_run().cloned();
        let waits = state.next_prompt().is_some();
        match run {
            Some(run) if self.random.percent(6) => {
                self.command(CommandBody::StopRun(StopRunCommand {
                    target: StopTarget::Run { run: run.run },
                    scope: StopScope::Run,
                }))
            }
            Some(_) if self.random.percent(6) => self.prompt(),
            Some(run) => (self.run_writes(&run), None),
            None if waits => {
                let run = RunId::from_uuid(self.uuid());
                let instance = RunnerInstanceId::from_uuid(Uuid::from_u128(5));
                let state = &self.folded.state;
                (start_run(state, run, agent(), runner(), instance), None)
            }
            // Nothing to do for the first of them.
            None if state.pause().is_some() && self.random.percent(50) => {
                self.command(CommandBody::ResumeQueue(ResumeQueueCommand {}))
            }
            None => self.prompt(),
        }
    }

    fn prompt(&mut self) -> (Vec<NewEvent>, Option<NewReceipt>) {
        let text = self.text();
        self.command(CommandBody::SendPrompt(SendPromptCommand {
            run: None,
            text,
            delivery: Delivery::Interrupt,
        }))
    }

    fn command(&mut self, body: CommandBody) -> (Vec<NewEvent>, Option<NewReceipt>) {
        let command = Command {
            only_if: None,
            id: CommandId::from_uuid(self.uuid()),
            log: self.book.id,
            body,
        };
        let facts = DecideFacts { can_steer: true };
        let decision = decide(&self.folded.state, &command, &person(), &facts);
        let receipt = NewReceipt {
            command: command.id,
            digest: [7; 32],
            outcome: decision.outcome,
        };
        (decision.events, Some(receipt))
    }

    fn run_writes(&mut self, run: &ActiveRun) -> Vec<NewEvent> {
        let mut producer = run.last_producer.0;
        let mut entries = Vec::new();
        for write in self.writes(run) {
            producer += 1;
            entries.push(RunWriteEntry {
                producer: ProducerSeq(producer),
                write,
            });
        }
        let events = decide_run_write(
            &self.folded.state,
            run.run,
            run.epoch,
            runner(),
            &entries,
            &[],
        );
        events.expect("the script fits the run")
    }

    fn writes(&mut self, run: &ActiveRun) -> Vec<RunWrite> {
        let Some(open) = run.open_parts().next() else {
            if run.parts.len() > 2 {
                return vec![RunWrite::EndRun {
                    failure: None,
                    usage: None,
                    finish_reason: None,
                }];
            }
            return vec![RunWrite::OpenPart {
                part: PartIndex(run.parts.len() as u32),
                kind: PartKind::Text,
            }];
        };
        let (part, mut offset) = (open.index, open.text.len() as u64);
        let mut writes = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let text = self.text();
            let length = text.len() as u64;
            writes.push(RunWrite::AppendText { part, offset, text });
            offset += length;
        }
        if self.random.percent(20) || offset > 100_000 {
            let end = PartEnd::Complete;
            writes.push(RunWrite::ClosePart { part, end });
        }
        writes
    }

    fn text(&mut self) -> String {
        let letter = b'a' + self.random.below(26) as u8;
        let count = 1 + self.random.below(self.text_bytes) as usize;
        let mut text = char::from(letter).to_string().repeat(count);
        text.push('🌊');
        text
    }

    fn uuid(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.random.number(), self.random.number())
    }
}

fn agent() -> AgentId {
    AgentId("assistant".to_owned())
}

fn runner() -> RunnerId {
    RunnerId::from_uuid(Uuid::from_u128(3))
}

fn person() -> Principal {
    Principal::Device {
        account: AccountId::from_uuid(Uuid::from_u128(1)),
        device: DeviceId::from_uuid(Uuid::from_u128(2)),
    }
}
