//! The receipts: one answer to each command.

use baton_log::StoredReceipt;
use baton_protocol::{CommandId, LogId, Receipt, Seq, TimestampMs};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::logs::LogNumber;
use super::{seq_at, to_column};

/// `digest` is the command's digest, `outcome` is JSON.
pub const MIGRATION: &str = "
    CREATE TABLE receipts (
        log         INTEGER NOT NULL,
        command     BLOB NOT NULL,
        digest      BLOB NOT NULL,
        seq         INTEGER NOT NULL,
        recorded_at INTEGER NOT NULL,
        outcome     TEXT NOT NULL,
        PRIMARY KEY (log, command)
    ) STRICT, WITHOUT ROWID;
";

pub(super) const FIND: &str =
    "SELECT digest, seq, recorded_at, outcome FROM receipts WHERE log = ?1 AND command = ?2";

/// Deletes up to a number of a log's rows.
pub(super) const DELETE_SOME: &str = "DELETE FROM receipts WHERE log = ?1
     AND command IN (SELECT command FROM receipts WHERE log = ?1 LIMIT ?2)";

/// A row, without its log.
#[derive(Clone, PartialEq, Debug)]
pub struct ReceiptRow {
    pub command: CommandId,
    pub digest: [u8; 32],
    pub seq: Seq,
    pub recorded_at: TimestampMs,
    pub outcome: String,
}

impl ReceiptRow {
    /// Encodes a receipt as a row.
    pub fn encode(stored: &StoredReceipt) -> serde_json::Result<Self> {
        Ok(Self {
            command: stored.receipt.command,
            digest: stored.digest,
            seq: stored.receipt.seq,
            recorded_at: stored.receipt.recorded_at,
            outcome: serde_json::to_string(&stored.receipt.outcome)?,
        })
    }

    /// Decodes a row.
    pub fn decode(self, log: LogId) -> serde_json::Result<StoredReceipt> {
        Ok(StoredReceipt {
            receipt: Receipt {
                command: self.command,
                log,
                seq: self.seq,
                recorded_at: self.recorded_at,
                outcome: serde_json::from_str(&self.outcome)?,
            },
            digest: self.digest,
        })
    }
}

/// The receipt of a command, if there is one.
pub fn find(
    connection: &Connection,
    log: LogNumber,
    command: CommandId,
) -> rusqlite::Result<Option<ReceiptRow>> {
    let mut find = connection.prepare_cached(FIND)?;
    find.query_row(params![log.0, command.as_uuid().as_bytes()], |row| {
        Ok(ReceiptRow {
            command,
            digest: row.get(0)?,
            seq: seq_at(row, 1)?,
            recorded_at: TimestampMs(row.get(2)?),
            outcome: row.get(3)?,
        })
    })
    .optional()
}

/// Adds a receipt.
pub fn insert(connection: &Connection, log: LogNumber, row: &ReceiptRow) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO receipts (log, command, digest, seq, recorded_at, outcome) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    insert.execute(params![
        log.0,
        row.command.as_uuid().as_bytes(),
        row.digest,
        to_column(row.seq),
        row.recorded_at.0,
        row.outcome,
    ])?;
    Ok(())
}
