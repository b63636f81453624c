//! The folded form in which texts and queries are compared: case, diacritics, compatibility forms and spacing do not count.
//!
//! A text is folded one character at a time, together with the combining marks that follow it. So NFC and NFD fold alike, and each folded
//! range knows its bytes in the original.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::{canonical_combining_class, compose};

/// A folded text that maps each of its ranges back to the original.
pub(in crate::mirror) struct Folded {
    pub(in crate::mirror) text: String,
    /// For each folded unit: where it ends in the folded text, and its range in the original.
    stretches: Vec<(usize, Range<usize>)>,
}

impl Folded {
    pub(in crate::mirror) fn new(text: &str) -> Self {
        let mut stretches = Vec::with_capacity(text.len());
        let text = fold_noting(text, |end, range| stretches.push((end, range)));
        Self { text, stretches }
    }

    /// The original bytes of a folded range: whole characters with their marks.
    pub(in crate::mirror) fn original(&self, range: Range<usize>) -> Range<usize> {
        let from = self
            .stretches
            .partition_point(|(end, _)| *end <= range.start);
        let behind = self.stretches.partition_point(|(end, _)| *end <= range.end);
        let last = match behind.checked_sub(1).map(|at| self.stretches[at].0) {
            Some(end) if end == range.end => behind - 1,
            _ => behind,
        };
        let end_of_text = self.stretches.last().map_or(0, |(_, range)| range.end);
        let start = self.stretches.get(from);
        let end = self.stretches.get(last);
        let start = start.map_or(end_of_text, |(_, range)| range.start);
        start..end.map_or(end_of_text, |(_, range)| range.end)
    }
}

pub(super) fn fold(text: &str) -> String {
    fold_noting(text, |_, _| ())
}

fn fold_noting(text: &str, mut note: impl FnMut(usize, Range<usize>)) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.char_indices().peekable();
    while let Some((start, first)) = rest.next() {
        let mut end = start + first.len_utf8();
        while let Some((at, next)) = rest.next_if(|(_, next)| joins(*next)) {
            end = at + next.len_utf8();
        }
        let stretch = &text[start..end];
        if is_folded_as_it_is(first) && stretch.len() == first.len_utf8() {
            push(&mut out, first);
        } else {
            stretch
                .nfkd()
                .for_each(|character| push(&mut out, character));
        }
        note(out.len(), start..end);
    }
    out
}

/// Whether a character combines with the one before it.
fn joins(character: char) -> bool {
    // The three Tibetan vowels decompose into marks although they are not marks themselves.
    !character.is_ascii()
        && (canonical_combining_class(character) != 0
            || matches!(character, '\u{f73}' | '\u{f75}' | '\u{f81}'))
}

/// Characters without a decomposition, and the letters of unfinished Korean input, which are searched for unchanged.
fn is_folded_as_it_is(character: char) -> bool {
    character.is_ascii()
        || matches!(character, '\u{3131}'..='\u{318e}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

fn push(out: &mut String, character: char) {
    if character.is_ascii_graphic() {
        return out.push(character.to_ascii_lowercase());
    }
    if character.is_whitespace() || character.is_control() {
        if !out.ends_with(' ') {
            out.push(' ');
        }
        return;
    }
    if !is_ignored(character) {
        character
            .to_lowercase()
            .for_each(|lower| push_lower(out, lower));
    }
}

fn push_lower(out: &mut String, lower: char) {
    let plain = match lower {
        // Letters whose diacritic is not a separate mark.
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ŧ' => "t",
        'þ' => "th",
        'ı' => "i",
        'ς' => "σ",
        // Typographic marks that programs substitute for keyboard characters.
        '‘' | '’' | '‚' | '‛' | 'ʼ' => "'",
        '“' | '”' | '„' | '‟' | '«' | '»' => "\"",
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "-",
        other => return push_composed(out, other),
    };
    out.push_str(plain);
}

/// Korean syllables and voiced kana count as letters of their own, so they are composed again.
fn push_composed(out: &mut String, character: char) {
    if matches!(character, '\u{1161}'..='\u{1175}' | '\u{11a8}'..='\u{11c2}' | '\u{3099}' | '\u{309a}')
        && let Some(last) = out.chars().next_back()
        && let Some(composed) = compose(last, character)
    {
        out.pop();
        return out.push(composed);
    }
    out.push(character);
}

/// Diacritics of Latin, Greek, Cyrillic, Hebrew and Arabic, and invisible characters. Marks of other scripts count as letters.
fn is_ignored(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}'..='\u{5c2}'
        | '\u{5c4}'..='\u{5c5}' | '\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
        | '\u{ad}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_diacritics_and_compatibility_forms_do_not_count() {
        for (text, folded) in [
            ("Да", "да"),
            ("München", "munchen"),
            ("Straße STRASSE ẞ", "strasse strasse ss"),
            ("İstanbul ılık", "istanbul ilik"),
            ("ΟΔΟΣ ὁδός", "οδοσ οδοσ"),
            ("ﬁne ﬀ Ｆｕｌｌ　ｗｉｄｔｈ", "fine ff full width"),
            ("Łódź Þór œuvre", "lodz thor oeuvre"),
            ("don’t “say” – it", "don't \"say\" - it"),
            ("a\u{ad}b\u{200b}c \r\n\t d\u{0}e", "abc d e"),
            ("ｶﾞ が か\u{3099}", "ガ が が"),
            ("한 \u{1112}\u{1161}\u{11ab} ㅋㅋ", "한 한 ㅋㅋ"),
            ("snake_case", "snake_case"),
            ("हिन्दी", "हिन्दी"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn a_folded_range_is_whole_characters_of_the_original() {
        let of = |text: &str, word: &str| {
            let folded = Folded::new(text);
            let at = folded.text.find(word).unwrap();
            text[folded.original(at..at + word.len())].to_owned()
        };
        assert_eq!(of("in Mu\u{308}nchen", "munchen"), "Mu\u{308}nchen");
        assert_eq!(of("die Straße", "strass"), "Straß");
        assert_eq!(of("ein ﬁsch", "i"), "i");
        assert_eq!(of("xﬁy", "i"), "ﬁ");
        assert_eq!(of("a  b", "a b"), "a  b");
        assert_eq!(
            of("\u{1112}\u{1161}\u{11ab}", "한"),
            "\u{1112}\u{1161}\u{11ab}"
        );
    }

    proptest! {
        #[test]
        fn every_normal_form_folds_alike_and_once_is_enough(text in "\\PC{0,40}") {
            let folded = fold(&text);
            prop_assert_eq!(&fold(&text.nfc().collect::<String>()), &folded);
            prop_assert_eq!(&fold(&text.nfd().collect::<String>()), &folded);
            prop_assert_eq!(&fold(&folded), &folded);
            prop_assert_eq!(Folded::new(&text).text, folded);
        }
    }
}
