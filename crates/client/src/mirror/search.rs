//! Tables `search_text` and `search_terms`: the full-text index over settled rows, which works offline and for every script.
//!
//! Texts and queries are compared in one folded form ([`fold`]): case, diacritics, normal forms and full-width letters do not count. The
//! index holds the trigrams of folded texts, so it finds any three characters in a row, and no script needs a word breaker. Two characters
//! of padding end each text: so each shorter needle is the beginning of a trigram, and `search_terms` finds it. The index keeps no copy of
//! the text; a hit's text comes from the row and is checked before it is shown.
//!
//! FTS5 returns matches from the smallest rowid upward; the other direction takes nearly twice as long. Therefore newer rows have smaller
//! rowids in the index. Rows of a mirror that is older than this index are added later ([`upkeep`]).

mod fold;
mod query;
#[cfg(test)]
mod tests;
mod upkeep;

use std::collections::HashSet;

use baton_protocol::view::{RowId, SearchHit, SearchNote};
use baton_protocol::{LogId, Seq};
use rusqlite::{Connection, OptionalExtension, params};

pub(super) use self::fold::Folded;
use self::fold::fold;
use self::query::Query;
pub(super) use self::upkeep::{step, unindexed};
use super::StoreError;
use super::excerpt::excerpt;
use super::logs::LogKey;
use super::sql::{seq_from, seq_into};
use crate::limits::{SEARCH_HITS_MAX, SEARCH_SCAN_ROWS_MAX};

/// The index of the first versions, which is no longer read.
pub(super) const TABLE: &str = "
    CREATE VIEW searchable AS
        SELECT id, json_extract(json, '$.body.text') AS text FROM rows WHERE searched;
    CREATE VIRTUAL TABLE search USING fts5(
        text, content = 'searchable', content_rowid = 'id', tokenize = 'trigram'
    );";

/// The index of later versions, over unfolded texts, which is no longer read.
pub(super) const NEWEST_FIRST: &str = "
    CREATE VIRTUAL TABLE search_newest USING fts5(text, content = '', columnsize = 0, tokenize = 'trigram');";

/// Stores rowids but no texts, which are in the rows. It stores no text lengths either: only ranking would need them.
pub(super) const FOLDED: &str = "
    CREATE VIRTUAL TABLE search_text USING fts5(
        text, content = '', columnsize = 0, tokenize = 'trigram case_sensitive 1'
    );
    CREATE VIRTUAL TABLE search_terms USING fts5vocab('search_text', 'instance');";

/// See [`upkeep`].
pub(super) const UNINDEXED: &str = upkeep::TABLE;

/// The sum of a row's rowid in `search_text` and its id. A rowid takes five bytes in the index, and the bound exceeds the rows that a
/// device can have.
const ROWID_AND_ID: i64 = 1 << 34;

/// Ends each text in the index. Folded texts never contain this character.
const PADDING: &str = "\u{2}\u{2}";

/// The text of a row whose JSON is valid.
macro_rules! searched_text {
    () => {
        "CASE WHEN json_valid(rows.json) THEN json_extract(rows.json, '$.body.text') END"
    };
}

/// The newest rows up to an id, with the texts of the searchable ones.
const NEWEST_ROWS: &str = concat!(
    "SELECT id, CASE WHEN searched THEN ",
    searched_text!(),
    " END FROM rows WHERE id <= ?1 ORDER BY id DESC LIMIT ?2"
);

/// The columns of a hit.
const HIT: &str = concat!(
    "SELECT logs.log_id, rows.row_id, rows.seq, ",
    searched_text!(),
    " FROM rows JOIN logs ON logs.key = rows.log WHERE rows.id = ?1 AND rows.searched"
);

/// Result of a search.
#[derive(Clone, PartialEq, Debug)]
pub struct SearchFound {
    /// Newest first.
    pub hits: Vec<SearchHit>,
    /// A note to the person in addition to the hits.
    pub note: Option<SearchNote>,
}

fn entry(text: &str) -> String {
    let mut entry = fold(text);
    entry.push_str(PADDING);
    entry
}

/// Adds texts of rows to the index, the newest first: FTS5 flushes its buffer whenever a rowid is not larger than the previous one.
pub(super) fn insert(conn: &Connection, mut texts: Vec<(i64, &str)>) -> Result<(), StoreError> {
    if texts.is_empty() {
        return Ok(());
    }
    let unindexed = unindexed(conn)?;
    // A reused id at or below `unindexed` is still to be added by `upkeep`.
    texts.retain(|(id, _)| *id > unindexed);
    texts.sort_unstable_by_key(|(id, _)| std::cmp::Reverse(*id));
    let mut insert =
        conn.prepare_cached("INSERT INTO search_text (rowid, text) VALUES (?1, ?2)")?;
    for (id, text) in texts {
        insert.execute(params![ROWID_AND_ID - id, entry(text)])?;
    }
    Ok(())
}

pub(super) fn delete_log(conn: &Connection, key: LogKey) -> Result<(), StoreError> {
    delete_behind(conn, key, Seq::ZERO)
}

/// Removes the texts of a log's events after a seq.
pub(super) fn delete_behind(conn: &Connection, key: LogKey, seq: Seq) -> Result<(), StoreError> {
    let mut statement = conn.prepare_cached(concat!(
        "SELECT id, ",
        searched_text!(),
        " FROM rows WHERE log = ?1 AND seq > ?2 AND searched AND id > ?3 ORDER BY id DESC"
    ))?;
    let mut rows = statement.query(params![key, seq_into(seq), unindexed(conn)?])?;
    let mut delete = conn.prepare_cached(
        "INSERT INTO search_text (search_text, rowid, text) VALUES ('delete', ?1, ?2)",
    )?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        // An index entry that remains of an unreadable row gives no hit, because the row's text is checked.
        if let Ok(Some(text)) = row.get_ref(1)?.as_str_or_null() {
            delete.execute(params![ROWID_AND_ID - id, entry(text)])?;
        }
    }
    Ok(())
}

/// Rows that contain every word and phrase of the query, newest first.
pub(super) fn find(conn: &Connection, query: &str, limit: u32) -> Result<SearchFound, StoreError> {
    let query = match Query::parse(query) {
        Ok(query) => query,
        Err(note) => {
            return Ok(SearchFound {
                hits: Vec::new(),
                note: Some(note),
            });
        }
    };
    // One snapshot, so that a row that is indexed meanwhile is found only once.
    let conn = conn.unchecked_transaction()?;
    let unindexed = unindexed(&conn)?;
    let mut search = Search {
        conn: &conn,
        query: &query,
        limit: limit.min(SEARCH_HITS_MAX) as usize,
        hits: Vec::new(),
    };
    let scanned_down_to = match query.match_expression() {
        Some(expression) => {
            search.through_index(&expression)?;
            i64::MAX
        }
        None => search.through_rows_and_terms()?,
    };
    search.rows(unindexed.min(scanned_down_to))?;
    Ok(SearchFound {
        hits: search.hits,
        note: (unindexed > 0).then_some(SearchNote::StillIndexing),
    })
}

struct Search<'a> {
    conn: &'a Connection,
    query: &'a Query,
    limit: usize,
    hits: Vec<SearchHit>,
}

impl Search<'_> {
    fn is_full(&self) -> bool {
        self.hits.len() >= self.limit
    }

    /// Checks the rows that match the trigrams of the long needles. After [`SEARCH_SCAN_ROWS_MAX`] rows it looks up the short needles too,
    /// which may leave few of the others.
    fn through_index(&mut self, expression: &str) -> Result<(), StoreError> {
        let conn = self.conn;
        let sql =
            "SELECT rowid FROM search_text WHERE search_text MATCH ?1 ORDER BY search_text.rowid";
        let mut statement = conn.prepare_cached(sql)?;
        let mut found = statement.query([expression])?;
        let mut with_short: Option<HashSet<i64>> = None;
        let mut looked_at = 0;
        while !self.is_full()
            && let Some(row) = found.next()?
        {
            let rowid: i64 = row.get(0)?;
            if looked_at == SEARCH_SCAN_ROWS_MAX && !self.query.is_all_long() {
                with_short = self.rowids_of_short()?;
            }
            looked_at += 1;
            if with_short
                .as_ref()
                .is_none_or(|rowids| rowids.contains(&rowid))
            {
                self.look_at(ROWID_AND_ID - rowid)?;
            }
        }
        Ok(())
    }

    /// Scans the newest rows, then looks up terms: a frequent short word soon appears in the newest rows, and a rare one begins few
    /// trigrams. Returns the highest id that was not scanned; 0 if no row is left to scan.
    fn through_rows_and_terms(&mut self) -> Result<i64, StoreError> {
        let down_to = self.rows(i64::MAX - 1)?;
        if self.is_full() || down_to == 0 {
            return Ok(0);
        }
        let mut rowids: Vec<i64> = self.rowids_of_short()?.into_iter().flatten().collect();
        rowids.sort_unstable();
        for id in rowids.into_iter().map(|rowid| ROWID_AND_ID - rowid) {
            if self.is_full() {
                break;
            }
            if id < down_to {
                self.look_at(id)?;
            }
        }
        Ok(down_to - 1)
    }

    /// Scans the rows themselves, from an id downward, at most [`SEARCH_SCAN_ROWS_MAX`] of them. Returns the last id that it reached; 0 at
    /// the end.
    fn rows(&mut self, from: i64) -> Result<i64, StoreError> {
        if self.is_full() || from <= 0 {
            return Ok(0);
        }
        let conn = self.conn;
        let mut statement = conn.prepare_cached(NEWEST_ROWS)?;
        let mut rows = statement.query(params![from, SEARCH_SCAN_ROWS_MAX])?;
        let (mut down_to, mut looked_at) = (0, 0);
        while let Some(row) = rows.next()? {
            down_to = row.get(0)?;
            looked_at += 1;
            let is_hit = matches!(row.get_ref(1)?.as_str_or_null(), Ok(Some(text)) if self.query.is_in(text));
            if is_hit {
                self.look_at(down_to)?;
            }
            if self.is_full() {
                return Ok(down_to);
            }
        }
        Ok(match looked_at < SEARCH_SCAN_ROWS_MAX {
            true => 0,
            false => down_to,
        })
    }

    /// Index rowids of the texts in which each short needle begins a trigram. `None` if no short needle is selective enough.
    fn rowids_of_short(&self) -> Result<Option<HashSet<i64>>, StoreError> {
        let mut together: Option<HashSet<i64>> = None;
        for needle in self.query.short() {
            let mut statement = self
                .conn
                .prepare_cached("SELECT doc FROM search_terms WHERE term >= ?1 AND term <= ?2")?;
            let last = format!("{needle}\u{10ffff}\u{10ffff}");
            let docs = statement.query_map(params![needle, last], |row| row.get(0))?;
            let docs = docs.collect::<Result<HashSet<i64>, _>>()?;
            together = Some(match together {
                Some(before) => before.intersection(&docs).copied().collect(),
                None => docs,
            });
        }
        Ok(together)
    }

    /// Adds a row to the hits if its text contains every needle.
    fn look_at(&mut self, id: i64) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(HIT)?;
        let needles = &self.query.needles;
        let hit = statement
            .query_row([id], |row| {
                let log: String = row.get(0)?;
                // An unreadable row is no hit; its session is fetched again when it is opened.
                let (Ok(LogId::Session(session)), Ok(text)) =
                    (log.parse(), row.get_ref(3)?.as_str())
                else {
                    return Ok(None);
                };
                let Some(excerpt) = excerpt(text, needles) else {
                    return Ok(None);
                };
                Ok(Some(SearchHit {
                    session,
                    title: String::new(),
                    row: RowId(row.get(1)?),
                    seq: seq_from(row.get(2)?),
                    excerpt,
                }))
            })
            .optional()?;
        self.hits.extend(hit.flatten());
        Ok(())
    }
}
