//! Table `search`: the full-text index over settled rows, offline and for every script.
//!
//! Trigrams find any stretch of three characters, so Chinese, Japanese and Korean need no word breaker. Shorter words are looked for
//! in the rows themselves, newest first. The index keeps no second copy of the text: it reads the rows through a view.

use baton_protocol::view::{RowId, SearchHit};
use baton_protocol::{LogId, Seq};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::StoreError;
use super::logs::LogKey;
use super::sql::seq_from;
use crate::limits::{SEARCH_HITS_MAX, SEARCH_INDEX_CHARS_MIN};

pub(super) const TABLE: &str = "
    CREATE VIEW searchable AS
        SELECT id, json_extract(json, '$.body.text') AS text FROM rows WHERE searched;
    CREATE VIRTUAL TABLE search USING fts5(
        text, content = 'searchable', content_rowid = 'id', tokenize = 'trigram'
    );";

/// Characters on either side of a match where the index does not cut the excerpt itself.
const EXCERPT_CHARS_AROUND: usize = 40;

pub(super) fn insert(conn: &Connection, id: i64, text: &str) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT INTO search (rowid, text) VALUES (?1, ?2)")?
        .execute(params![id, text])?;
    Ok(())
}

pub(super) fn delete_log(conn: &Connection, key: LogKey) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO search (search, rowid, text)
         SELECT 'delete', id, json_extract(json, '$.body.text') FROM rows WHERE log = ?1 AND searched",
    )?
    .execute(params![key])?;
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
    let is_long = |word: &&str| word.chars().count() >= SEARCH_INDEX_CHARS_MIN;
    let (long, short): (Vec<&str>, Vec<&str>) = words.into_iter().partition(is_long);
    let (sql, values) = statement(&long, &short, limit.min(SEARCH_HITS_MAX));

    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut hits = Vec::new();
    while let Some(row) = rows.next()? {
        let log: String = row.get(0)?;
        let Ok(LogId::Session(session)) = log.parse() else {
            continue;
        };
        let text: String = row.get(3)?;
        hits.push(SearchHit {
            session,
            title: String::new(),
            row: RowId(row.get(1)?),
            seq: seq(row.get(2)?),
            excerpt: if long.is_empty() {
                excerpt(&text, short[0])
            } else {
                text
            },
        });
    }
    Ok(hits)
}

fn seq(number: i64) -> Seq {
    seq_from(number)
}

fn statement(long: &[&str], short: &[&str], limit: u32) -> (String, Vec<Value>) {
    let mut values = Vec::new();
    let mut sql = if long.is_empty() {
        "SELECT logs.log_id, rows.row_id, rows.seq, searchable.text
         FROM searchable JOIN rows ON rows.id = searchable.id JOIN logs ON logs.key = rows.log WHERE 1"
            .to_owned()
    } else {
        let quoted: Vec<String> = long.iter().map(|word| quote(word)).collect();
        values.push(Value::Text(quoted.join(" ")));
        "SELECT logs.log_id, rows.row_id, rows.seq, snippet(search, 0, char(2), char(3), '…', 64)
         FROM search JOIN rows ON rows.id = search.rowid JOIN logs ON logs.key = rows.log WHERE search MATCH ?1"
            .to_owned()
    };
    let (text, id) = if long.is_empty() {
        ("searchable.text", "searchable.id")
    } else {
        ("search.text", "search.rowid")
    };
    for word in short {
        values.push(Value::Text(format!("%{}%", escape_like(word))));
        sql.push_str(&format!(" AND {text} LIKE ?{} ESCAPE '\\'", values.len()));
    }
    values.push(Value::Integer(i64::from(limit)));
    sql.push_str(&format!(" ORDER BY {id} DESC LIMIT ?{}", values.len()));
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

/// The text around the first match, which is marked.
fn excerpt(text: &str, word: &str) -> String {
    let lower = text.to_lowercase();
    // Only where lowering keeps every offset can one be used in the other.
    let found = (lower.len() == text.len())
        .then(|| lower.find(&word.to_lowercase()))
        .flatten()
        .or_else(|| text.find(word));
    let Some(start) = found.filter(|start| text.is_char_boundary(*start)) else {
        return text.chars().take(2 * EXCERPT_CHARS_AROUND).collect();
    };
    let end = (start + word.len()).min(text.len());
    let end = (end..=text.len())
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(text.len());
    let head: Vec<char> = text[..start]
        .chars()
        .rev()
        .take(EXCERPT_CHARS_AROUND)
        .collect();
    let head: String = head.into_iter().rev().collect();
    let tail: String = text[end..].chars().take(EXCERPT_CHARS_AROUND).collect();
    let cut = |cut: bool| if cut { "…" } else { "" };
    format!(
        "{}{head}\u{2}{}\u{3}{tail}{}",
        cut(head.len() < start),
        &text[start..end],
        cut(tail.len() < text.len() - end)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_marks_what_matched() {
        assert_eq!(excerpt("say 你好 now", "你好"), "say \u{2}你好\u{3} now");
        assert_eq!(excerpt("It is OK.", "ok"), "It is \u{2}OK\u{3}.");
    }

    #[test]
    fn wildcards_in_a_query_are_text() {
        assert_eq!(escape_like("5%_\\"), "5\\%\\_\\\\");
        assert_eq!(quote("a\"b"), "\"a\"\"b\"");
    }
}
