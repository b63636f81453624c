//! The stretch of a found text that a hit shows.

/// Characters of an excerpt on either side of the first match.
const EXCERPT_CHARS_AROUND: usize = 40;

/// The text around the first match. Every match in it is marked.
pub(super) fn excerpt(text: &str, words: &[&str]) -> String {
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
}
