//! The outbox, receipts and settings, on the writing connection.

use baton_protocol::{Command, CommandId, ErrorBody, Receipt, ReceiptOutcome, TimestampMs};

use super::outbox::{Outbox, OutboxEntry, OutboxState};
use super::store::{Flush, Store};
use super::{StoreError, outbox, receipts, schema, settings};

/// Result of queuing intents.
#[derive(Default)]
pub(crate) struct QueuedIntents {
    pub(crate) entries: Vec<OutboxEntry>,
    pub(crate) answered: Vec<Receipt>,
}

impl Store {
    /// Makes intents durable atomically. Intents that were answered before give their receipts instead.
    pub(crate) fn queue_intents(
        &mut self,
        intents: &[(Command, OutboxState)],
        replaced: &[CommandId],
        queued_at: TimestampMs,
    ) -> Result<QueuedIntents, StoreError> {
        self.flush(Flush::Now)?;
        let tx = schema::begin(&mut self.conn)?;
        for command in replaced {
            outbox::delete(&tx, *command)?;
        }
        let mut queued = QueuedIntents::default();
        for (command, state) in intents {
            match receipts::find(&tx, command.id)? {
                Some(receipt) => queued.answered.push(receipt),
                None => {
                    let entry = outbox::insert(&tx, command, state, queued_at)?;
                    queued.entries.push(entry);
                }
            }
        }
        tx.commit()?;
        Ok(queued)
    }

    pub(crate) fn outbox(&self) -> Result<Outbox, StoreError> {
        outbox::all(&self.conn)
    }

    pub(crate) fn mark_sent(&mut self, commands: &[CommandId]) -> Result<(), StoreError> {
        self.flush(Flush::Now)?;
        let tx = schema::begin(&mut self.conn)?;
        for command in commands {
            outbox::set_sent(&tx, *command)?;
        }
        Ok(tx.commit()?)
    }

    /// Stores a receipt. The intent leaves the outbox, unless it was refused and a person must see that. If a power cut undoes this, the
    /// intent is sent again under its id, and the hub gives the same receipt.
    pub(crate) fn store_receipt(
        &mut self,
        receipt: &Receipt,
        keeps_refusal: bool,
    ) -> Result<(), StoreError> {
        self.flush(Flush::WithTheNext)?;
        let tx = schema::begin(&mut self.conn)?;
        receipts::insert(&tx, receipt)?;
        match &receipt.outcome {
            ReceiptOutcome::Refused { error } if keeps_refusal => {
                outbox::set_refused(&tx, receipt.command, error)?;
            }
            _ => outbox::delete(&tx, receipt.command)?,
        }
        Ok(tx.commit()?)
    }

    pub(crate) fn refuse_intent(
        &mut self,
        command: CommandId,
        error: &ErrorBody,
        keeps_refusal: bool,
    ) -> Result<(), StoreError> {
        self.flush(Flush::Now)?;
        let tx = schema::begin(&mut self.conn)?;
        if keeps_refusal {
            outbox::set_refused(&tx, command, error)?;
        } else {
            outbox::delete(&tx, command)?;
        }
        Ok(tx.commit()?)
    }

    pub(crate) fn remove_intent(&mut self, command: CommandId) -> Result<(), StoreError> {
        self.flush(Flush::Now)?;
        let tx = schema::begin(&mut self.conn)?;
        outbox::delete(&tx, command)?;
        Ok(tx.commit()?)
    }

    /// Discards an intent that this version cannot read. Returns whether it was there.
    pub(crate) fn discard_opaque(&mut self, ordinal: i64) -> Result<bool, StoreError> {
        self.flush(Flush::Now)?;
        let tx = schema::begin(&mut self.conn)?;
        let was_there = outbox::discard_opaque(&tx, ordinal)?;
        tx.commit()?;
        Ok(was_there)
    }

    pub(crate) fn receipt(&self, command: CommandId) -> Result<Option<Receipt>, StoreError> {
        receipts::find(&self.conn, command)
    }

    pub(crate) fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        settings::get(&self.conn, name)
    }

    pub(crate) fn set_setting(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        self.flush(Flush::Now)?;
        let tx = schema::begin(&mut self.conn)?;
        settings::set(&tx, name, value)?;
        Ok(tx.commit()?)
    }
}
