//! Runs the reader on the answers in `cases/`, which are kinds that occur in the field, and on answers made here.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Everything that an answer contained; pieces of one kind are concatenated.
#[derive(PartialEq, Debug, Default)]
struct Read {
    reasoning: String,
    text: String,
    usage: Option<ModelUsage>,
    end: Option<Result<ModelEnd, StreamFault>>,
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut reader = AnswerReader::default();
    let mut read = Read::default();
    for piece in pieces {
        reader.push(piece);
        take(&mut reader, &mut read);
    }
    reader.finish();
    take(&mut reader, &mut read);
    assert!(
        reader.is_over() && read.end.is_some(),
        "an answer has an end"
    );
    read
}

fn take(reader: &mut AnswerReader, read: &mut Read) {
    while let Some(item) = reader.next() {
        assert_eq!(read.end, None, "nothing comes behind the end");
        match item {
            Ok(ModelEvent::Text(text)) => read.text.push_str(&text),
            Ok(ModelEvent::Reasoning(text)) => read.reasoning.push_str(&text),
            Ok(ModelEvent::Usage(usage)) => read.usage = Some(usage),
            Ok(ModelEvent::Done(end)) => read.end = Some(Ok(end)),
            Err(fault) => read.end = Some(Err(fault)),
        }
    }
}

fn whole(bytes: &[u8]) -> Read {
    read([bytes])
}

/// A stream of chunks with these choices.
fn stream(choices: &[Value]) -> Vec<u8> {
    let chunk = |choice: &Value| format!("data: {}\n\n", json!({ "choices": [choice] }));
    let lines: String = choices.iter().map(chunk).collect();
    format!("{lines}data: [DONE]\n\n").into_bytes()
}

fn text(content: &str) -> Value {
    json!({ "delta": { "content": content } })
}

fn stop(reason: &str) -> Value {
    json!({ "delta": {}, "finish_reason": reason })
}

fn cases() -> BTreeMap<String, (Value, Vec<u8>, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/provider/stream/cases");
    let read = |name: &str| std::fs::read(folder.join(name)).expect("a case's file");
    let index: BTreeMap<String, Value> =
        serde_json::from_slice(&read("index.json")).expect("an index");
    let cases = index.into_iter().map(|(name, about)| {
        let expected = String::from_utf8(read(&format!("{name}.expected"))).expect("a text");
        let answer = read(&format!("{name}.txt"));
        (name, (about, answer, expected))
    });
    cases.collect()
}

#[test]
fn every_case_of_the_field_is_read_as_its_index_says_however_it_is_cut() {
    let cases = cases();
    assert_eq!(cases.len(), 23);
    for (name, (about, answer, expected)) in &cases {
        let found = whole(answer);
        assert_eq!(&found.text, expected, "{name}");
        assert_eq!(found.reasoning, about["expected_reasoning"], "{name}");
        let words = about["failure_must_contain"].as_str().expect("words");
        let is_refused_by_http = about["status"] != 200;
        match (
            about["expected_outcome"].as_str(),
            found.end.as_ref().expect("an end"),
        ) {
            (Some("completed"), Ok(ModelEnd::Whole)) => {}
            (Some("completed"), Ok(ModelEnd::Refusal)) if name == "B10c" => {}
            (Some("failed"), Err(StreamFault::Cut { .. })) if words == "broke off" => {}
            (Some("failed"), Err(StreamFault::Reported { words: said, .. })) => {
                assert!(is_refused_by_http || said.contains(words), "{name}: {said}");
            }
            (Some("failed"), Err(_)) if is_refused_by_http => {}
            (Some(other), Ok(ModelEnd::LengthLimit)) if other.contains("length") => {}
            (outcome, end) => panic!("{name}: {end:?} instead of {outcome:?}"),
        }
        assert_eq!(read(answer.chunks(1)), found, "{name}, byte by byte");
        for cut in 0..=answer.len() {
            let (head, tail) = answer.split_at(cut);
            assert_eq!(read([head, tail]), found, "{name}, cut at {cut}");
        }
    }
}

#[test]
fn an_end_is_known_by_its_reason() {
    for (reason, end) in [
        ("stop", ModelEnd::Whole),
        ("eos", ModelEnd::Whole),
        ("a_reason_of_next_year", ModelEnd::Whole),
        ("length", ModelEnd::LengthLimit),
        ("MAX_TOKENS", ModelEnd::LengthLimit),
        ("content_filter", ModelEnd::ContentFilter),
        ("SAFETY", ModelEnd::ContentFilter),
        ("refusal", ModelEnd::Refusal),
    ] {
        let marked = stream(&[text("a"), stop(reason)]);
        assert_eq!(whole(&marked).end, Some(Ok(end)), "{reason}");
        let without_mark = &marked[..marked.len() - "data: [DONE]\n\n".len()];
        assert_eq!(whole(without_mark).end, Some(Ok(end)), "{reason}");
    }
    // A later `stop` does not undo a reason that says more.
    let both = stream(&[text("a"), stop("length"), stop("stop")]);
    assert_eq!(whole(&both).end, Some(Ok(ModelEnd::LengthLimit)));
    let empty_reasons = stream(&[json!({ "delta": { "content": "a" }, "finish_reason": "" })]);
    let cut = &empty_reasons[..empty_reasons.len() - "data: [DONE]\n\n".len()];
    assert!(matches!(whole(cut).end, Some(Err(StreamFault::Cut { .. }))));
    for reason in ["error", "network_error", "insufficient_system_resource"] {
        let end = whole(&stream(&[text("a"), stop(reason)])).end;
        assert!(
            matches!(&end, Some(Err(StreamFault::Reported { words, .. })) if words.contains(reason)),
            "{end:?}"
        );
    }
}

#[test]
fn an_answer_without_anything_is_a_failure() {
    for (answer, end) in [
        (stream(&[]), ModelEnd::Whole),
        (stream(&[text(""), stop("stop")]), ModelEnd::Whole),
        (stream(&[text(" \n"), stop("stop")]), ModelEnd::Whole),
        (stream(&[stop("length")]), ModelEnd::LengthLimit),
        (stream(&[stop("content_filter")]), ModelEnd::ContentFilter),
    ] {
        let words = String::new();
        assert_eq!(
            whole(&answer).end,
            Some(Err(StreamFault::Empty { end, words }))
        );
    }
    let call = json!({ "delta": { "tool_calls": [{ "function": { "name": "weather", "arguments": "{}" } }] } });
    let tool = "weather".to_owned();
    assert_eq!(
        whole(&stream(&[call.clone(), stop("tool_calls")])).end,
        Some(Err(StreamFault::ToolCalled { tool }))
    );
    let said = whole(&stream(&[text("I look."), call, stop("tool_calls")]));
    assert_eq!(said.end, Some(Ok(ModelEnd::Whole)));
}

#[test]
fn errors_are_found_in_every_shape() {
    for (answer, words, status) in [
        ("error: no room\n\n", "no room", None),
        ("error: {\"message\":\"no\",\"code\":503}", "no", Some(503)),
        ("error: {\"message\":\ndata: \"no\"}\n", "no", None),
        ("event: error\ndata: no room\n\n", "no room", None),
        ("event: error\ndata: {\"message\":\"no\"}\n\n", "no", None),
        ("event: error\r\rdata: {\"error\":\"no\"}\r\r", "no", None),
        (
            "data: {\"error\":{\"message\":\"no\",\"code\":\"429\"}}\n\n",
            "no",
            Some(429),
        ),
        (
            "data: {\"choices\":[],\"error\":{\"message\":\"no\"}}\n\n",
            "no",
            None,
        ),
        (
            "data: {\"choices\":[{\"error\":{\"code\":502,\"message\":\"no\"}}]}\n\n",
            "no",
            Some(502),
        ),
        (
            "data: {\"object\":\"error\",\"message\":\"no\",\"code\":40301}\n\n",
            "no",
            None,
        ),
        (
            "data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded\"}}\n\n",
            "overloaded",
            None,
        ),
        ("data: {\"code\":401,\"msg\":\"no\"}\n\n", "no", Some(401)),
        (
            "{\n  \"error\": {\n    \"message\": \"no\"\n  }\n}\n",
            "no",
            None,
        ),
        (
            "[{\"error\":{\"code\":400,\"message\":\"no\"}}]",
            "no",
            Some(400),
        ),
        ("{\"detail\":\"no\",\"status\":500}", "no", Some(500)),
        ("{\"errors\":[{\"msg\":\"no\"}]}", "no", None),
    ] {
        let words = words.to_owned();
        let expected = Some(Err(StreamFault::Reported { words, status }));
        assert_eq!(whole(answer.as_bytes()).end, expected, "{answer}");
    }
    for (answer, words) in [
        ("<html><title>Login</title></html>", "Login"),
        ("<!DOCTYPE html>\n<html>\n", ""),
        ("upstream timed out\n", "upstream timed out"),
        ("data: upstream timed out\n\n", "upstream timed out"),
        ("{\"message\":\"Unauthorized\"}", "Unauthorized"),
        ("", ""),
    ] {
        let words = words.to_owned();
        let expected = Some(Err(StreamFault::Unreadable { words }));
        assert_eq!(whole(answer.as_bytes()).end, expected, "{answer}");
    }
}

#[test]
fn what_is_no_error_is_none() {
    for nothing in ["null", "false", "\"\"", "{}", "[]"] {
        let chunk = format!(
            "data: {{\"choices\":[{{\"delta\":{{\"content\":\"a\"}}}}],\"error\":{nothing}}}\n\ndata: [DONE]\n"
        );
        let found = whole(chunk.as_bytes());
        assert_eq!(
            (found.text.as_str(), found.end),
            ("a", Some(Ok(ModelEnd::Whole))),
            "{nothing}"
        );
    }
}

#[test]
fn content_is_read_in_every_shape() {
    for (choice, reasoning, said) in [
        (text("a"), "", "a"),
        (
            json!({ "delta": { "content": [{ "type": "text", "text": "a" }, "b"] } }),
            "",
            "ab",
        ),
        (
            json!({ "delta": { "content": [{ "type": "thinking", "thinking": [{ "type": "text", "text": "r" }] }, { "type": "text", "text": "a" }] } }),
            "r",
            "a",
        ),
        (
            json!({ "delta": { "reasoning": "r", "reasoning_content": "", "content": null } }),
            "r",
            "",
        ),
        (
            json!({ "delta": { "reasoning": "r", "reasoning_content": "r" } }),
            "r",
            "",
        ),
        (
            json!({ "delta": { "reasoning_details": [{ "text": "r" }] } }),
            "r",
            "",
        ),
        (
            json!({ "message": { "content": "a", "reasoning_content": "r" } }),
            "r",
            "a",
        ),
        (json!({ "text": "a" }), "", "a"),
        (json!({ "index": 3, "delta": { "content": "a" } }), "", "a"),
    ] {
        let found = whole(&stream(std::slice::from_ref(&choice)));
        assert_eq!(
            (found.reasoning.as_str(), found.text.as_str()),
            (reasoning, said),
            "{choice}"
        );
        assert_eq!(found.end, Some(Ok(ModelEnd::Whole)), "{choice}");
    }
    let other = stream(&[
        json!({ "index": 0, "delta": { "content": "a" } }),
        json!({ "index": 1, "delta": { "content": "b" } }),
    ]);
    assert_eq!(whole(&other).text, "a");
    let once = stream(&[
        text("ab"),
        json!({ "message": { "content": "ab" }, "finish_reason": "stop" }),
    ]);
    assert_eq!(whole(&once).text, "ab");
}

#[test]
fn a_damaged_piece_is_never_a_silent_gap() {
    for damaged in [
        "data: {\"choices\":[{\"delta\":{\"content\":\"lost\"\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"lost\"}]}\n\n",
    ] {
        let mut answer = damaged.as_bytes().to_vec();
        answer.extend(stream(&[text("a"), stop("stop")]));
        let end = whole(&answer).end;
        assert!(
            matches!(end, Some(Err(StreamFault::Unreadable { .. }))),
            "{end:?}"
        );
    }
}

#[test]
fn lines_of_json_without_fields_are_a_stream_too() {
    let chunk = |choice: Value| format!("{}\n", json!({ "choices": [choice] }));
    let answer = [chunk(text("a")), chunk(text("b")), chunk(stop("stop"))].concat();
    let mut reader = AnswerReader::default();
    reader.push(chunk(text("a")).as_bytes());
    assert!(
        matches!(reader.next(), Some(Ok(ModelEvent::Text(text))) if text == "a"),
        "at once"
    );
    let found = whole(answer.as_bytes());
    assert_eq!(
        (found.text.as_str(), found.end),
        ("ab", Some(Ok(ModelEnd::Whole)))
    );
}

#[test]
fn characters_that_are_cut_between_deltas_are_put_together() {
    let mut answer = Vec::new();
    for bytes in [&b"\xf0\x9f"[..], b"\x98\x80!", b"\xff"] {
        answer.extend(b"data: {\"choices\":[{\"delta\":{\"content\":\"");
        answer.extend(bytes);
        answer.extend(b"\"}}]}\n\n");
    }
    answer.extend(stream(&[stop("stop")]));
    let found = whole(&answer);
    assert_eq!(
        (found.text.as_str(), found.end),
        ("😀!\u{fffd}", Some(Ok(ModelEnd::Whole)))
    );
}

#[test]
fn a_delta_of_a_mebibyte_is_read_and_one_without_an_end_is_not() {
    let long = "é\u{1}".repeat(350_000);
    let found = whole(&stream(&[text(&long), stop("stop")]));
    assert!(found.text == long);
    let endless = vec![b'x'; lines::LINE_BYTES_MAX + 1];
    assert_eq!(whole(&endless).end, Some(Err(StreamFault::TooLong)));
    let mut lines = b"data: {\"a\":[\n".to_vec();
    while lines.len() <= lines::LINE_BYTES_MAX + 1024 * 1024 {
        lines.extend(b"data: ");
        lines.resize(lines.len() + 1024 * 1024, b' ');
        lines.extend(b"1,\n");
    }
    assert_eq!(whole(&lines).end, Some(Err(StreamFault::TooLong)));
}

#[test]
fn usage_comes_once_and_before_the_end() {
    let answer = b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2.0}}\n\ndata: [DONE]\n\n";
    let usage = ModelUsage {
        input_tokens: Some(1),
        output_tokens: Some(2),
    };
    assert_eq!(whole(answer).usage, Some(usage));
}

proptest! {
    #[test]
    fn any_cuts_give_the_same_items(
        case in 0usize..23,
        noise in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let (_, mut answer, _) = cases().into_values().nth(case).expect("a case");
        for (at, byte) in noise {
            let at = at.index(answer.len());
            answer[at] = byte;
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(answer.len() + 1)).collect();
        cuts.extend([0, answer.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &answer[cut[0]..cut[1]]);
        prop_assert_eq!(read(pieces), whole(&answer));
    }

    #[test]
    fn any_text_that_is_cut_into_deltas_comes_out_as_it_is(text in "\\PC{0,60}", at in any::<prop::sample::Index>()) {
        let chars: Vec<u16> = text.encode_utf16().collect();
        let at = at.index(chars.len() + 1);
        let escaped = |units: &[u16]| units.iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
        let delta = |text: String| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n");
        // Starts with a letter, so that the text has no tag at its beginning and is not blank.
        let answer = [delta("x".to_owned()), delta(escaped(&chars[..at])), delta(escaped(&chars[at..]))].concat();
        let found = whole(format!("{answer}data: [DONE]\n").as_bytes());
        prop_assert_eq!(found.text, format!("x{text}"));
    }
}
