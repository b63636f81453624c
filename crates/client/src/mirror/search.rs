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
use super::sql::{seq_from, seq_into};
use crate::limits::{SEARCH_HITS_MAX, SEARCH_INDEX_CHARS_MIN};

pub(super) const TABLE: &str = "
    CREATE VIEW searchable AS
        SELECT id, json_extract(json, '$.body.text') AS text FROM rows WHERE searched;
    CREATE VIRTUAL TABLE search USING fts5(
        text, content = 'searchable', content_rowid = 'id', tokenize = 'trigram'
    );";

/// Characters of an excerpt on either side of the first match.
const EXCERPT_CHARS_AROUND: usize = 40;

pub(super) fn insert(conn: &Connection, id: i64, text: &str) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT INTO search (rowid, text) VALUES (?1, ?2)")?
        .execute(params![id, text])?;
    Ok(())
}

pub(super) fn delete_log(conn: &Connection, key: LogKey) -> Result<(), StoreError> {
    delete_behind(conn, key, Seq::ZERO)
}

/// Takes out the texts of a log's events behind a seq.
pub(super) fn delete_behind(conn: &Connection, key: LogKey, seq: Seq) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO search (search, rowid, text)
         SELECT 'delete', id, json_extract(json, '$.body.text') FROM rows
         WHERE log = ?1 AND seq > ?2 AND searched",
    )?
    .execute(params![key, seq_into(seq)])?;
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
    let (long, short): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| is_long(word));
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
            excerpt: excerpt(&text, &words),
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
        // The excerpt is cut here, not by the index's `snippet`, which would break the text into words again for each hit.
        "SELECT logs.log_id, rows.row_id, rows.seq, json_extract(rows.json, '$.body.text')
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

/// The text around the first match. Every match in it is marked.
fn excerpt(text: &str, words: &[&str]) -> String {
    let matches = matches(text, words);
    let Some(&(first, first_end)) = matches.first() else {
        return text.chars().take(2 * EXCERPT_CHARS_AROUND).collect();
    };
    let begin = text[..first]
        .char_indices()
        .rev()
        .take(EXCERPT_CHARS_AROUND)
        .last()
        .map_or(first, |(at, _)| at);
    let end = text[first_end..]
        .char_indices()
        .nth(EXCERPT_CHARS_AROUND)
        .map_or(text.len(), |(at, _)| first_end + at);
    let mut out = String::with_capacity(end - begin + 16);
    if begin > 0 {
        out.push('…');
    }
    let mut at = begin;
    for (from, to) in matches.into_iter().filter(|(_, to)| *to <= end) {
        out.push_str(&text[at..from]);
        out.push('\u{2}');
        out.push_str(&text[from..to]);
        out.push('\u{3}');
        at = to;
    }
    out.push_str(&text[at..end]);
    if end < text.len() {
        out.push('…');
    }
    out
}

/// Where the words stand, in order, joined where they overlap.
fn matches(text: &str, words: &[&str]) -> Vec<(usize, usize)> {
    let lower = text.to_lowercase();
    // Only where lowering keeps every offset can one be used in the other.
    let is_aligned = lower.len() == text.len();
    let mut found: Vec<(usize, usize)> = Vec::new();
    for word in words {
        let lowered = word.to_lowercase();
        let (place, word) = if is_aligned {
            (lower.as_str(), lowered.as_str())
        } else {
            (text, *word)
        };
        let ends = place
            .match_indices(word)
            .map(|(at, found)| (at, at + found.len()));
        found.extend(
            ends.filter(|(from, to)| text.is_char_boundary(*from) && text.is_char_boundary(*to)),
        );
    }
    found.sort_unstable();
    let mut joined: Vec<(usize, usize)> = Vec::new();
    for (from, to) in found {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_marks_what_matched() {
        assert_eq!(excerpt("say 你好 now", &["你好"]), "say \u{2}你好\u{3} now");
        assert_eq!(excerpt("It is OK.", &["ok"]), "It is \u{2}OK\u{3}.");
        assert_eq!(
            excerpt("one two three", &["three", "one"]),
            "\u{2}one\u{3} two \u{2}three\u{3}"
        );
        assert_eq!(excerpt("overlap", &["over", "verla"]), "\u{2}overla\u{3}p");
    }

    #[test]
    fn an_excerpt_is_cut_around_the_first_match_and_never_through_it() {
        let text = format!("{}needle{}", "ü".repeat(50), "ä".repeat(50));
        let expected = format!("…{}\u{2}needle\u{3}{}…", "ü".repeat(40), "ä".repeat(40));
        assert_eq!(excerpt(&text, &["needle"]), expected);
    }

    #[test]
    fn wildcards_in_a_query_are_text() {
        assert_eq!(escape_like("5%_\\"), "5\\%\\_\\\\");
        assert_eq!(quote("a\"b"), "\"a\"\"b\"");
    }
}
