//! The log under the benchmark's load.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use baton_log::{AppendRequest, EventLog, ExpectedHead, ReadLimit};
use baton_log_sqlite::SqliteEventLog;
use baton_protocol::{
    AccountId, AgentId, EventBody, LogId, PartAppendedEvent, PartIndex, PartKind, PartOpenedEvent,
    Principal, RunId, RunnerId, Seq, SessionCreatedEvent, SessionId, TimestampMs,
};
use baton_session::NewEvent;
use futures::FutureExt as _;

use super::{Case, PAYLOAD_BYTES, Producer, closed_loop, payload};

/// A session in the hands of its one owner, who knows its head and need not wait for an append to queue the next.
struct Session {
    id: SessionId,
    run: RunId,
    /// What was queued, and how many of them are the producers' own.
    queued: Mutex<(Seq, u64)>,
}

/// A log with sessions in which a part is open.
pub struct OpenedLog {
    log: SqliteEventLog,
    sessions: Vec<Session>,
    by: Principal,
}

impl OpenedLog {
    /// A new log.
    pub async fn create(folder: &Path, sessions: usize) -> Result<Arc<Self>> {
        let mut opened = Self {
            log: SqliteEventLog::open(folder)?,
            sessions: Vec::new(),
            by: Principal::Runner {
                runner: RunnerId::mint(),
                agent: Some(AgentId("assistant".to_owned())),
            },
        };
        for _ in 0..sessions {
            let session = opened.begin_session().await?;
            opened.sessions.push(session);
        }
        Ok(Arc::new(opened))
    }

    async fn begin_session(&self) -> Result<Session> {
        let (id, run) = (SessionId::mint(), RunId::mint());
        let created = EventBody::SessionCreated(SessionCreatedEvent {
            session: id,
            account: AccountId::mint(),
            agent: AgentId("assistant".to_owned()),
            runner: None,
            title: None,
        });
        let opened = EventBody::PartOpened(PartOpenedEvent {
            run,
            part: PartIndex(0),
            kind: PartKind::Text,
        });
        let request = self.request(id, ExpectedHead::Absent, vec![created, opened]);
        let head = self.log.append(request).await?.head();
        Ok(Session {
            id,
            run,
            queued: Mutex::new((head, 0)),
        })
    }

    fn request(
        &self,
        id: SessionId,
        expected: ExpectedHead,
        bodies: Vec<EventBody>,
    ) -> AppendRequest {
        let event = |body| NewEvent {
            by: self.by.clone(),
            command: None,
            producer: None,
            recorded_at: None,
            body,
        };
        AppendRequest {
            log: LogId::Session(id),
            expected,
            recorded_at: TimestampMs(1_795_000_000_000),
            events: bodies.into_iter().map(event).collect(),
            receipt: None,
            state: None,
        }
    }

    /// Appends the session's next text and waits until it is durable.
    pub async fn append(&self, session: usize) -> Result<()> {
        let session = &self.sessions[session];
        let mut appending;
        let done = {
            let mut queued = session
                .queued
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let (head, n) = *queued;
            let body = EventBody::PartAppended(PartAppendedEvent {
                run: session.run,
                part: PartIndex(0),
                offset: n * PAYLOAD_BYTES as u64,
                text: payload(n),
            });
            let request = self.request(session.id, ExpectedHead::At(head), vec![body]);
            *queued = (head.next(), n + 1);
            appending = self.log.append(request);
            // Its first poll queues it: whoever comes next stands behind it.
            (&mut appending).now_or_never()
        };
        match done {
            Some(done) => done?,
            None => appending.await?,
        };
        Ok(())
    }

    /// Reads everything back: every text in its place, and no more than was acknowledged.
    async fn check(&self, appended: u64) -> Result<()> {
        let mut found = 0;
        for session in &self.sessions {
            found += self.check_session(session).await?;
        }
        ensure!(
            found == appended,
            "the log holds {found} of {appended} appends"
        );
        Ok(())
    }

    async fn check_session(&self, session: &Session) -> Result<u64> {
        let log = LogId::Session(session.id);
        let (mut after, mut bytes) = (Seq::ZERO, 0);
        loop {
            let batch = self.log.read(log, after, ReadLimit::default()).await?;
            for event in &batch.events {
                if let EventBody::PartAppended(body) = &event.body {
                    let expected: String = (0..body.text.len() / PAYLOAD_BYTES)
                        .map(|n| payload((bytes / PAYLOAD_BYTES + n) as u64))
                        .collect();
                    let fits = body.offset == bytes as u64 && body.text == expected;
                    ensure!(fits, "the log holds another text at byte {bytes}");
                    bytes += body.text.len();
                }
            }
            after = batch.upto;
            if batch.upto >= batch.head {
                return Ok((bytes / PAYLOAD_BYTES) as u64);
            }
        }
    }
}

/// A producer of the log's. Its count is the session's, not its own.
#[derive(Clone)]
pub struct LogProducer(pub Arc<OpenedLog>);

impl Producer for LogProducer {
    async fn append(&mut self, session: usize, _: u64) -> Result<()> {
        self.0.append(session).await
    }
}

/// Appends a second, with the log opened again afterwards to see what the disk has.
pub(super) async fn measure(folder: &Path, case: Case, duration: Duration) -> Result<f64> {
    let opened = OpenedLog::create(folder, case.sessions).await?;
    let producers = vec![LogProducer(Arc::clone(&opened)); case.producers];
    let done = closed_loop(producers, case.sessions, duration).await?;
    let opened = Arc::into_inner(opened).expect("the producers have ended");
    let OpenedLog { log, sessions, by } = opened;
    let reopened = tokio::task::block_in_place(|| {
        drop(log);
        SqliteEventLog::open(folder)
    })?;
    let opened = OpenedLog {
        log: reopened,
        sessions,
        by,
    };
    opened.check(done.appended).await?;
    Ok(done.per_second)
}
