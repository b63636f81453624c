//! Test data of the suite: a session with prompts, runs and parts, written without any decisions.

use baton_protocol::*;
use baton_session::NewEvent;

use crate::{AppendRequest, Appended, EventLog, ExpectedHead, NewReceipt, ReadLimit};

/// The log of a new session.
pub fn session_log() -> LogId {
    LogId::Session(SessionId::mint())
}

/// A receipt for a command that was accepted.
pub fn accepted(command: CommandId, digest: u8) -> NewReceipt {
    NewReceipt {
        command,
        digest: [digest; 32],
        outcome: ReceiptOutcome::Accepted {
            effect: CommandEffect::Applied,
        },
    }
}

/// A new command id.
pub fn command() -> CommandId {
    CommandId::mint()
}

/// A prompt: an event that is valid anywhere in a session.
pub fn prompt(text: &str) -> NewEvent {
    prompt_named(CommandId::mint(), text)
}

pub(super) fn prompt_named(id: CommandId, text: &str) -> NewEvent {
    NewEvent {
        by: person(),
        command: Some(id),
        producer: None,
        recorded_at: None,
        body: EventBody::PromptSent(PromptSentEvent {
            branch_of: None,
            prompt: PromptId(id),
            text: text.to_owned(),
            delivery: Delivery::Queue,
            requested: Delivery::Queue,
            run: None,
        }),
    }
}

pub(super) fn person() -> Principal {
    Principal::Device {
        account: AccountId::from_uuid(uuid::Uuid::from_u128(1)),
        device: DeviceId::from_uuid(uuid::Uuid::from_u128(2)),
    }
}

pub(super) fn session_created(log: LogId) -> NewEvent {
    let session = match log {
        LogId::Session(session) => session,
        LogId::Account(account) => SessionId::from_uuid(account.as_uuid()),
    };
    NewEvent {
        by: person(),
        command: None,
        producer: None,
        recorded_at: None,
        body: EventBody::SessionCreated(SessionCreatedEvent {
            session,
            account: AccountId::from_uuid(uuid::Uuid::from_u128(1)),
            agent: AgentId("assistant".to_owned()),
            runner: None,
            title: None,
        }),
    }
}

/// A log of its own, with its writer's cursor.
pub struct Conversation<'a> {
    log: &'a dyn EventLog,
    pub id: LogId,
    /// The head as the writer knows it.
    pub head: Seq,
}

impl<'a> Conversation<'a> {
    /// Creates the log with a `SessionCreated`.
    pub async fn create(log: &'a dyn EventLog) -> Self {
        Self::create_as(log, session_log()).await
    }

    /// Creates the log under a given id.
    pub async fn create_as(log: &'a dyn EventLog, id: LogId) -> Self {
        let request = AppendRequest {
            log: id,
            expected: ExpectedHead::Absent,
            recorded_at: TimestampMs(1),
            events: vec![session_created(id)],
            receipt: None,
            state: None,
        };
        let created = log.append(request).await.expect("a new log is created");
        let head = created.head();
        Self { log, id, head }
    }

    /// Continues an existing log.
    pub fn resume(log: &'a dyn EventLog, id: LogId, head: Seq) -> Self {
        Self { log, id, head }
    }

    /// A request to append at the head.
    pub fn request(&self, events: Vec<NewEvent>) -> AppendRequest {
        AppendRequest {
            log: self.id,
            expected: ExpectedHead::At(self.head),
            recorded_at: TimestampMs(self.head.0 as i64 + 10),
            events,
            receipt: None,
            state: None,
        }
    }

    /// Appends and moves the head.
    pub async fn append(&mut self, events: Vec<NewEvent>) -> Appended {
        let appended = self.log.append(self.request(events)).await;
        let appended = appended.expect("the writer stands at the head");
        self.head = appended.head();
        appended
    }

    /// Appends one event and returns its seq.
    pub async fn say(&mut self, event: NewEvent) -> Seq {
        self.append(vec![event]).await.head()
    }
}

/// One run's events, with producer counts.
pub struct RunScript {
    pub run: RunId,
    producer: u64,
    lengths: Vec<u64>,
}

impl RunScript {
    /// A run without parts.
    pub fn new(number: u128) -> Self {
        let run = RunId::from_uuid(uuid::Uuid::from_u128(1_000 + number));
        Self {
            run,
            producer: 0,
            lengths: Vec::new(),
        }
    }

    /// Starts the run on `prompt`.
    pub fn start(&self, prompt: PromptId, parent: Option<RunId>) -> NewEvent {
        NewEvent {
            by: Principal::Hub,
            command: None,
            producer: None,
            recorded_at: None,
            body: EventBody::RunStarted(RunStartedEvent {
                run: self.run,
                prompt,
                agent: AgentId("assistant".to_owned()),
                runner: runner(),
                instance: RunnerInstanceId::from_uuid(uuid::Uuid::from_u128(4)),
                epoch: Epoch(1),
                parent,
            }),
        }
    }

    /// Opens the next part.
    pub fn open(&mut self) -> NewEvent {
        let part = PartIndex(self.lengths.len() as u32);
        self.lengths.push(0);
        self.by_runner(EventBody::PartOpened(PartOpenedEvent {
            run: self.run,
            part,
            kind: PartKind::Text,
        }))
    }

    /// Appends text to a part.
    pub fn append(&mut self, part: u32, text: &str) -> NewEvent {
        let offset = self.lengths[part as usize];
        self.lengths[part as usize] += text.len() as u64;
        self.by_runner(EventBody::PartAppended(PartAppendedEvent {
            run: self.run,
            part: PartIndex(part),
            offset,
            text: text.to_owned(),
        }))
    }

    /// Closes a part.
    pub fn close(&mut self, part: u32) -> NewEvent {
        self.by_runner(self.closed(part, PartEnd::Complete))
    }

    /// Closes a part from outside, as a stop does: without a producer count.
    pub fn cut(&mut self, part: u32) -> NewEvent {
        NewEvent {
            by: Principal::Hub,
            command: None,
            producer: None,
            recorded_at: None,
            body: self.closed(part, PartEnd::Interrupted),
        }
    }

    fn closed(&self, part: u32, end: PartEnd) -> EventBody {
        EventBody::PartClosed(PartClosedEvent {
            run: self.run,
            part: PartIndex(part),
            end,
        })
    }

    fn by_runner(&mut self, body: EventBody) -> NewEvent {
        self.producer += 1;
        NewEvent {
            by: Principal::Runner {
                runner: runner(),
                agent: Some(AgentId("assistant".to_owned())),
            },
            command: None,
            producer: Some(ProducerSeq(self.producer)),
            recorded_at: None,
            body,
        }
    }
}

fn runner() -> RunnerId {
    RunnerId::from_uuid(uuid::Uuid::from_u128(3))
}

/// Reads everything after `after`, in batches that must join without a gap.
pub async fn read_all(log: &dyn EventLog, id: LogId, after: Seq, limit: ReadLimit) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut cursor = after;
    loop {
        let batch = log.read(id, cursor, limit).await.expect("the log is there");
        assert_eq!(batch.after, cursor, "a batch continues its reader's cursor");
        assert!(
            batch.upto > cursor || batch.upto == batch.head,
            "a batch moves on until the head"
        );
        let seqs: Vec<Seq> = batch.events.iter().map(|event| event.seq).collect();
        assert!(seqs.is_sorted_by(|a, b| a < b), "events are in seq order");
        assert!(
            seqs.iter()
                .all(|seq| batch.after < *seq && *seq <= batch.upto),
            "events lie inside of their batch"
        );
        cursor = batch.upto;
        let caught_up = batch.upto == batch.head;
        batches.push(batch);
        if caught_up {
            return batches;
        }
    }
}

pub(super) fn events_of(batches: Vec<Batch>) -> Vec<Event> {
    batches.into_iter().flat_map(|batch| batch.events).collect()
}
