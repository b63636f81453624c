//! Losing the hub in mid-answer changes nothing that is stored, and never makes the runner ask the model again.

use std::time::Duration;

use baton_protocol::view::PartState;
use baton_protocol::{Delivery, ErrorCode, RunOutcome};
use baton_runner::RunnerStatus;
use baton_testkit::{Direction, Reply, eventually};

use crate::fake_hub::RUNNER;
use crate::scene::{Piece, Scene};

fn long_text() -> String {
    (0..700).map(|n| format!("{n} äöü 😀\n")).collect()
}

/// Cuts the first connection after exactly `first` bytes, and each later one after `step` bytes more than the one before.
async fn answer_through_cuts(direction: Direction, first: u64, step: u64, cuts: usize) {
    let scene = Scene::start().await;
    let text = long_text();
    scene.model.reply(
        Reply::text(text.clone())
            .delta_chars(5)
            .deltas_per_second(4_000.0),
    );
    scene.cutter.cut_once_after(direction, first);
    let run = scene.ask("long").await;
    for n in 1..cuts {
        let cut = eventually(Duration::from_secs(30), "the cut, or the end", || async {
            let is_over = scene.hub.state().session.active_run(run).is_none();
            (is_over || !scene.cutter.is_armed()).then_some(!is_over)
        });
        if !cut.await {
            break;
        }
        scene
            .cutter
            .cut_once_after(direction, first + n as u64 * step);
    }
    assert_eq!(scene.hub.ended(run).await, RunOutcome::Completed);
    assert!(
        scene.text(run) == text,
        "after cuts at {first}+{step}n {direction:?} the text differs"
    );
    assert_eq!(scene.model.request_count(), 1);
    assert!(
        scene.cutter.accepted_count() > 1,
        "it was cut at least once"
    );
}

#[tokio::test]
async fn cuts_towards_the_hub_change_nothing() {
    for (first, step) in [
        (90, 1),
        (1_500, 0),
        (2_111, 777),
        (5_000, 1_013),
        (9_001, 33),
    ] {
        answer_through_cuts(Direction::ToServer, first, step, 6).await;
    }
}

#[tokio::test]
async fn cuts_towards_the_runner_change_nothing() {
    for (first, step) in [
        (60, 3),
        (1_000, 1),
        (1_733, 977),
        (6_001, 2_003),
        (9_011, 5),
    ] {
        answer_through_cuts(Direction::ToClient, first, step, 6).await;
    }
}

#[tokio::test]
async fn an_answer_is_finished_while_the_hub_is_away() {
    let mut scene = Scene::start().await;
    let text = long_text();
    scene.model.reply(Reply::text(text.clone()).hold_after(2));
    let run = scene.ask("long").await;
    scene.has_text(run, 1).await;
    scene.cutter.refuse().await;
    scene.model.release(0);
    scene.model.wait_ended(0).await;
    scene
        .status("the loss is noticed", |status| {
            matches!(status, RunnerStatus::Reconnecting { .. })
        })
        .await;
    scene.cutter.resume().await;
    assert_eq!(scene.hub.ended(run).await, RunOutcome::Completed);
    assert!(scene.text(run) == text);
    assert_eq!(scene.model.request_count(), 1);
}

#[tokio::test]
async fn it_says_where_it_stands_and_comes_back_with_the_same_instance() {
    let scene = Scene::start().await;
    let connected = scene
        .status("connected", |status| {
            matches!(status, RunnerStatus::Connected { .. })
        })
        .await;
    assert_eq!(
        connected,
        RunnerStatus::Connected {
            runner: RUNNER,
            hub_name: "fake".to_owned()
        }
    );
    scene.cutter.cut_all();
    let hellos = scene
        .hub
        .wait("a second hello", |state| {
            (state.hellos.len() == 2).then(|| state.hellos.clone())
        })
        .await;
    assert_eq!(hellos[0], hellos[1]);
}

#[tokio::test]
async fn a_hub_that_revokes_it_is_not_asked_again() {
    let scene = Scene::start().await;
    scene.model.reply(Reply::text("one two").hold_after(1));
    let run = scene.ask("count").await;
    scene.has_text(run, 4).await;
    scene.hub.close(
        ErrorCode::Revoked.close_code(),
        "revoked: this runner was revoked",
    );
    let refused = scene
        .status("refused", |status| {
            matches!(status, RunnerStatus::Refused { .. })
        })
        .await;
    let RunnerStatus::Refused { message } = refused else {
        unreachable!()
    };
    assert!(message.contains("this runner was revoked"), "{message}");
    scene.model.wait_closed(0).await;
    assert_eq!(scene.cutter.accepted_count(), 1);
}

#[tokio::test]
async fn stopping_the_runner_closes_everything() {
    let Scene {
        hub,
        model,
        cutter,
        runner,
    } = Scene::start().await;
    model.reply(Reply::text("one two").hold_after(1));
    hub.send("count", Delivery::Queue);
    model.wait_sent(0, 1).await;
    let status = runner.status();
    runner.stop().await;
    model.wait_closed(0).await;
    cutter.wait_open(0).await;
    assert_eq!(*status.borrow(), RunnerStatus::Stopped);
}

#[tokio::test]
async fn a_steer_through_a_cut_is_taken_in_once() {
    for bytes_further in [1, 120, 260, 330, 420, 700] {
        let scene = Scene::start().await;
        scene
            .model
            .reply(Reply::text("one two three four").hold_after(2));
        scene.model.reply(Reply::text("uno dos"));
        let run = scene.ask("count").await;
        scene.has_text(run, 8).await;
        let carried = scene.cutter.carried(Direction::ToServer);
        scene
            .cutter
            .cut_once_after(Direction::ToServer, carried + bytes_further);
        scene.hub.send("in Spanish", Delivery::Steer);
        assert_eq!(scene.hub.ended(run).await, RunOutcome::Completed);
        assert_eq!(
            scene.pieces(run),
            vec![
                Piece::Text("one two ".to_owned(), PartState::Interrupted),
                Piece::Steer("in Spanish".to_owned()),
                Piece::Text("uno dos".to_owned(), PartState::Complete),
            ],
            "cut {bytes_further} bytes further"
        );
        assert_eq!(scene.model.request_count(), 2);
    }
}
