//! A long conversation for a log: decided and folded by the session machine, so that its digests hold.

use anyhow::{Result, bail};
use baton_log::{AppendRequest, EventLog, ExpectedHead};
use baton_protocol::{
    AccountId, AgentId, Command, CommandBody, CommandId, CreateSessionCommand, Delivery, DeviceId,
    Epoch, Event, LogId, PartEnd, PartIndex, PartKind, Principal, ProducerSeq, RunId, RunWrite,
    RunWriteEntry, RunnerId, RunnerInstanceId, SendPromptCommand, Seq, SessionId, TimestampMs,
};
use baton_session::{
    DecideFacts, NewEvent, NoTranscript, SessionState, decide, decide_run_write, start_run,
};

/// Events of one append: many flushes would only make the preparation longer.
const EVENTS_PER_APPEND: usize = 512;

/// One that is being written.
pub struct Conversation {
    session: SessionId,
    by: Principal,
    runner: RunnerId,
    instance: RunnerInstanceId,
    state: SessionState,
    waiting: Vec<NewEvent>,
    appended: Seq,
}

impl Conversation {
    /// Of an account.
    pub fn new(account: AccountId) -> Self {
        Self {
            session: SessionId::mint(),
            by: Principal::Device {
                account,
                device: DeviceId::mint(),
            },
            runner: RunnerId::mint(),
            instance: RunnerInstanceId::mint(),
            state: SessionState::default(),
            waiting: Vec::new(),
            appended: Seq::ZERO,
        }
    }

    pub fn log(&self) -> LogId {
        LogId::Session(self.session)
    }

    fn take(&mut self, events: Vec<NewEvent>) -> Result<()> {
        for new in events {
            let event: Event = new.clone().at(self.state.head().next(), AT);
            self.state.apply(&event, &mut NoTranscript)?;
            self.waiting.push(new);
        }
        Ok(())
    }

    fn command(&mut self, body: CommandBody) -> Result<()> {
        let command = Command {
            only_if: None,
            id: CommandId::mint(),
            log: self.log(),
            body,
        };
        let facts = DecideFacts { can_steer: true };
        let decision = decide(&self.state, &command, &self.by, &facts);
        if decision.events.is_empty() {
            bail!("the session machine refused: {:?}", decision.outcome);
        }
        self.take(decision.events)
    }

    /// Creates the session.
    pub fn create(&mut self) -> Result<()> {
        self.command(CommandBody::CreateSession(CreateSessionCommand {
            agent: AgentId("assistant".to_owned()),
            runner: None,
            title: None,
        }))
    }

    /// A prompt and its whole answer.
    pub fn turn(&mut self, prompt: &str, answer: &str) -> Result<()> {
        self.command(CommandBody::SendPrompt(SendPromptCommand {
            run: None,
            text: prompt.to_owned(),
            delivery: Delivery::Queue,
        }))?;
        let run = RunId::mint();
        let agent = AgentId("assistant".to_owned());
        let started = start_run(&self.state, run, agent, self.runner, self.instance);
        self.take(started)?;
        let epoch = self
            .state
            .active_run(run)
            .map_or(Epoch(0), |active| active.epoch);
        let part = PartIndex(0);
        let writes = [
            RunWrite::OpenPart {
                part,
                kind: PartKind::Text,
            },
            RunWrite::AppendText {
                part,
                offset: 0,
                text: answer.to_owned(),
            },
            RunWrite::ClosePart {
                part,
                end: PartEnd::Complete,
            },
            RunWrite::EndRun {
                failure: None,
                usage: None,
                finish_reason: None,
            },
        ];
        let entries: Vec<RunWriteEntry> = (1..)
            .zip(writes)
            .map(|(producer, write)| RunWriteEntry {
                producer: ProducerSeq(producer),
                write,
            })
            .collect();
        let written = decide_run_write(&self.state, run, epoch, self.runner, &entries, &[]);
        let written = written.map_err(|error| anyhow::anyhow!("{}", error.message))?;
        self.take(written)
    }

    /// Appends what waits, where that is enough for an append or `all` is asked for.
    pub async fn flush(&mut self, log: &dyn EventLog, amount: Amount) -> Result<()> {
        if self.waiting.is_empty()
            || amount == Amount::FullAppends && self.waiting.len() < EVENTS_PER_APPEND
        {
            return Ok(());
        }
        let expected = if self.appended == Seq::ZERO {
            ExpectedHead::Absent
        } else {
            ExpectedHead::At(self.appended)
        };
        let request = AppendRequest {
            log: self.log(),
            expected,
            recorded_at: AT,
            events: std::mem::take(&mut self.waiting),
            receipt: None,
            state: None,
        };
        self.appended = log.append(request).await?.head();
        Ok(())
    }
}

/// How much is flushed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Amount {
    FullAppends,
    All,
}

const AT: TimestampMs = TimestampMs(1_795_000_000_000);
