//! Tables `search_newest` and `search`: the full-text index over settled rows, offline and for every script.
//!
//! Trigrams find any stretch of three characters, so Chinese, Japanese and Korean need no word breaker. Shorter words are looked for
//! in the rows themselves, newest first. The index keeps no second copy of the text.
//!
//! FTS5 gives what it finds from the smallest rowid upward; downward takes it nearly twice as long. So a row has a rowid in
//! `search_newest` that is the smaller the newer the row is. What a mirror of an earlier version had stands in `search` under the rows'
//! own ids, is looked at last, and downward. `rows.searched` says where a row's text stands.

use baton_protocol::view::{RowId, SearchHit};
use baton_protocol::{LogId, Seq};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::StoreError;
use super::excerpt::excerpt;
use super::logs::LogKey;
use super::sql::{seq_from, seq_into};
use crate::limits::{SEARCH_HITS_MAX, SEARCH_INDEX_CHARS_MIN};

pub(super) const TABLE: &str = "
    CREATE VIEW searchable AS
        SELECT id, json_extract(json, '$.body.text') AS text FROM rows WHERE searched;
    CREATE VIRTUAL TABLE search USING fts5(
        text, content = 'searchable', content_rowid = 'id', tokenize = 'trigram'
    );";

/// Knows rowids and no texts: these stand in the rows. Lengths of texts are for ranks, which nobody asks for.
pub(super) const NEWEST_FIRST: &str = "
    CREATE VIRTUAL TABLE search_newest USING fts5(text, content = '', columnsize = 0, tokenize = 'trigram');";

/// The rowid in `search_newest` and the row's id together. Five bytes in the index, and more rows than a device can have.
const ROWID_AND_ID: i64 = 1 << 34;

/// Where a row's text can be found: the values of `rows.searched`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Index {
    /// In `search`, under the row's id.
    Earlier = 1,
    /// In `search_newest`.
    Newest = 2,
}

/// Takes texts of rows into the index. The newest goes first: FTS5 writes out what it has gathered whenever a rowid is not larger than
/// the one before.
pub(super) fn insert(conn: &Connection, mut texts: Vec<(i64, &str)>) -> Result<(), StoreError> {
    if texts.is_empty() {
        return Ok(());
    }
    texts.sort_unstable_by_key(|(id, _)| std::cmp::Reverse(*id));
    let mut insert =
        conn.prepare_cached("INSERT INTO search_newest (rowid, text) VALUES (?1, ?2)")?;
    for (id, text) in texts {
        insert.execute(params![ROWID_AND_ID - id, text])?;
    }
    Ok(())
}

pub(super) fn delete_log(conn: &Connection, key: LogKey) -> Result<(), StoreError> {
    delete_behind(conn, key, Seq::ZERO)
}

/// Takes out the texts of a log's events behind a seq.
pub(super) fn delete_behind(conn: &Connection, key: LogKey, seq: Seq) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO search (search, rowid, text)
         SELECT 'delete', id, CASE WHEN json_valid(json) THEN json_extract(json, '$.body.text') END FROM rows
         WHERE log = ?1 AND seq > ?2 AND searched = ?3 ORDER BY id",
    )?
    .execute(params![key, seq_into(seq), Index::Earlier as i64])?;
    conn.prepare_cached(
        "INSERT INTO search_newest (search_newest, rowid, text)
         SELECT 'delete', ?4 - id, CASE WHEN json_valid(json) THEN json_extract(json, '$.body.text') END FROM rows
         WHERE log = ?1 AND seq > ?2 AND searched = ?3 ORDER BY id DESC",
    )?
    .execute(params![
        key,
        seq_into(seq),
        Index::Newest as i64,
        ROWID_AND_ID
    ])?;
    Ok(())
}

/// Rows that hold every word of the query, newest first.
pub(super) fn find(
    conn: &Connection,
    query: &str,
    limit: u32,
) -> Result<Vec<SearchHit>, StoreError> {
    let words: Vec<&str> = query.split_whitespace().collect();
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let limit = limit.min(SEARCH_HITS_MAX);
    let is_long = |word: &&str| word.chars().count() >= SEARCH_INDEX_CHARS_MIN;
    let (long, short): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| is_long(word));
    if long.is_empty() {
        return hits(conn, Source::Rows, (&long, &short), limit);
    }
    // One snapshot for both: a row that is written anew in between moves from one index to the other.
    let conn = conn.unchecked_transaction()?;
    let mut found = hits(&conn, Source::Newest, (&long, &short), limit)?;
    let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(limit));
    if left > 0 && has_earlier(&conn)? {
        found.extend(hits(&conn, Source::Earlier, (&long, &short), left)?);
    }
    Ok(found)
}

/// What is looked through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Source {
    Newest,
    Earlier,
    /// The texts themselves.
    Rows,
}

/// Whether the index of an earlier version holds anything.
fn has_earlier(conn: &Connection) -> Result<bool, StoreError> {
    let mut statement = conn.prepare_cached("SELECT 1 FROM search_docsize LIMIT 1")?;
    let found = statement.query_row([], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

fn hits(
    conn: &Connection,
    source: Source,
    (long, short): (&[&str], &[&str]),
    limit: u32,
) -> Result<Vec<SearchHit>, StoreError> {
    let words = [long, short].concat();
    let (sql, values) = statement(source, (long, short), limit);
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut hits = Vec::new();
    while let Some(row) = rows.next()? {
        let log: String = row.get(0)?;
        // A row that cannot be read is no hit; its session is fetched again when it is opened.
        let (Ok(LogId::Session(session)), Ok(text)) = (log.parse(), row.get_ref(3)?.as_str())
        else {
            continue;
        };
        hits.push(SearchHit {
            session,
            title: String::new(),
            row: RowId(row.get(1)?),
            seq: seq_from(row.get(2)?),
            excerpt: excerpt(text, &words),
        });
    }
    Ok(hits)
}

fn statement(
    source: Source,
    (long, short): (&[&str], &[&str]),
    limit: u32,
) -> (String, Vec<Value>) {
    let (tables, order) = match source {
        Source::Newest => (
            format!(
                "search_newest CROSS JOIN rows ON rows.id = {ROWID_AND_ID} - search_newest.rowid
                 JOIN logs ON logs.key = rows.log WHERE search_newest MATCH ?1"
            ),
            "search_newest.rowid",
        ),
        Source::Earlier => (
            "search CROSS JOIN rows ON rows.id = search.rowid JOIN logs ON logs.key = rows.log WHERE search MATCH ?1"
                .to_owned(),
            "search.rowid DESC",
        ),
        Source::Rows => (
            "rows CROSS JOIN logs ON logs.key = rows.log WHERE rows.searched".to_owned(),
            "rows.id DESC",
        ),
    };
    // The excerpt is cut here, not by the index's `snippet`, which would break the text into words again for each hit.
    let text = "CASE WHEN json_valid(rows.json) THEN json_extract(rows.json, '$.body.text') END";
    let mut sql = format!("SELECT logs.log_id, rows.row_id, rows.seq, {text} FROM {tables}");
    let mut values = Vec::new();
    if source != Source::Rows {
        let quoted: Vec<String> = long.iter().map(|word| quote(word)).collect();
        values.push(Value::Text(quoted.join(" ")));
    }
    for word in short {
        values.push(Value::Text(format!("%{}%", escape_like(word))));
        sql.push_str(&format!(" AND {text} LIKE ?{} ESCAPE '\\'", values.len()));
    }
    values.push(Value::Integer(i64::from(limit)));
    sql.push_str(&format!(" ORDER BY {order} LIMIT ?{}", values.len()));
    (sql, values)
}

fn quote(word: &str) -> String {
    format!("\"{}\"", word.replace('"', "\"\""))
}

fn escape_like(word: &str) -> String {
    let mut escaped = String::new();
    for character in word.chars() {
        if matches!(character, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_in_a_query_are_text() {
        assert_eq!(escape_like("5%_\\"), "5\\%\\_\\\\");
        assert_eq!(quote("a\"b"), "\"a\"\"b\"");
    }
}
