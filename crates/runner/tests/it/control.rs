//! Stop and steer.

use baton_protocol::view::{PartState::Complete, PartState::Interrupted, RowBody};
use baton_protocol::{Delivery, EventBody, RunOutcome, RunWrite, RunWriteEntry};
use baton_testkit::{Ending, Reply};

use crate::fake_hub::{State, laptop};
use crate::scene::{Piece, Scene, messages};

#[tokio::test]
async fn stop_closes_the_models_connection_and_the_host_reports() {
    let scene = Scene::start().await;
    scene
        .model
        .reply(Reply::text("one two three four").hold_after(2));
    let run = scene.ask("count").await;
    scene.has_text(run, 8).await;
    scene.hub.stop(run);
    scene.model.wait_closed(0).await;
    assert_eq!(
        scene.hub.ended(run).await,
        RunOutcome::Stopped { by: laptop() }
    );
    let reported = |state: &State| {
        state
            .transcript
            .rows
            .iter()
            .find_map(|row| match &row.body {
                RowBody::RunEnd { teardown, .. } => teardown.clone(),
                _ => None,
            })
    };
    let teardown = scene.hub.wait("the teardown", reported).await;
    assert_eq!(
        (teardown.tools_cancelled, teardown.still_running.len()),
        (0, 0)
    );
    scene
        .hub
        .wait("nothing to follow any more", |state| {
            (state.unsubscribed == 1).then_some(())
        })
        .await;
    assert_eq!(
        scene.pieces(run),
        vec![Piece::Text("one two ".to_owned(), Interrupted)]
    );
    // The next prompt begins a new call that sees the partial answer.
    scene.model.reply(Reply::text("ok"));
    scene.ask_to_the_end("again").await;
    let request = scene.model.wait_request(1).await;
    assert_eq!(
        messages(&request),
        [
            "system: Be brief.",
            "user: count",
            "assistant: one two ",
            "user: again"
        ]
    );
}

#[tokio::test]
async fn stop_reaches_a_model_that_has_said_nothing_yet() {
    let scene = Scene::start().await;
    scene.model.reply(Reply::text("never").hold_after(0));
    let run = scene.ask("?").await;
    scene.model.wait_request(0).await;
    scene.hub.stop(run);
    scene.model.wait_closed(0).await;
    assert_eq!(scene.pieces(run), vec![]);
}

#[tokio::test]
async fn a_stop_while_the_hub_was_away_is_found_in_the_log() {
    let mut scene = Scene::start().await;
    scene
        .model
        .reply(Reply::text("one two three four").hold_after(2));
    let run = scene.ask("count").await;
    scene.has_text(run, 8).await;
    scene.cutter.refuse().await;
    scene.hub.stop(run);
    scene.cutter.resume().await;
    scene.model.wait_closed(0).await;
    let reported = |state: &State| {
        state
            .log
            .iter()
            .any(|event| matches!(event.body, EventBody::TeardownReported(_)))
            .then_some(())
    };
    scene.hub.wait("the teardown", reported).await;
}

#[tokio::test]
async fn a_steer_cuts_the_answer_and_the_run_goes_on_with_it() {
    let scene = Scene::start().await;
    scene
        .model
        .reply(Reply::text("Once upon a time in a land").hold_after(3));
    scene.model.reply(Reply::text("Es war einmal"));
    let run = scene.ask("a story").await;
    scene.has_text(run, 12).await;
    scene.hub.send("in German", Delivery::Steer);
    assert_eq!(scene.hub.ended(run).await, RunOutcome::Completed);
    assert_eq!(scene.model.wait_ended(0).await, Ending::ClosedByClient);
    assert_eq!(
        scene.pieces(run),
        vec![
            Piece::Text("Once upon a ".to_owned(), Interrupted),
            Piece::Steer("in German".to_owned()),
            Piece::Text("Es war einmal".to_owned(), Complete),
        ]
    );
    let request = scene.model.wait_request(1).await;
    assert_eq!(
        messages(&request),
        [
            "system: Be brief.",
            "user: a story",
            "assistant: Once upon a ",
            "user: in German"
        ]
    );
    let usage = scene.usage(run).expect("usage");
    // The usage of the cut call is unknown, and so is the sum.
    assert_eq!((usage.model_calls, usage.output_tokens), (2, None));
}

#[tokio::test]
async fn steers_that_come_together_are_taken_in_together() {
    let scene = Scene::start().await;
    scene.model.reply(Reply::text("never").hold_after(0));
    scene.model.reply(Reply::text("ok"));
    let run = scene.ask("a story").await;
    scene.model.wait_request(0).await;
    scene
        .hub
        .send_together(&["short", "and funny"], Delivery::Steer);
    assert_eq!(scene.hub.ended(run).await, RunOutcome::Completed);
    assert_eq!(
        scene.pieces(run),
        vec![
            Piece::Steer("short".to_owned()),
            Piece::Steer("and funny".to_owned()),
            Piece::Text("ok".to_owned(), Complete),
        ]
    );
    assert_eq!(scene.model.request_count(), 2);
    let request = scene.model.wait_request(1).await;
    assert_eq!(
        messages(&request),
        ["system: Be brief.", "user: a story\n\nshort\n\nand funny"]
    );
}

#[tokio::test]
async fn a_steer_that_is_withdrawn_in_that_moment_does_not_break_the_run() {
    for fences_misfits in [false, true] {
        withdraw_in_the_last_moment(fences_misfits).await;
    }
}

async fn withdraw_in_the_last_moment(fences_misfits: bool) {
    let scene = Scene::start().await;
    scene
        .hub
        .change(|state| state.fences_misfits = fences_misfits);
    scene
        .model
        .reply(Reply::text("Once upon a time").hold_after(3));
    scene.model.reply(Reply::text("time."));
    let run = scene.ask("a story").await;
    scene.has_text(run, 12).await;
    scene.hub.hold_writes();
    let steer = scene.hub.send("in German", Delivery::Steer);
    scene.hub.withdraw_before_the_next_steer(steer);
    scene.hub.release_writes();
    assert_eq!(scene.hub.ended(run).await, RunOutcome::Completed);
    assert_eq!(
        scene.pieces(run),
        vec![
            Piece::Text("Once upon a ".to_owned(), Interrupted),
            Piece::Text("time.".to_owned(), Complete)
        ]
    );
    let request = scene.model.wait_request(1).await;
    let said = messages(&request);
    assert_eq!(
        said[..3],
        [
            "system: Be brief.",
            "user: a story",
            "assistant: Once upon a "
        ]
    );
    assert!(said[3].starts_with("user: Go on"), "{said:?}");
}

#[tokio::test]
async fn of_two_steers_the_one_that_stays_is_taken_in() {
    let scene = Scene::start().await;
    scene
        .model
        .reply(Reply::text("Once upon a time").hold_after(3));
    scene.model.reply(Reply::text("Ha."));
    let run = scene.ask("a story").await;
    scene.has_text(run, 12).await;
    scene.hub.hold_writes();
    let steers = scene
        .hub
        .send_together(&["in German", "funnier"], Delivery::Steer);
    scene.hub.withdraw_before_the_next_steer(steers[0]);
    scene.hub.release_writes();
    assert_eq!(scene.hub.ended(run).await, RunOutcome::Completed);
    assert_eq!(
        scene.pieces(run),
        vec![
            Piece::Text("Once upon a ".to_owned(), Interrupted),
            Piece::Steer("funnier".to_owned()),
            Piece::Text("Ha.".to_owned(), Complete),
        ]
    );
}

#[tokio::test]
async fn a_steer_behind_the_end_heads_the_queue() {
    let scene = Scene::start().await;
    scene.model.reply(Reply::text("done").hold_after(1));
    scene.model.reply(Reply::text("again"));
    let run = scene.ask("first").await;
    scene.has_text(run, 4).await;
    scene.hub.hold_writes();
    scene.model.release(0);
    let ends = |state: &State| {
        let is_end = |entry: &RunWriteEntry| matches!(entry.write, RunWrite::EndRun { .. });
        state.writes.iter().flatten().any(is_end).then_some(())
    };
    scene.hub.wait("the end on its way", ends).await;
    scene.hub.send("more", Delivery::Steer);
    scene.hub.release_writes();
    assert_eq!(scene.hub.ended(run).await, RunOutcome::Completed);
    let next = scene
        .hub
        .wait("the next run", |state| {
            state.session.last_root_run().filter(|next| *next != run)
        })
        .await;
    assert_eq!(scene.hub.ended(next).await, RunOutcome::Completed);
    assert_eq!(scene.text(next), "again");
}
