//! Finds what a server says about a failure in anything that it sends.

use serde_json::value::RawValue;

use super::json::{Object, elements, string_bytes};

/// Maximum nesting at which words are searched.
const DEPTH_MAX: usize = 4;

/// Field names of words, the likeliest first.
const PLACES: [&str; 14] = [
    "message",
    "error_message",
    "error_msg",
    "errorMessage",
    "msg",
    "detail",
    "details",
    "error",
    "errors",
    "description",
    "reason",
    "title",
    "type",
    "code",
];

/// The words in a value; may be empty.
pub(super) fn of_value(value: &RawValue) -> String {
    search(value, DEPTH_MAX)
}

/// The words in an object's fields.
pub(super) fn of_fields(object: &Object<'_>) -> String {
    search_fields(object, DEPTH_MAX)
}

fn search(value: &RawValue, depth: usize) -> String {
    if let Some(bytes) = string_bytes(value) {
        return String::from_utf8_lossy(&bytes).trim().to_owned();
    }
    let Some(depth) = depth.checked_sub(1) else {
        return String::new();
    };
    if let Some(values) = elements(value) {
        let mut found = values.into_iter().map(|value| search(value, depth));
        return found.find(|words| !words.is_empty()).unwrap_or_default();
    }
    Object::of(value)
        .map(|object| search_fields(&object, depth))
        .unwrap_or_default()
}

fn search_fields(object: &Object<'_>, depth: usize) -> String {
    let fields = PLACES.into_iter().filter_map(|name| object.get(name));
    let mut found = fields.map(|value| search(value, depth));
    found.find(|words| !words.is_empty()).unwrap_or_default()
}

/// The words in a body of any kind: JSON, a page, plain text.
pub(crate) fn of_body(body: &str) -> String {
    let body = body.trim_start_matches('\u{feff}').trim();
    match serde_json::from_str::<&RawValue>(body) {
        Ok(value) => of_value(value),
        Err(_) if is_page(body) => page_title(body),
        Err(_) => body.to_owned(),
    }
}

/// Whether a text is HTML or XML.
pub(super) fn is_page(text: &str) -> bool {
    text.trim_start().starts_with('<')
}

/// A page's title; the rest of a page helps no person.
fn page_title(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|at| {
        let begin = at + lower[at..].find('>')? + 1;
        let end = begin + lower[begin..].find('<')?;
        Some(page[begin..end].trim().to_owned())
    });
    title.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_every_shape() {
        for (body, words) in [
            (r#"{"error":{"message":"no"}}"#, "no"),
            (r#"{"error":"no"}"#, "no"),
            (r#"[{"error":{"code":400,"message":"no"}}]"#, "no"),
            (r#"{"detail":[{"loc":["body"],"msg":"no"}]}"#, "no"),
            (r#"{"object":"error","message":"no","code":40}"#, "no"),
            (
                r#"{"error":{"message":"","type":"overloaded"}}"#,
                "overloaded",
            ),
            (r#"{"error":{"message":{"text":1}},"detail":"no"}"#, "no"),
            (r#"{"a":1}"#, ""),
            ("\u{feff}no\n", "no"),
            ("<html><head><TITLE>502 Bad</TITLE>", "502 Bad"),
            ("<html>", ""),
            ("", ""),
        ] {
            assert_eq!(of_body(body), words, "{body}");
        }
    }
}
