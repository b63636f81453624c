//! The index over real tables: what it finds, in which order, and how it takes over an older mirror.

use proptest::prelude::*;
use tempfile::TempDir;
use unicode_normalization::UnicodeNormalization as _;

use super::*;
use crate::limits::SEARCH_STEP_ROWS;
use crate::mirror::schema;

/// A mirror's tables with one session whose rows are the texts.
struct Table {
    conn: Connection,
    _dir: TempDir,
}

impl Table {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let mut conn = Connection::open(dir.path().join("mirror.db")).unwrap();
        schema::migrate(&mut conn).unwrap();
        conn.pragma_update(None, "synchronous", "off").unwrap();
        let id = baton_protocol::SessionId::mint();
        conn.execute(
            "INSERT INTO logs (key, log_id, incarnation, cursor, state_json, state_seq) VALUES (1, ?1, 'x', 0, '{}', 0)",
            [format!("session:{id}")],
        )
        .unwrap();
        Self { conn, _dir: dir }
    }

    fn with(texts: &[&str]) -> Self {
        let table = Self::new();
        table.add(texts);
        table
    }

    fn add(&self, texts: &[&str]) {
        let tx = self.conn.unchecked_transaction().unwrap();
        let ids: Vec<i64> = texts.iter().map(|text| self.row(text)).collect();
        insert(&tx, ids.into_iter().zip(texts.iter().copied()).collect()).unwrap();
        tx.commit().unwrap();
    }

    /// Adds a row without indexing it.
    fn row(&self, text: &str) -> i64 {
        let json = serde_json::json!({ "body": { "text": text } }).to_string();
        self.conn
            .prepare_cached(
                "INSERT INTO rows (log, seq, n, row_id, json, searched)
                 SELECT 1, coalesce(max(seq), 0) + 1, 0, 'r', ?1, 1 FROM rows",
            )
            .unwrap()
            .insert([json])
            .unwrap()
    }

    /// The excerpts that a search finds.
    fn find(&self, query: &str) -> Vec<String> {
        let found = find(&self.conn, query, 10).unwrap();
        found.hits.into_iter().map(|hit| hit.excerpt).collect()
    }

    fn note(&self, query: &str) -> Option<SearchNote> {
        find(&self.conn, query, 10).unwrap().note
    }

    /// The table of an older version: rows, and an index that is no longer read.
    fn of_an_earlier_version(texts: &[&str]) -> Self {
        let table = Self::new();
        let tx = table.conn.unchecked_transaction().unwrap();
        for text in texts {
            let id = table.row(text);
            tx.execute(
                "INSERT INTO search_newest (rowid, text) VALUES (?1, ?2)",
                params![ROWID_AND_ID - id, text],
            )
            .unwrap();
        }
        let upto = "UPDATE search_unindexed SET upto = (SELECT max(id) FROM rows)";
        tx.execute(upto, []).unwrap();
        tx.commit().unwrap();
        table
    }

    fn step(&self) -> bool {
        let tx = self.conn.unchecked_transaction().unwrap();
        let is_more = step(&tx).unwrap();
        tx.commit().unwrap();
        is_more
    }

    fn indexed(&self) -> i64 {
        let count = "SELECT count(DISTINCT doc) FROM search_terms";
        self.conn.query_row(count, [], |row| row.get(0)).unwrap()
    }
}

#[test]
fn what_is_written_differently_is_found() {
    let table = Table::with(&[
        "Да, конечно.",
        "Servus in Mu\u{308}nchen",
        "Grüße aus München",
        "call read_the_file(path) now",
        "潮汐表在第二个抽屉里。",
        "ｆｕｌｌ　ｗｉｄｔｈ ﬁle",
        "one two\nthree",
        "two one three",
        "ok",
        "오늘은 한국",
        "Ещё",
    ]);
    let mark = |text: &str| text.replace('[', "\u{2}").replace(']', "\u{3}");
    for (query, expected) in [
        ("да", vec!["[Да], конечно."]),
        ("ДА", vec!["[Да], конечно."]),
        (
            "munchen",
            vec!["Grüße aus [München]", "Servus in [Mu\u{308}nchen]"],
        ),
        (
            "München",
            vec!["Grüße aus [München]", "Servus in [Mu\u{308}nchen]"],
        ),
        (
            "mu\u{308}n",
            vec!["Grüße aus [Mün]chen", "Servus in [Mu\u{308}n]chen"],
        ),
        ("grusse", vec!["[Grüße] aus München"]),
        ("read_the_file", vec!["call [read_the_file](path) now"]),
        ("the_f", vec!["call read_[the_f]ile(path) now"]),
        ("_t", vec!["call read[_t]he_file(path) now"]),
        ("readXthe", vec![]),
        ("屉", vec!["潮汐表在第二个抽[屉]里。"]),
        ("抽屉", vec!["潮汐表在第二个[抽屉]里。"]),
        ("。", vec!["潮汐表在第二个抽屉里[。]"]),
        ("full width", vec!["[ｆｕｌｌ]　[ｗｉｄｔｈ] ﬁle"]),
        ("\"full width\"", vec!["[ｆｕｌｌ　ｗｉｄｔｈ] ﬁle"]),
        (
            "file",
            vec![
                "ｆｕｌｌ　ｗｉｄｔｈ [ﬁle]",
                "call read_the_[file](path) now",
            ],
        ),
        ("\"two three\"", vec!["one [two\nthree]"]),
        ("\"one two\"", vec!["[one two]\nthree"]),
        (
            "one two three",
            vec!["[two] [one] [three]", "[one] [two]\n[three]"],
        ),
        ("ok", vec!["[ok]"]),
        ("한", vec!["오늘은 [한]국"]),
        ("하", vec![]),
        ("еще", vec!["[Ещё]"]),
    ] {
        let expected: Vec<String> = expected.into_iter().map(mark).collect();
        assert_eq!(table.find(query), expected, "{query}");
        assert_eq!(table.note(query), None, "{query}");
    }
}

#[test]
fn a_query_that_finds_nothing_for_what_it_is_says_so() {
    let table = Table::with(&["a text"]);
    assert_eq!(table.note("a"), Some(SearchNote::TooShort));
    assert_eq!(table.note(" \"\" "), Some(SearchNote::NothingToLookFor));
    assert_eq!(table.note("xyz"), None);
}

#[test]
fn a_short_word_is_found_behind_more_rows_than_are_read_one_by_one() {
    let table = Table::with(&["Да", "das 屉", "qz then ja needle", "other words"]);
    let filler = vec!["needle and nothing else"; SEARCH_SCAN_ROWS_MAX as usize + 10];
    table.add(&filler);
    assert_eq!(table.find("да"), ["\u{2}Да\u{3}"]);
    assert_eq!(table.find("屉"), ["das \u{2}屉\u{3}"]);
    assert_eq!(table.find("屉 as"), ["d\u{2}as\u{3} \u{2}屉\u{3}"]);
    assert_eq!(table.find("屉 ja"), Vec::<String>::new());
    assert_eq!(table.find("needle qz").len(), 1);
    assert_eq!(table.find("needle 屉"), Vec::<String>::new());
    assert_eq!(table.find("nd").len(), 10);
}

#[test]
fn a_mirror_of_an_earlier_version_is_taken_in_by_steps_and_finds_everything_at_each() {
    let newest_last: Vec<String> = (0..SEARCH_STEP_ROWS * 2 + 40)
        .map(|n| format!("München number {n}."))
        .collect();
    let texts: Vec<&str> = newest_last.iter().map(String::as_str).collect();
    let table = Table::of_an_earlier_version(&texts);
    let all = i64::from(SEARCH_STEP_ROWS) * 2 + 40;
    table.add(&["München today"]);
    for (indexed, is_more) in [(513, true), (1025, true), (all + 1, false)] {
        assert_eq!(table.note("munchen"), Some(SearchNote::StillIndexing));
        assert_eq!(table.find("munchen")[0], "\u{2}München\u{3} today");
        assert_eq!(
            table.find("munchen 0.").len(),
            10,
            "newest first, and a page of them"
        );
        assert_eq!(table.find("\"number 7.\"").len(), 1, "the oldest too, once");
        assert_eq!(table.find("to").len(), 1);
        assert_eq!(table.step(), is_more);
        assert_eq!(table.indexed(), indexed);
    }
    assert!(!table.step(), "and then nothing more is done");
    assert_eq!(table.note("munchen"), None);
    assert_eq!(table.find("\"number 7.\"").len(), 1);
    let left = "SELECT count(*) FROM search_newest WHERE search_newest MATCH 'number'";
    let left: i64 = table.conn.query_row(left, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0, "the earlier index is emptied");
}

#[test]
fn what_is_deleted_before_during_or_after_the_indexing_is_gone_and_its_ids_can_be_given_again() {
    for steps in 0..3 {
        let texts = vec!["the tide"; SEARCH_STEP_ROWS as usize + 20];
        let table = Table::of_an_earlier_version(&texts);
        for _ in 0..steps {
            table.step();
        }
        delete_behind(&table.conn, 1, Seq(10)).unwrap();
        let dropped = "DELETE FROM rows WHERE log = 1 AND seq > 10";
        table.conn.execute(dropped, []).unwrap();
        table.add(&["the ebb"]);
        while table.step() {}
        assert_eq!(table.find("tide").len(), 10, "{steps}");
        assert_eq!(table.find("ebb"), ["the \u{2}ebb\u{3}"], "{steps}");
        assert_eq!(table.indexed(), 11, "{steps}");
        delete_log(&table.conn, 1).unwrap();
        assert_eq!(table.indexed(), 0, "{steps}");
    }
}

/// Letters of several scripts in their forms, with separators.
fn text() -> impl Strategy<Value = String> {
    let letter = prop_oneof![
        4 => "[a-zA-Z0-9_%\"']",
        2 => "[äÖüßéÅøŁıİσς]",
        2 => "[а-яЁ]",
        2 => "[漢字仮名がポ한글ｆﬁ]",
        1 => "[\u{301}\u{308}\u{323}]",
        1 => "\\PC",
    ];
    let word = proptest::collection::vec(letter, 1..7).prop_map(|letters| letters.concat());
    proptest::collection::vec(word, 1..6).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_text_is_found_by_each_of_its_words_in_whichever_form_they_are_typed(text in text()) {
        let table = Table::with(&["something else", &text]);
        let plain = text.replace('"', "");
        for word in plain.split_whitespace() {
            for typed in [
                word.to_owned(),
                word.nfc().collect(),
                word.nfd().collect(),
                word.nfkc().collect(),
                word.to_lowercase(),
                word.to_uppercase(),
            ] {
                if !text.contains('"') && Query::parse(&typed).is_ok() {
                    prop_assert!(!table.find(&typed).is_empty(), "{typed:?} in {text:?}");
                }
            }
        }
        if !text.contains('"') && Query::parse(&plain).is_ok() {
            prop_assert!(!table.find(&format!("\"{plain}\"")).is_empty(), "{text:?} as a phrase");
        }
    }
}
