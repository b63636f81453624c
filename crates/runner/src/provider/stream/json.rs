//! JSON as servers send it: over several lines, with bytes that are not UTF-8, with the numbers that Python's `json` writes.
//!
//! Values stay text until they are read, so that an unread value can never fail an answer.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::lines::LINE_BYTES_MAX;

/// Result of a line.
pub(super) enum Gathered {
    /// Complete JSON values.
    Values(Vec<Box<RawValue>>),
    /// The beginning of a value, or more of it.
    More,
    /// Not JSON. The gatherer drops what had begun before.
    NotJson,
    /// A value exceeds the length limit.
    TooLong,
}

/// Gathers lines until they are JSON.
#[derive(Default)]
pub(super) struct Gatherer {
    text: String,
    depth: Depth,
    lost: bool,
}

impl Gatherer {
    /// Whether a value has begun and not ended.
    pub fn is_open(&self) -> bool {
        !self.text.is_empty()
    }

    /// Whether a piece of an answer was dropped because it is not JSON.
    pub fn has_lost(&self) -> bool {
        self.lost
    }

    /// Drops the value that has begun.
    pub fn give_up(&mut self) {
        let text = std::mem::take(&mut self.text);
        self.depth = Depth::default();
        self.lost |= text.contains("\"choices\"") || text.contains("\"delta\"");
    }

    /// Takes one line.
    pub fn push(&mut self, line: &[u8]) -> Gathered {
        let line = to_text(line);
        if self.is_open() {
            // A whole chunk in one line replaces an unfinished value before it.
            if line.trim_start().starts_with('{')
                && let Some(values) = values(&line)
                && values.iter().any(|value| is_chunk(value))
            {
                self.give_up();
                return Gathered::Values(values);
            }
        } else if !line.trim_start().starts_with(['{', '[']) {
            return match values(&line) {
                Some(values) => Gathered::Values(values),
                None => Gathered::NotJson,
            };
        }
        if self.text.len() + line.len() > LINE_BYTES_MAX {
            self.give_up();
            return Gathered::TooLong;
        }
        // Inside a string the line break comes from cutting the value into lines, so it is left out.
        if self.is_open() && !self.depth.in_string {
            self.text.push('\n');
        }
        self.depth.pass(&line);
        self.text.push_str(&line);
        if self.depth.is_inside() {
            return Gathered::More;
        }
        match values(&self.text).or_else(|| values(&repaired(&self.text))) {
            Some(values) => {
                self.text.clear();
                self.depth = Depth::default();
                Gathered::Values(values)
            }
            None => {
                self.give_up();
                Gathered::NotJson
            }
        }
    }
}

/// The nesting at the end of a text.
#[derive(Default)]
struct Depth {
    open: usize,
    in_string: bool,
    escaped: bool,
}

impl Depth {
    fn is_inside(&self) -> bool {
        self.open > 0 || self.in_string
    }

    fn pass(&mut self, text: &str) {
        for byte in text.bytes() {
            self.step(byte);
        }
    }

    fn step(&mut self, byte: u8) {
        if self.escaped {
            self.escaped = false;
        } else if self.in_string {
            match byte {
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
        } else {
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.open += 1,
                b'}' | b']' => self.open = self.open.saturating_sub(1),
                _ => {}
            }
        }
    }
}

/// A byte that is not UTF-8 becomes the escape of the lone surrogate U+DC00 + byte, which [`super::text`] turns into a byte again: this
/// restores a character that was cut between two deltas.
fn to_text(line: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(line) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(line.len() + 64);
    for chunk in line.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\udc{byte:02x}"));
        }
    }
    Cow::Owned(text)
}

/// The values that make up a text; `None` unless it has at least one and all are JSON.
fn values(text: &str) -> Option<Vec<Box<RawValue>>> {
    let values: Result<Vec<Box<RawValue>>, _> = serde_json::Deserializer::from_str(text)
        .into_iter()
        .collect();
    values.ok().filter(|values| !values.is_empty())
}

/// Turns near-JSON into JSON: control characters in strings, `NaN`, `Infinity`, a comma before a closing bracket.
fn repaired(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut depth = Depth::default();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if !depth.in_string
            && let Some(word) = ["-Infinity", "Infinity", "NaN"]
                .into_iter()
                .find(|word| rest.starts_with(word))
        {
            out.push_str("null");
            rest = &rest[word.len()..];
            continue;
        }
        let was_in_string = depth.in_string;
        if next.is_ascii() {
            depth.step(next as u8);
        } else {
            depth.escaped = false;
        }
        if was_in_string && next < ' ' {
            out.push_str(&format!("\\u{:04x}", u32::from(next)));
        } else {
            if !was_in_string && matches!(next, '}' | ']') {
                let kept = out.trim_end();
                if let Some(kept) = kept.strip_suffix(',') {
                    out.truncate(kept.len());
                }
            }
            out.push(next);
        }
        rest = &rest[next.len_utf8()..];
    }
    out
}

/// The fields of an object, in order; names may repeat.
pub(super) struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Object<'a> {
    /// `None` if the value is not an object.
    pub fn of(value: &'a RawValue) -> Option<Self> {
        if !value.get().starts_with('{') {
            return None;
        }
        let mut json = serde_json::Deserializer::from_str(value.get());
        json.deserialize_map(FieldsVisitor).ok().map(Self)
    }

    /// A field that is present and not `null`. If a name repeats, the last field counts.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        let mut fields = self.0.iter().rev();
        let (_, value) = fields.find(|(field, _)| field == name)?;
        (value.get() != "null").then_some(*value)
    }
}

/// Whether a value is a piece of an answer, or an error in place of one.
fn is_chunk(value: &RawValue) -> bool {
    Object::of(value)
        .is_some_and(|object| object.get("choices").is_some() || object.get("error").is_some())
}

/// The elements of an array; `None` if the value is not an array.
pub(super) fn elements(value: &RawValue) -> Option<Vec<&RawValue>> {
    if !value.get().starts_with('[') {
        return None;
    }
    serde_json::Deserializer::from_str(value.get())
        .deserialize_seq(ElementsVisitor)
        .ok()
}

/// A string as bytes, with each lone surrogate as three bytes (WTF-8); `None` if the value is not a string.
pub(super) fn string_bytes(value: &RawValue) -> Option<Vec<u8>> {
    if !value.get().starts_with('"') {
        return None;
    }
    serde_json::Deserializer::from_str(value.get())
        .deserialize_bytes(BytesVisitor)
        .ok()
}

/// A count, even if it is written as a fraction.
pub(super) fn count(value: &RawValue) -> Option<u64> {
    let text = value.get();
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        (0.0..1e15).contains(&number).then_some(number as u64)
    })
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(fields)
    }
}

struct ElementsVisitor;

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(value) = seq.next_element()? {
            found.push(value);
        }
        Ok(found)
    }
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(lines: &[&str]) -> Vec<String> {
        let mut gatherer = Gatherer::default();
        let mut found = Vec::new();
        for line in lines {
            match gatherer.push(line.as_bytes()) {
                Gathered::Values(values) => {
                    found.extend(values.iter().map(|value| value.get().to_owned()));
                }
                Gathered::More => {}
                Gathered::NotJson => found.push(format!("not JSON: {line}")),
                Gathered::TooLong => found.push("too long".to_owned()),
            }
        }
        if gatherer.is_open() {
            found.push("open".to_owned());
        }
        found
    }

    #[test]
    fn one_value_over_several_lines_is_one_value() {
        let lines = ["{", " \"choices\": [", "  {\"delta\": {}}", " ]", "}"];
        assert_eq!(gathered(&lines).len(), 1);
        assert_eq!(
            gathered(&["{\"a\":\"one ", "two\"}"]),
            [r#"{"a":"one two"}"#]
        );
        assert_eq!(
            gathered(&["{\"a\":1}{\"b\":2}"]),
            ["{\"a\":1}", "{\"b\":2}"]
        );
        assert_eq!(gathered(&["{\"a\":\"{[\\\"\"}"]), ["{\"a\":\"{[\\\"\"}"]);
        assert_eq!(gathered(&["{\"a\":"]), ["open"]);
    }

    #[test]
    fn a_whole_chunk_ends_a_broken_one() {
        let whole = r#"{"choices":[]}"#;
        assert_eq!(gathered(&["{\"choices\":[{\"del", whole]), [whole]);
    }

    #[test]
    fn what_is_nearly_json_is_read() {
        assert_eq!(
            gathered(&["{\"a\":NaN,\"b\":[-Infinity,],\"c\":\"NaN\tx\",}"]),
            ["{\"a\":null,\"b\":[null],\"c\":\"NaN\\u0009x\"}"]
        );
        assert_eq!(gathered(&["ping"]), ["not JSON: ping"]);
        assert_eq!(gathered(&["{'a': 1}"]), ["not JSON: {'a': 1}"]);
    }

    #[test]
    fn of_two_fields_with_one_name_the_last_counts_and_null_is_absent() {
        let value: Box<RawValue> = serde_json::from_str(r#"{"a":1,"a":2,"b":null}"#).expect("JSON");
        let object = Object::of(&value).expect("an object");
        assert_eq!(object.get("a").map(RawValue::get), Some("2"));
        assert!(object.get("b").is_none());
    }
}
