use std::collections::HashSet;

use baton_protocol::*;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{approval_samples, ending_samples, import_samples, order_samples, samples};

#[test]
fn every_kind_is_known_by_its_tag_and_sampled() {
    let tag = |body: &EventBody| {
        serde_json::to_value(body).expect("serialises")["type"]
            .as_str()
            .expect("tag")
            .to_owned()
    };
    let bodies = samples::bodies()
        .into_iter()
        .chain(order_samples::bodies())
        .chain(import_samples::bodies())
        .chain(approval_samples::bodies())
        .chain(ending_samples::bodies());
    let tags: Vec<String> = bodies.map(|body| tag(&body)).collect();
    assert_eq!(tags, EventBody::KNOWN_TAGS);
}

#[test]
fn a_newer_event_is_kept_and_written_back_as_it_was() {
    let (body, _) = samples::newer();
    let mut event = serde_json::to_value(&samples::events()[0]).expect("serialises");
    event["body"] = body.clone();
    let read: Event =
        serde_json::from_value(event.clone()).expect("an unknown kind is not an error");
    assert_eq!(
        read.body,
        EventBody::Unknown(UnknownEvent {
            tag: "sessionTeleported".into(),
            raw: body
        })
    );
    assert_eq!(serde_json::to_value(&read).expect("serialises"), event);
}

#[test]
fn a_newer_part_kind_is_kept_and_written_back_as_it_was() {
    let (_, kind) = samples::newer();
    let read: PartKind =
        serde_json::from_value(kind.clone()).expect("an unknown kind is not an error");
    assert_eq!(serde_json::to_value(&read).expect("serialises"), kind);
}

#[test]
fn a_newer_reason_is_kept_and_written_back_as_it_was() {
    for name in ["boredom", "lengthLimit", "busy", ""] {
        let reason: FinishReason = serde_json::from_value(json!(name)).expect("any name reads");
        assert_eq!(
            serde_json::to_value(reason).expect("serialises"),
            json!(name)
        );
        let reason: RetryReason = serde_json::from_value(json!(name)).expect("any name reads");
        assert_eq!(
            serde_json::to_value(reason).expect("serialises"),
            json!(name)
        );
    }
    let known: FinishReason = serde_json::from_value(json!("refusal")).expect("reads");
    assert_eq!(known, FinishReason::Refusal);
}

#[test]
fn a_known_part_kind_comes_back_and_one_that_does_not_fit_is_an_error() {
    for kind in order_samples::part_kinds() {
        let json = serde_json::to_value(&kind).expect("serialises");
        assert_eq!(json["type"], kind.tag());
        assert_eq!(
            serde_json::from_value::<PartKind>(json).expect("comes back"),
            kind
        );
    }
    assert!(serde_json::from_value::<PartKind>(json!({"type": "toolCall", "call": 7})).is_err());
}

#[test]
fn what_a_newer_hub_adds_to_a_known_kind_is_optional_and_absent_by_default() {
    for (event, field) in [(2, "branchOf"), (15, "finishReason"), (21, "openApprovals")] {
        let json = serde_json::to_string(&samples::events()[event]).expect("serialises");
        assert!(!json.contains(field), "{json}");
    }
    let command = serde_json::to_string(&samples::commands()[2]).expect("serialises");
    assert!(
        !command.contains("onlyIf") && !command.contains("\"run\""),
        "{command}"
    );
}

#[test]
fn a_known_event_with_a_body_that_does_not_fit_is_an_error() {
    let misfit =
        json!({"type": "partAppended", "run": "no id", "part": 0, "offset": 0, "text": ""});
    assert!(serde_json::from_value::<EventBody>(misfit).is_err());
    assert!(serde_json::from_value::<EventBody>(json!({"text": "no type"})).is_err());
}

#[test]
fn control_enums_are_closed() {
    assert!(serde_json::from_value::<ClientFrame>(json!({"type": "later"})).is_err());
    assert!(
        serde_json::from_value::<CommandBody>(
            json!({"type": "sendPrompt", "text": "x", "delivery": "someday"})
        )
        .is_err()
    );
    assert!(serde_json::from_value::<RunWrite>(json!({"type": "later"})).is_err());
}

#[test]
fn error_codes_are_snake_case_unique_and_carried_everywhere() {
    let mut seen = HashSet::new();
    for code in ErrorCode::ALL {
        assert!(seen.insert(code.as_str()));
        assert_eq!(
            serde_json::to_value(code).expect("serialises"),
            Value::String(code.as_str().into())
        );
        assert!(
            code.as_str()
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'_'),
            "{}",
            code.as_str()
        );
        assert!((400..600).contains(&code.http_status()));
        assert!((1000..5000).contains(&code.close_code()));
    }
}

#[test]
fn a_number_that_javascript_cannot_hold_is_read_as_the_largest_that_it_can() {
    let most = limits::SAFE_INTEGER_MAX;
    for (number, read) in [(most, most), (most + 1, most), (u64::MAX, most)] {
        let seq: Seq = serde_json::from_value(json!(number)).expect("reads");
        assert_eq!(seq, Seq(read));
        let usage = json!({"inputTokens": number, "modelCalls": 1});
        let usage: Usage = serde_json::from_value(usage).expect("reads");
        assert_eq!(
            (usage.input_tokens, usage.output_tokens),
            (Some(read), None)
        );
        let run = samples::run();
        let append =
            json!({"type": "partAppended", "run": run, "part": 0, "offset": number, "text": "x"});
        let body: EventBody = serde_json::from_value(append).expect("reads");
        assert!(matches!(body, EventBody::PartAppended(body) if body.offset == read));
    }
    let time: TimestampMs = serde_json::from_value(json!(i64::MIN)).expect("reads");
    assert_eq!(time, TimestampMs(-i64::try_from(most).expect("fits")));
}

#[test]
fn no_whole_event_of_the_largest_part_is_over_its_limit() {
    let text = "x".repeat(limits::PART_TEXT_BYTES_MAX);
    let mut event = samples::events().remove(14);
    if let EventBody::PartSealed(sealed) = &mut event.body {
        sealed.text = text;
    }
    let bytes = serde_json::to_vec(&event).expect("serialises").len();
    assert!(
        bytes <= limits::EVENT_BYTES_MAX && limits::EVENT_BYTES_MAX * 2 <= limits::FRAME_BYTES_MAX
    );
}

proptest! {
    #[test]
    fn any_text_comes_back_as_it_was(text in any::<String>(), offset in 0u64..1 << 53) {
        let body = EventBody::PartAppended(PartAppendedEvent { run: samples::run(), part: PartIndex(0), offset, text });
        let json = serde_json::to_string(&body).expect("serialises");
        prop_assert_eq!(serde_json::from_str::<EventBody>(&json).expect("comes back"), body);
    }

    #[test]
    fn no_bytes_from_outside_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = serde_json::from_slice::<ClientFrame>(&bytes);
        let _ = serde_json::from_slice::<HubFrame>(&bytes);
        let _ = serde_json::from_slice::<Event>(&bytes);
    }

    #[test]
    fn a_frame_cut_anywhere_is_an_error_and_no_panic(which in 0usize..10, at in 0.0..1.0f64) {
        let json = serde_json::to_string(&samples::client_frames()[which]).expect("serialises");
        let mut cut = (json.len() as f64 * at) as usize;
        while !json.is_char_boundary(cut) {
            cut -= 1;
        }
        prop_assert!(serde_json::from_str::<ClientFrame>(&json[..cut]).is_err());
    }
}
