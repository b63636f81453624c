//! Answers of model servers as found in the field, sent through the real runner and hub to a device: whole, and in writes of one byte.

use std::collections::BTreeMap;
use std::path::Path;

use baton_protocol::{Event, EventBody, FinishReason, PartKind, RunOutcome};
use baton_testkit::{RawAnswer, RawModel, RawRequest};
use futures::StreamExt as _;
use serde_json::Value;

use crate::stage::*;

/// The number of devices that ask at the same time.
const SIDE_BY_SIDE: usize = 4;

#[derive(Clone)]
struct Case {
    about: Value,
    answer: Vec<u8>,
    expected: String,
}

fn cases() -> BTreeMap<String, Case> {
    let folder = "../../crates/runner/src/provider/stream/cases";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let read = |name: String| std::fs::read(folder.join(name)).expect("a case's file");
    let index: BTreeMap<String, Value> =
        serde_json::from_slice(&read("index.json".to_owned())).expect("an index");
    let case = |(name, about): (String, Value)| {
        let answer = read(format!("{name}.txt"));
        let expected = String::from_utf8(read(format!("{name}.expected"))).expect("a text");
        let case = Case {
            about,
            answer,
            expected,
        };
        (name, case)
    };
    index.into_iter().map(case).collect()
}

/// Answers with the case that the prompt names, in the way that it names.
fn scripted(cases: &BTreeMap<String, Case>, request: &RawRequest) -> RawAnswer {
    let (name, how) = request.prompt().split_once(' ').expect("a case and a way");
    let Case { about, answer, .. } = &cases[name];
    let status = about["status"].as_u64().expect("a status");
    let status = u16::try_from(status).expect("a status");
    let kind = about["content_type"].as_str().expect("a type");
    let answer = RawAnswer::new(status, kind, answer.clone());
    match how {
        "whole" => answer,
        _ => answer.write_bytes(1),
    }
}

/// Returns the text of all parts of one kind.
fn said(events: &[Event], kind: &PartKind) -> String {
    let opened = events.iter().filter_map(|event| match &event.body {
        EventBody::PartOpened(opened) if opened.kind == *kind => Some((opened.run, opened.part)),
        _ => None,
    });
    let opened: Vec<_> = opened.collect();
    let of_kind = events.iter().filter(|event| match &event.body {
        EventBody::PartOpened(body) => opened.contains(&(body.run, body.part)),
        EventBody::PartAppended(body) => opened.contains(&(body.run, body.part)),
        EventBody::PartSealed(body) => opened.contains(&(body.run, body.part)),
        _ => false,
    });
    answer(&of_kind.cloned().collect::<Vec<_>>())
}

async fn check(device: &Device, name: &str, how: &str, case: &Case) {
    let session = device.new_session(&format!("{name} {how}")).await;
    let tail = device.tail(&session);
    let end = tail.wait_end(0).await;
    let events = tail.events();
    let about = &case.about;
    assert_eq!(
        said(&events, &PartKind::Text),
        case.expected,
        "{name} {how}"
    );
    let reasoning = said(&events, &PartKind::Reasoning);
    assert_eq!(reasoning, about["expected_reasoning"], "{name} {how}");
    let words = about["failure_must_contain"].as_str().expect("words");
    match (about["expected_outcome"].as_str(), &end.outcome) {
        (Some("failed"), RunOutcome::Failed { message }) => {
            assert!(message.contains(words), "{name} {how}: {message}");
        }
        (Some("completed"), RunOutcome::Completed) => {
            // This case is a refusal in a field of its own.
            let refusal = (name == "B10c").then_some(FinishReason::Refusal);
            assert_eq!(end.finish_reason, refusal, "{name} {how}");
        }
        (Some(other), RunOutcome::Completed) if other.contains("length limit") => {
            assert_eq!(
                end.finish_reason,
                Some(FinishReason::LengthLimit),
                "{name} {how}"
            );
        }
        (expected, outcome) => panic!("{name} {how}: {outcome:?} instead of {expected:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_the_field_ends_as_it_should_on_a_device() {
    let cases = cases();
    let script = cases.clone();
    let model = RawModel::start(move |request| scripted(&script, request)).await;
    let hub = Hub::start().await;
    let _runner = Runner::start(&hub, &model.base_url()).await;
    let device = Device::link(&hub, "Laptop").await;
    let all = cases
        .iter()
        .flat_map(|(name, case)| ["whole", "bytes"].map(|how| (name, how, case)));
    futures::stream::iter(all)
        .map(|(name, how, case)| check(&device, name, how, case))
        .buffer_unordered(SIDE_BY_SIDE)
        .collect::<Vec<()>>()
        .await;
}
