//! Reads what the JSON values of an answer say.
//!
//! Reads what servers send, not what the API defines: looks at each field on its own, and skips one that has another shape.

use serde_json::value::RawValue;

use super::json::{Object, count, elements, string_bytes};
use super::words;
use crate::provider::ModelUsage;

/// One statement of a value. The statements of a value take effect in order.
pub(super) enum Said {
    /// The choice's reasoning, as WTF-8.
    Reasoning(Vec<u8>),
    /// The choice's text, as WTF-8.
    Text(Vec<u8>),
    /// Why the model declines, as WTF-8.
    Refusal(Vec<u8>),
    /// The model calls a tool; its name, if given.
    Call(Option<String>),
    /// Why the choice ends.
    Reason(String),
    /// The choice is a whole message, not a piece of one.
    WholeMessage,
    /// The value has a choice, whatever its content.
    Choice,
    Usage(ModelUsage),
    /// The server reports a failure.
    Failure(Failure),
    /// Text in place of an answer, which may say why the server gives no answer.
    Other(String),
}

/// A server's report of its failure.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Failure {
    /// In the server's words; may be empty.
    pub words: String,
    /// The HTTP status that the report names.
    pub status: Option<u16>,
}

/// Reads everything that a value says. `choice` is the index of the choice to read, which is the first one seen.
pub(super) fn read(value: &RawValue, choice: &mut Option<u64>) -> Vec<Said> {
    let mut said = Vec::new();
    read_into(value, choice, &mut said);
    said
}

fn read_into(value: &RawValue, choice: &mut Option<u64>, said: &mut Vec<Said>) {
    if let Some(values) = elements(value) {
        return values
            .into_iter()
            .filter(|value| value.get().starts_with('{'))
            .for_each(|value| read_into(value, choice, said));
    }
    let Some(object) = Object::of(value) else {
        let words = words::of_value(value);
        return said.extend((!words.is_empty()).then_some(Said::Other(words)));
    };
    if let Some(failure) = failure(&object) {
        return said.push(Said::Failure(failure));
    }
    let choices = object
        .get("choices")
        .map(|value| elements(value).unwrap_or_else(|| vec![value]));
    let choices = choices.unwrap_or_default();
    for one in &choices {
        read_choice(one, choice, said);
    }
    if let Some(usage) = object.get("usage").and_then(usage) {
        said.push(Said::Usage(usage));
    } else if choices.is_empty() {
        let words = words::of_value(value);
        said.extend((!words.is_empty()).then_some(Said::Other(words)));
    }
}

/// Reads a value that the server declares to be an error.
pub(super) fn read_error(value: &RawValue) -> Failure {
    let object = Object::of(value);
    object
        .as_ref()
        .and_then(failure)
        .unwrap_or_else(|| Failure {
            words: words::of_value(value),
            status: object.as_ref().and_then(status),
        })
}

fn failure(object: &Object<'_>) -> Option<Failure> {
    let error = object.get("error").filter(|error| says_something(error));
    if let Some(error) = error {
        let inner = Object::of(error).and_then(|error| status(&error));
        let words = match error.get() {
            "true" => words::of_fields(object),
            _ => words::of_value(error),
        };
        return Some(Failure {
            words,
            status: inner.or_else(|| status(object)),
        });
    }
    if object
        .get("choices")
        .is_some_and(|choices| choices.get() != "[]")
    {
        return None;
    }
    let named = ["errors", "error_message", "error_msg", "errorMessage"];
    let is_named = named
        .into_iter()
        .any(|name| object.get(name).is_some_and(says_something));
    let kind = ["object", "type", "status"].into_iter();
    let is_kind = kind
        .filter_map(|name| object.get(name))
        .any(|kind| words::of_value(kind).to_ascii_lowercase().contains("error"));
    let is_status = status(object).is_some();
    if !(is_named || is_kind || is_status) {
        return None;
    }
    Some(Failure {
        words: words::of_fields(object),
        status: status(object),
    })
}

/// Servers put `null`, `false`, `""`, `{}`, `[]` or 0 into error fields if there is no error.
fn says_something(value: &RawValue) -> bool {
    !matches!(value.get(), "null" | "false" | "\"\"" | "{}" | "[]" | "0")
}

/// The HTTP status that an error object names.
fn status(object: &Object<'_>) -> Option<u16> {
    ["code", "status", "status_code", "statusCode"]
        .into_iter()
        .filter_map(|name| object.get(name))
        .filter_map(|value| value.get().trim_matches('"').parse().ok())
        .find(|status| (400..600).contains(status))
}

fn read_choice(value: &RawValue, read: &mut Option<u64>, said: &mut Vec<Said>) {
    let Some(choice) = Object::of(value) else {
        return;
    };
    let index = choice.get("index").and_then(count);
    match (*read, index) {
        (Some(read), Some(index)) if read != index => return,
        (None, Some(index)) => *read = Some(index),
        _ => {}
    }
    if let Some(error) = choice.get("error").filter(|error| says_something(error)) {
        return said.push(Said::Failure(read_error(error)));
    }
    said.push(Said::Choice);
    let delta = choice.get("delta");
    let message = choice.get("message");
    match (delta, message) {
        (Some(delta), _) => read_message(delta, said),
        (None, Some(message)) => {
            said.push(Said::WholeMessage);
            read_message(message, said);
        }
        (None, None) => {}
    }
    // Legacy completions, without a chat.
    if let Some(text) = choice.get("text").filter(|_| delta.is_none()) {
        push(said, Said::Text, string_bytes(text));
    }
    if let Some(reason) = choice.get("finish_reason") {
        let reason = words::of_value(reason);
        said.extend((!reason.is_empty()).then_some(Said::Reason(reason)));
    }
}

fn read_message(value: &RawValue, said: &mut Vec<Said>) {
    let Some(message) = Object::of(value) else {
        return push(said, Said::Text, string_bytes(value));
    };
    // Some servers send the same reasoning under several names; some send the other names empty.
    let reasoning = [
        "reasoning_content",
        "reasoning",
        "thinking",
        "reasoning_details",
    ];
    let reasoning = reasoning
        .into_iter()
        .filter_map(|name| message.get(name))
        .map(inner_text)
        .find(|text| !text.is_empty());
    push(said, Said::Reasoning, reasoning);
    if let Some(content) = message.get("content") {
        read_content(content, said);
    }
    push(
        said,
        Said::Refusal,
        message.get("refusal").and_then(string_bytes),
    );
    let calls = message
        .get("tool_calls")
        .and_then(elements)
        .unwrap_or_default();
    let call = calls.first().copied().or(message.get("function_call"));
    if let Some(call) = call.and_then(Object::of) {
        let function = call.get("function").and_then(Object::of);
        let name = function.as_ref().unwrap_or(&call).get("name");
        said.push(Said::Call(
            name.map(words::of_value).filter(|name| !name.is_empty()),
        ));
    }
}

/// Reads a text, or an array of its parts.
fn read_content(content: &RawValue, said: &mut Vec<Said>) {
    if let Some(parts) = elements(content) {
        return parts.into_iter().for_each(|part| read_content(part, said));
    }
    let Some(part) = Object::of(content) else {
        return push(said, Said::Text, string_bytes(content));
    };
    if let Some(thinking) = ["thinking", "reasoning"]
        .into_iter()
        .find_map(|name| part.get(name))
    {
        push(said, Said::Reasoning, Some(inner_text(thinking)));
    }
    push(
        said,
        Said::Refusal,
        part.get("refusal").and_then(string_bytes),
    );
    if let Some(text) = part.get("text") {
        push(said, Said::Text, Some(inner_text(text)));
    }
}

/// The text of a string, of an object that wraps one, or of an array of these.
fn inner_text(value: &RawValue) -> Vec<u8> {
    if let Some(text) = string_bytes(value) {
        return text;
    }
    if let Some(values) = elements(value) {
        // Nested arrays are not text.
        let values = values
            .into_iter()
            .filter(|value| !value.get().starts_with('['));
        return values.flat_map(inner_text).collect();
    }
    let object = Object::of(value);
    let inner = object.as_ref().and_then(|object| {
        ["text", "content", "value", "summary"]
            .into_iter()
            .find_map(|name| object.get(name))
    });
    inner.and_then(string_bytes).unwrap_or_default()
}

fn push(said: &mut Vec<Said>, make: fn(Vec<u8>) -> Said, text: Option<Vec<u8>>) {
    said.extend(text.filter(|text| !text.is_empty()).map(make));
}

fn usage(value: &RawValue) -> Option<ModelUsage> {
    let object = Object::of(value)?;
    let tokens = |names: [&str; 2]| {
        let mut counts = names
            .into_iter()
            .filter_map(|name| object.get(name))
            .filter_map(count);
        counts.next()
    };
    let usage = ModelUsage {
        input_tokens: tokens(["prompt_tokens", "input_tokens"]),
        output_tokens: tokens(["completion_tokens", "output_tokens"]),
    };
    (usage != ModelUsage::default()).then_some(usage)
}
