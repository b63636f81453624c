//! Parts: opened, grown, closed, sealed.

use std::sync::Arc;

use baton_protocol::view::PartState;
use baton_protocol::{
    Event, PartAppendedEvent, PartClosedEvent, PartIndex, PartOpenedEvent, PartSealedEvent, RunId,
};

use super::FoldError;
use super::rows::{Place, elapsed_ms, part_body, row};
use crate::state::{PartProgress, PartText, SessionState};
use crate::transcript::{RowChange, TranscriptSink};

impl SessionState {
    pub(super) fn part_opened(
        &mut self,
        event: &Event,
        body: &PartOpenedEvent,
        sink: &mut dyn TranscriptSink,
    ) -> Result<(), FoldError> {
        let run = self.writing_run(event, body.run)?;
        if body.part.0 as usize != run.parts.len() {
            return Err(FoldError::PartMismatch {
                seq: event.seq,
                run: body.run,
                part: body.part,
            });
        }
        run.retry = None;
        let row = row(event, 0, Place::of(run), part_body(&body.kind));
        run.parts.push(Arc::new(PartProgress {
            index: body.part,
            kind: body.kind.clone(),
            row: row.id.clone(),
            opened_at: event.recorded_at,
            text: PartText::default(),
            end: None,
            digest: None,
        }));
        sink.change(RowChange::Insert(row));
        Ok(())
    }

    pub(super) fn part_appended(
        &mut self,
        event: &Event,
        body: &PartAppendedEvent,
        sink: &mut dyn TranscriptSink,
    ) -> Result<(), FoldError> {
        let part = self.open_part(event, body.run, body.part)?;
        let length = part.text.len() as u64;
        if body.offset != length {
            return Err(FoldError::OffsetMismatch {
                seq: event.seq,
                offset: body.offset,
                length,
            });
        }
        part.text.push_str(&body.text);
        sink.change(RowChange::AppendText {
            id: part.row.clone(),
            text: body.text.clone(),
        });
        Ok(())
    }

    pub(super) fn part_closed(
        &mut self,
        event: &Event,
        body: &PartClosedEvent,
        sink: &mut dyn TranscriptSink,
    ) -> Result<(), FoldError> {
        let part = self.open_part(event, body.run, body.part)?;
        part.close(body.end);
        let duration_ms = elapsed_ms(part.opened_at, event.recorded_at);
        sink.change(RowChange::ClosePart {
            id: part.row.clone(),
            state: PartState::from(body.end),
            duration_ms,
        });
        Ok(())
    }

    pub(super) fn part_sealed(
        &mut self,
        event: &Event,
        body: &PartSealedEvent,
        sink: &mut dyn TranscriptSink,
    ) -> Result<(), FoldError> {
        let part = self.open_part(event, body.run, body.part)?;
        part.text = body.text.clone().into();
        part.close(body.end);
        let (text, state) = (body.text.clone(), PartState::from(body.end));
        let duration_ms = elapsed_ms(part.opened_at, event.recorded_at);
        sink.change(RowChange::SealPart {
            id: part.row.clone(),
            text,
            state,
            duration_ms,
        });
        Ok(())
    }

    pub(super) fn open_part(
        &mut self,
        event: &Event,
        run: RunId,
        part: PartIndex,
    ) -> Result<&mut PartProgress, FoldError> {
        let mismatch = FoldError::PartMismatch {
            seq: event.seq,
            run,
            part,
        };
        let active = self.writing_run(event, run)?;
        active
            .parts
            .get_mut(part.0 as usize)
            .filter(|part| part.end.is_none())
            .map(Arc::make_mut)
            .ok_or(mismatch)
    }
}
