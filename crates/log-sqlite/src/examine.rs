//! What a check of everything finds: SQLite's own, and that every receipt can be given and stands at or below the head of its log.

use baton_log::ReadError;
use baton_protocol::{ReceiptOutcome, Seq};
use rusqlite::Connection;

use crate::tables::events;
use crate::tables::logs::LogNumber;

/// Findings that are told; one broken page can make thousands.
const FINDINGS_MAX: usize = 100;

/// In words for a person who operates the hub; empty is well.
pub fn examine(connection: &Connection) -> Result<Vec<String>, ReadError> {
    let unavailable = |error: rusqlite::Error| ReadError::Unavailable(Box::new(error));
    let snapshot = connection.unchecked_transaction().map_err(unavailable)?;
    let mut findings = integrity(&snapshot).map_err(unavailable)?;
    if findings.is_empty() {
        // Rows of a damaged file are not worth a second look.
        findings = receipts(&snapshot).map_err(unavailable)?;
    }
    Ok(findings)
}

fn integrity(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut check = connection.prepare(&format!("PRAGMA integrity_check({FINDINGS_MAX})"))?;
    let lines = check.query_map([], |row| row.get::<_, String>(0))?;
    let lines: Vec<String> = lines.collect::<rusqlite::Result<_>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

fn receipts(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut all = connection.prepare(
        "SELECT receipts.log, hex(command), seq, outcome, log_id FROM receipts LEFT JOIN logs USING (log) ORDER BY receipts.log",
    )?;
    let mut rows = all.query([])?;
    let mut at: Option<(i64, Seq)> = None;
    while let Some(row) = rows.next()? {
        if findings.len() >= FINDINGS_MAX {
            break;
        }
        let (number, command): (i64, String) = (row.get(0)?, row.get(1)?);
        let Some(log) = row.get::<_, Option<String>>(4)? else {
            findings.push(format!("the receipt of {command} belongs to no log"));
            continue;
        };
        let head = match at {
            Some((known, head)) if known == number => head,
            _ => events::head(connection, LogNumber(number))?,
        };
        at = Some((number, head));
        let seq: i64 = row.get(2)?;
        if u64::try_from(seq).is_ok_and(|seq| seq > head.0) || seq < 0 {
            findings.push(format!(
                "the receipt of {command} in {log} stands at {seq}, the log ends at {head}"
            ));
        }
        let outcome = serde_json::from_str::<ReceiptOutcome>(row.get_ref(3)?.as_str()?);
        if let Err(error) = outcome {
            findings.push(format!(
                "the receipt of {command} in {log} cannot be read: {error}"
            ));
        }
    }
    Ok(findings)
}
