//! A query as the folded needles that a row must contain: words, and phrases in quotes.

use baton_protocol::view::SearchNote;

use super::fold::fold;
use crate::limits::{SEARCH_INDEX_CHARS_MIN, SEARCH_NEEDLES_MAX, SEARCH_QUERY_CHARS_MAX};

/// Below this, a character is a letter, a digit or a mark of an alphabet, which says nothing on its own. From here on are symbols, and
/// scripts in which one character is a word or a syllable.
const STANDS_ALONE_FROM: char = '\u{2190}';

/// The needles of a query, folded.
pub(super) struct Query {
    pub(super) needles: Vec<String>,
}

impl Query {
    /// Parses what a person typed.
    ///
    /// # Errors
    /// The note for the person, if such a query cannot find anything.
    pub(super) fn parse(text: &str) -> Result<Self, SearchNote> {
        let folded = fold(
            &text
                .chars()
                .take(SEARCH_QUERY_CHARS_MAX)
                .collect::<String>(),
        );
        let mut needles: Vec<String> = Vec::new();
        let mut rest = folded.trim_start();
        while !rest.is_empty() && needles.len() < SEARCH_NEEDLES_MAX {
            let (needle, after) = match rest.strip_prefix('"') {
                // An unclosed quote includes all that follows.
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => rest.split_once(' ').unwrap_or((rest, "")),
            };
            let needle = needle.trim();
            if !needle.is_empty() && !needles.iter().any(|known| known == needle) {
                needles.push(needle.to_owned());
            }
            rest = after.trim_start();
        }
        if needles.is_empty() {
            return Err(SearchNote::NothingToLookFor);
        }
        if !needles.iter().any(|needle| tells_something(needle)) {
            return Err(SearchNote::TooShort);
        }
        Ok(Self { needles })
    }

    /// The trigram index's expression for the long needles; `None` if there are none.
    pub(super) fn match_expression(&self) -> Option<String> {
        let long = self.needles.iter().filter(|needle| is_long(needle));
        let quoted: Vec<String> = long
            .map(|needle| format!("\"{}\"", needle.replace('"', "\"\"")))
            .collect();
        (!quoted.is_empty()).then(|| quoted.join(" "))
    }

    /// Needles that are shorter than a trigram, but selective enough to look up by prefix.
    pub(super) fn short(&self) -> impl Iterator<Item = &str> {
        let needles = self.needles.iter().map(String::as_str);
        needles.filter(|needle| !is_long(needle) && tells_something(needle))
    }

    /// Whether every needle is long, so that the index alone decides.
    pub(super) fn is_all_long(&self) -> bool {
        self.needles.iter().all(|needle| is_long(needle))
    }

    /// Whether a text contains every needle.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let folded = fold(text);
        self.needles
            .iter()
            .all(|needle| folded.contains(needle.as_str()))
    }
}

fn is_long(needle: &str) -> bool {
    needle.chars().count() >= SEARCH_INDEX_CHARS_MIN
}

fn tells_something(needle: &str) -> bool {
    let mut characters = needle.chars();
    let first = characters.next();
    characters.next().is_some() || first.is_some_and(|first| first >= STANDS_ALONE_FROM)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needles(text: &str) -> Result<Vec<String>, SearchNote> {
        Query::parse(text).map(|query| query.needles)
    }

    #[test]
    fn words_and_phrases_are_told_apart() {
        let of = |text: &str| needles(text).unwrap();
        assert_eq!(of("  Tide  TABLE "), ["tide", "table"]);
        assert_eq!(of("\"tide  table\" now"), ["tide table", "now"]);
        assert_eq!(of("“tide table” now"), ["tide table", "now"]);
        assert_eq!(of("\"tide tab"), ["tide tab"]);
        assert_eq!(of("a snake_case"), ["a", "snake_case"]);
        assert_eq!(of("5\" screen"), ["5\"", "screen"]);
        assert_eq!(of("same same"), ["same"]);
        assert_eq!(of("屉"), ["屉"]);
        assert_eq!(of("🎉"), ["🎉"]);
    }

    #[test]
    fn a_query_that_cannot_find_anything_says_why() {
        for nothing in ["", "  ", "\"", "\"\" \" \"", "\u{301}\u{200b}"] {
            assert_eq!(needles(nothing), Err(SearchNote::NothingToLookFor));
        }
        for short in ["a", "?", "5 b", "\"д\""] {
            assert_eq!(needles(short), Err(SearchNote::TooShort), "{short}");
        }
        let long = "x".repeat(SEARCH_QUERY_CHARS_MAX + 5);
        assert_eq!(needles(&long).unwrap()[0].len(), SEARCH_QUERY_CHARS_MAX);
    }

    #[test]
    fn what_looks_like_an_expression_is_text() {
        let query = Query::parse("a\"b\"c OR*").unwrap();
        assert_eq!(query.match_expression().unwrap(), "\"a\"\"b\"\"c\" \"or*\"");
    }
}
