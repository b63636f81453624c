//! Copies a session's log from the mirror into the new hub.

use baton_protocol::view::ConnectionPhase;
use baton_protocol::{
    Batch, CommandBody, CommandEffect, Cursor, ErrorCode, Event, ImportBatchCommand, LogId, Seq,
    SessionId, limits,
};

use super::{Move, MoveError, until};

impl Move {
    /// Copies a session and returns its id at the new hub: a different one if that hub already has a session of this id.
    pub(super) async fn history(&self, session: SessionId) -> Result<SessionId, MoveError> {
        self.make_whole(session).await?;
        match self.copy(session, session).await {
            Err(MoveError::Refused(error)) if error.code == ErrorCode::SessionExists => {
                let renamed = self.other_id(session).await?;
                self.copy(session, renamed).await?;
                Ok(renamed)
            }
            copied => copied.map(|()| session),
        }
    }

    async fn copy(&self, session: SessionId, to: SessionId) -> Result<(), MoveError> {
        let mut after = Seq::ZERO;
        loop {
            let batch = self.batch(session, after).await?;
            let body = CommandBody::ImportBatch(ImportBatchCommand {
                from: self.from.linked().hub_name.clone(),
                batch,
            });
            match self.act(LogId::Session(to), body).await? {
                CommandEffect::Imported { complete: true, .. } => return Ok(()),
                CommandEffect::Imported { upto, .. } => after = upto,
                _ => return Err(MoveError::Closed),
            }
        }
    }

    /// The batch that follows `after`, as large as fits a frame.
    async fn batch(&self, session: SessionId, after: Seq) -> Result<Batch, MoveError> {
        let log = LogId::Session(session);
        let page = self
            .from
            .mirror()
            .events_after(log, after, limits::BATCH_EVENTS_MAX)
            .await?;
        let (events, Some(head)) = page else {
            return Err(MoveError::NotWhole(session));
        };
        let is_last = events.len() < limits::BATCH_EVENTS_MAX;
        let found = events.len();
        let events = fitting(events);
        let upto = match events.last() {
            Some(last) if !is_last || events.len() < found => last.seq,
            // Seqs whose events were sealed away lie above the last event.
            _ => head.seq,
        };
        Ok(Batch {
            log,
            incarnation: head.incarnation,
            after,
            upto,
            head: head.seq,
            events,
        })
    }

    /// Waits until the mirror has the whole session, from its first event to the old hub's head if that hub is reachable.
    async fn make_whole(&self, session: SessionId) -> Result<(), MoveError> {
        let log = LogId::Session(session);
        self.from.want(log);
        self.from.want_history(log);
        let result = self.whole(session, log).await;
        self.from.unwant(log);
        result
    }

    async fn whole(&self, session: SessionId, log: LogId) -> Result<(), MoveError> {
        let is_connected = || {
            let phase = self.from.connection().phase;
            matches!(phase, ConnectionPhase::CatchingUp | ConnectionPhase::Live)
        };
        until(&self.from, || {
            self.from.is_caught_up(log) || !is_connected()
        })
        .await?;
        let mut changes = self.from.changes();
        loop {
            let end = self.from.mirror().cursor(log).await?;
            let (_, before_gap) = self.from.mirror().events_after(log, Seq::ZERO, 1).await?;
            match (end, before_gap) {
                (Some(Cursor { seq: end, .. }), Some(Cursor { seq, .. })) if end == seq => {
                    return Ok(());
                }
                _ if !is_connected() => return Err(MoveError::NotWhole(session)),
                _ => {}
            }
            let changed = tokio::time::timeout(super::SILENCE_MAX, changes.changed()).await;
            changed
                .map_err(|_| MoveError::NotWhole(session))?
                .map_err(|_| MoveError::Closed)?;
        }
    }

    /// The replacement id for a session whose own id is taken at the new hub. Stored, so that another try uses the same one.
    async fn other_id(&self, session: SessionId) -> Result<SessionId, MoveError> {
        let name = format!("moved:{session}");
        if let Some(known) = self.to.setting(&name).await?
            && let Ok(known) = known.parse()
        {
            return Ok(known);
        }
        let fresh = SessionId::mint();
        self.to.set_setting(&name, &fresh.to_string()).await?;
        Ok(fresh)
    }
}

/// The longest prefix of events that fits one batch; at least one event.
fn fitting(mut events: Vec<Event>) -> Vec<Event> {
    let mut bytes = 0;
    let fit = events.iter().take_while(|event| {
        bytes += serde_json::to_vec(event).map_or(limits::EVENT_BYTES_MAX, |json| json.len());
        bytes <= limits::BATCH_BYTES_TARGET
    });
    let count = fit.count().max(1);
    events.truncate(count);
    events
}
