//! The log has exactly what the model sends.

use baton_protocol::view::PartState::{Complete, Interrupted};
use baton_protocol::{Delivery, PartKind, RunOutcome, RunWrite, limits};
use baton_testkit::Reply;

use crate::scene::{Piece, Scene, messages};

const ODD: &str = "  \n\tañ€😀\u{2028}\r\n\r\n\"quoted\\\" data: [DONE]\n\nدرود 日本語 e\u{301} \u{0}\u{1} end \n ";

#[tokio::test]
async fn every_byte_arrives_however_the_stream_is_cut() {
    let scene = Scene::start().await;
    for (write_bytes, delta_chars) in [(1, 1), (2, 3), (3, 7), (5, 1_000)] {
        scene.model.reply(
            Reply::text(ODD)
                .write_bytes(write_bytes)
                .delta_chars(delta_chars),
        );
        let (run, outcome) = scene.ask_to_the_end("?").await;
        assert_eq!(outcome, RunOutcome::Completed);
        assert_eq!(
            scene.pieces(run),
            vec![Piece::Text(ODD.to_owned(), Complete)]
        );
    }
}

#[tokio::test]
async fn reasoning_is_a_part_of_its_own_and_stays_out_of_the_next_context() {
    let scene = Scene::start().await;
    scene
        .model
        .reply(Reply::text("Four.").with_reasoning(" two and two… "));
    scene.model.reply(Reply::text("Five."));
    let (run, _) = scene.ask_to_the_end("2+2?").await;
    assert_eq!(
        scene.pieces(run),
        vec![
            Piece::Reasoning(" two and two… ".to_owned()),
            Piece::Text("Four.".to_owned(), Complete)
        ]
    );
    scene.ask_to_the_end("2+3?").await;
    let request = scene.model.wait_request(1).await;
    assert_eq!(
        messages(&request),
        [
            "system: Be brief.",
            "user: 2+2?",
            "assistant: Four.",
            "user: 2+3?"
        ]
    );
    assert_eq!(request["model"], scene.model.model());
}

#[tokio::test]
async fn usage_and_the_number_of_calls_are_told() {
    let scene = Scene::start().await;
    scene.model.reply(Reply::text("one two three"));
    let (run, _) = scene.ask_to_the_end("count").await;
    let usage = scene.usage(run).expect("usage");
    assert_eq!(usage.model_calls, 1);
    assert!(
        usage.output_tokens.is_some() && usage.input_tokens.is_some(),
        "{usage:?}"
    );
}

#[tokio::test]
async fn a_long_answer_becomes_several_parts_with_the_same_bytes() {
    let scene = Scene::start().await;
    let text = "Zeile mit Umlauten: äöü 😀\n".repeat(15_000);
    scene
        .model
        .reply(Reply::text(text.clone()).delta_chars(997));
    scene.model.reply(Reply::text("ok"));
    let (run, outcome) = scene.ask_to_the_end("long").await;
    assert_eq!(outcome, RunOutcome::Completed);
    assert_eq!(
        scene.pieces(run).len(),
        text.len().div_ceil(limits::PART_TEXT_BYTES_MAX)
    );
    assert!(scene.text(run) == text);
    // In the next context the parts are one message again, and a message that is too old is left out.
    scene.ask_to_the_end("go on").await;
    let request = scene.model.wait_request(1).await;
    assert_eq!(messages(&request), ["system: Be brief.", "user: go on"]);
}

#[tokio::test]
async fn the_first_text_goes_at_once_and_the_rest_is_put_together() {
    let scene = Scene::start().await;
    scene
        .model
        .reply(Reply::text("x".repeat(4_000)).delta_chars(1).hold_after(1));
    let run = scene.ask("?").await;
    scene.has_text(run, 1).await;
    scene.model.release(0);
    scene.hub.ended(run).await;
    let state = scene.hub.state();
    let kinds = |write: &RunWrite| matches!(write, RunWrite::AppendText { .. });
    let appends = state
        .writes
        .iter()
        .flatten()
        .filter(|entry| kinds(&entry.write))
        .count();
    assert!(appends < 1_000, "4,000 deltas took {appends} appends");
    assert!(matches!(
        &state.writes[0][0].write,
        RunWrite::OpenPart {
            kind: PartKind::Text,
            ..
        }
    ));
}

#[tokio::test]
async fn an_earlier_attempt_is_left_out_of_a_retry() {
    let scene = Scene::start().await;
    scene
        .model
        .reply(Reply::text("half an answer").cut_after(2));
    scene.model.reply(Reply::text("a whole answer"));
    scene.model.reply(Reply::text("ok"));
    let (first, outcome) = scene.ask_to_the_end("tell me").await;
    assert!(matches!(outcome, RunOutcome::Failed { .. }));
    assert_eq!(
        scene.pieces(first),
        vec![Piece::Text("half an ".to_owned(), Interrupted)]
    );
    scene.hub.retry(first);
    let second = scene
        .hub
        .wait("the retry", |state| {
            state.session.last_root_run().filter(|run| *run != first)
        })
        .await;
    scene.hub.ended(second).await;
    assert_eq!(
        messages(&scene.model.wait_request(1).await),
        ["system: Be brief.", "user: tell me"]
    );
    scene.ask_to_the_end("thanks").await;
    let third = scene.model.wait_request(2).await;
    assert_eq!(
        messages(&third),
        [
            "system: Be brief.",
            "user: tell me",
            "assistant: a whole answer",
            "user: thanks"
        ]
    );
}

#[tokio::test]
async fn prompts_that_were_never_answered_do_not_break_the_turns() {
    let scene = Scene::start().await;
    scene.model.reply(Reply::error(400, "no"));
    scene.model.reply(Reply::text("hello"));
    scene.ask_to_the_end("first").await;
    scene.hub.send("second", Delivery::Interrupt);
    scene.model.wait_ended(1).await;
    assert_eq!(
        messages(&scene.model.wait_request(1).await),
        ["system: Be brief.", "user: first\n\nsecond"]
    );
}
