//! The excerpt of a found text that a hit shows.

use std::ops::Range;

use super::search::Folded;

/// Characters of an excerpt on each side of the first match.
const EXCERPT_CHARS_AROUND: usize = 40;

/// The original text around the first match, with every match marked. `None` if the text lacks a needle.
pub(super) fn excerpt(text: &str, needles: &[String]) -> Option<String> {
    let matches = matches(text, needles)?;
    let first = matches.first()?;
    let begin = text[..first.start]
        .char_indices()
        .rev()
        .take(EXCERPT_CHARS_AROUND)
        .last()
        .map_or(first.start, |(at, _)| at);
    let end = text[first.end..]
        .char_indices()
        .nth(EXCERPT_CHARS_AROUND)
        .map_or(text.len(), |(at, _)| first.end + at);
    let mut out = String::with_capacity(end - begin + 16);
    if begin > 0 {
        out.push('…');
    }
    let mut at = begin;
    for found in matches.into_iter().filter(|found| found.end <= end) {
        out.push_str(&text[at..found.start]);
        out.push('\u{2}');
        out.push_str(&text[found.clone()]);
        out.push('\u{3}');
        at = found.end;
    }
    out.push_str(&text[at..end]);
    if end < text.len() {
        out.push('…');
    }
    Some(out)
}

/// The ranges of the needles in order, merged if they overlap. `None` if one is missing.
fn matches(text: &str, needles: &[String]) -> Option<Vec<Range<usize>>> {
    let folded = Folded::new(text);
    let mut found: Vec<Range<usize>> = Vec::new();
    for needle in needles {
        let before = found.len();
        let places = folded.text.match_indices(needle.as_str());
        found.extend(places.map(|(at, found)| folded.original(at..at + found.len())));
        if found.len() == before {
            return None;
        }
    }
    found.sort_unstable_by_key(|found| (found.start, found.end));
    let mut joined: Vec<Range<usize>> = Vec::new();
    for found in found {
        match joined.last_mut() {
            Some(last) if found.start <= last.end => last.end = last.end.max(found.end),
            _ => joined.push(found),
        }
    }
    Some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt_of(text: &str, needles: &[&str]) -> Option<String> {
        let needles: Vec<String> = needles.iter().map(|needle| (*needle).to_owned()).collect();
        excerpt(text, &needles)
    }

    #[test]
    fn an_excerpt_marks_what_matched_in_the_text_as_it_was_written() {
        for (text, needles, expected) in [
            ("say 你好 now", &["你好"][..], "say \u{2}你好\u{3} now"),
            ("It is OK.", &["ok"], "It is \u{2}OK\u{3}."),
            (
                "one two three",
                &["three", "one"],
                "\u{2}one\u{3} two \u{2}three\u{3}",
            ),
            ("overlap", &["over", "verla"], "\u{2}overla\u{3}p"),
            (
                "İn Mu\u{308}nchen,",
                &["munchen"],
                "İn \u{2}Mu\u{308}nchen\u{3},",
            ),
            ("der ﬁsch", &["fi"], "der \u{2}ﬁ\u{3}sch"),
        ] {
            assert_eq!(excerpt_of(text, needles).as_deref(), Some(expected));
        }
        assert_eq!(excerpt_of("one two", &["one", "three"]), None);
    }

    #[test]
    fn an_excerpt_is_cut_around_the_first_match_and_never_through_it() {
        let text = format!("{}needle{}", "ü".repeat(50), "ä".repeat(50));
        let expected = format!("…{}\u{2}needle\u{3}{}…", "ü".repeat(40), "ä".repeat(40));
        assert_eq!(excerpt_of(&text, &["needle"]), Some(expected));
    }
}
