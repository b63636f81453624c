//! A check of everything: SQLite's own integrity check; that every event belongs to a log and is found at its place; and that every
//! receipt can be read and is at or below the head of its log. Rows of logs that are being deleted are skipped.

use baton_log::ReadError;
use baton_protocol::{LogId, ReceiptOutcome, Seq};
use rusqlite::Connection;

use crate::tables::events::{Events, SEQ_MAX};
use crate::tables::logs::{self, LogNumber};
use crate::unplaced::Unplaced;

/// Limit of reported findings. One broken page can cause thousands.
const FINDINGS_MAX: usize = 100;

/// Findings in words for a hub's operator; empty means none.
pub fn examine(connection: &Connection) -> Result<Vec<String>, ReadError> {
    let unavailable = |error: rusqlite::Error| ReadError::Unavailable(Box::new(error));
    let snapshot = connection.unchecked_transaction().map_err(unavailable)?;
    let mut findings = integrity(&snapshot).map_err(unavailable)?;
    if !findings.is_empty() {
        // The rows of a damaged file are not worth checking.
        return Ok(findings);
    }
    for check in [ids, places, strays, receipts] {
        match check(&snapshot) {
            Ok(found) => findings.extend(found),
            Err(error) if findings.is_empty() => return Err(unavailable(error)),
            // Report the earlier findings in spite of the error.
            Err(error) => {
                findings.push(format!("the rest could not be examined: {error}"));
                break;
            }
        }
    }
    Ok(findings)
}

fn integrity(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut check = connection.prepare(&format!("PRAGMA integrity_check({FINDINGS_MAX})"))?;
    let lines = check.query_map([], |row| row.get::<_, String>(0))?;
    let lines: Vec<String> = lines.collect::<rusqlite::Result<_>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// Logs whose ids cannot be read, so that no request can reach them.
fn ids(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut all = connection.prepare("SELECT log, log_id FROM logs")?;
    let mut rows = all.query([])?;
    let mut findings = Vec::new();
    while findings.len() < FINDINGS_MAX
        && let Some(row) = rows.next()?
    {
        let (number, id): (i64, String) = (row.get(0)?, row.get(1)?);
        if id.parse::<LogId>().is_err() {
            findings.push(format!("log number {number} has an id that cannot be read"));
        }
    }
    Ok(findings)
}

/// Events without their place, and places without their event.
fn places(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut lost = connection.prepare(
        "SELECT coalesce(log_id, 'no log'), arrivals.position & 0xffffffff, 'has no place'
         FROM arrivals LEFT JOIN places USING (position) LEFT JOIN logs ON log = arrivals.position >> 32
         WHERE arrivals.arrival <= (SELECT upto FROM placed) AND places.arrival IS NOT arrivals.arrival
         UNION ALL
         SELECT coalesce(log_id, 'no log'), places.position & 0xffffffff, 'is not there'
         FROM places LEFT JOIN arrivals USING (arrival) LEFT JOIN logs ON log = places.position >> 32
         WHERE arrivals.position IS NOT places.position
         LIMIT ?1",
    )?;
    let findings = lost.query_map([FINDINGS_MAX as i64], |row| {
        let (log, seq, what): (String, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(format!("the event at {seq} of {log} {what}"))
    })?;
    findings.collect()
}

/// Events whose log neither exists nor is being deleted.
fn strays(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut strays = connection.prepare(
        "SELECT arrivals.position >> 32, count(*) FROM arrivals
         WHERE arrivals.position >> 32 NOT IN (SELECT log FROM logs UNION ALL SELECT log FROM deletions)
         GROUP BY 1 LIMIT ?1",
    )?;
    let findings = strays.query_map([FINDINGS_MAX as i64], |row| {
        let (number, count): (i64, i64) = (row.get(0)?, row.get(1)?);
        Ok(format!(
            "{count} events of log number {number} belong to no log"
        ))
    })?;
    findings.collect()
}

fn receipts(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut findings = Vec::new();
    let unplaced = Unplaced::load(connection)?;
    let head_of = |log: LogNumber| -> rusqlite::Result<Option<Seq>> {
        let id = logs::id_of(connection, log)?;
        let head = |id| Events::of_writer(connection, log, unplaced.of(id, SEQ_MAX)).head();
        id.map(head).transpose()
    };
    let mut all = connection.prepare(
        "SELECT receipts.log, hex(command), seq, outcome, log_id FROM receipts LEFT JOIN logs USING (log)
         WHERE receipts.log NOT IN (SELECT log FROM deletions) ORDER BY receipts.log",
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
            _ => match head_of(LogNumber(number))? {
                Some(head) => head,
                // `ids` reports it.
                None => continue,
            },
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
