//! Which runs a runner works on, and when it drops them.

use baton_protocol::view::PartState::Interrupted;
use baton_protocol::{AgentId, Delivery, ErrorCode, HubFrame, Incarnation, RunOutcome};
use baton_testkit::Reply;

use crate::fake_hub::SESSION;
use crate::scene::{Piece, Scene};

#[tokio::test]
async fn the_hub_is_told_who_runs_what() {
    let scene = Scene::start().await;
    let hello = scene
        .hub
        .wait("hello", |state| state.hellos.first().cloned())
        .await;
    let agent = &hello.agents[0];
    assert_eq!(
        (&agent.id, agent.can_steer),
        (&AgentId("assistant".to_owned()), true)
    );
    assert_eq!(agent.model, scene.model.model());
}

#[tokio::test]
async fn a_lost_run_closes_the_models_connection() {
    let scene = Scene::start().await;
    scene
        .model
        .reply(Reply::text("one two three").hold_after(2));
    let run = scene.ask("count").await;
    scene.has_text(run, 8).await;
    scene.hub.lose(run);
    scene.model.wait_closed(0).await;
    assert_eq!(
        scene.pieces(run),
        vec![Piece::Text("one two ".to_owned(), Interrupted)]
    );
}

#[tokio::test]
async fn a_fenced_write_closes_the_models_connection() {
    let scene = Scene::start().await;
    scene
        .model
        .reply(Reply::text("one two three four").hold_after(2));
    let run = scene.ask("count").await;
    scene.has_text(run, 8).await;
    let error = ErrorCode::LeaseFenced.with("held by another lease", "stop");
    scene.hub.push(HubFrame::RunFenced { run, error });
    scene.model.wait_closed(0).await;
}

#[tokio::test]
async fn a_write_that_the_hub_cannot_record_now_is_recorded_later_once() {
    let scene = Scene::start().await;
    scene
        .model
        .reply(Reply::text("one two three four").hold_after(2));
    let run = scene.ask("count").await;
    scene.has_text(run, 8).await;
    scene
        .hub
        .refuse_the_next_write(ErrorCode::StorageUnavailable.with("disk full", "wait"));
    scene.model.release(0);
    assert_eq!(scene.hub.ended(run).await, RunOutcome::Completed);
    assert_eq!(scene.text(run), "one two three four");
    assert_eq!(scene.model.request_count(), 1);
}

#[tokio::test]
async fn a_run_that_got_out_of_step_ends_as_failed() {
    let scene = Scene::start().await;
    scene
        .model
        .reply(Reply::text("one two three four").hold_after(2));
    let run = scene.ask("count").await;
    scene.has_text(run, 8).await;
    scene
        .hub
        .refuse_the_next_write(ErrorCode::InvalidRunWrite.with("does not fit", "resume"));
    scene.model.release(0);
    let outcome = scene.hub.ended(run).await;
    assert!(
        matches!(&outcome, RunOutcome::Failed { message } if message.contains("out of step")),
        "{outcome:?}"
    );
    assert_eq!(scene.text(run), "one two ");
}

#[tokio::test]
async fn an_assignment_that_comes_twice_is_one() {
    let scene = Scene::start().await;
    scene.model.reply(Reply::text("one two").hold_after(1));
    let run = scene.ask("count").await;
    scene.has_text(run, 4).await;
    let (epoch, seq) = {
        let state = scene.hub.state();
        (
            state.session.active_run(run).expect("on").epoch,
            state.session.head(),
        )
    };
    scene.hub.push(HubFrame::RunAssigned {
        session: SESSION,
        run,
        epoch,
        seq,
    });
    scene.model.release(0);
    assert_eq!(scene.hub.ended(run).await, RunOutcome::Completed);
    assert_eq!(
        (scene.text(run).as_str(), scene.model.request_count()),
        ("one two", 1)
    );
}

#[tokio::test]
async fn a_log_that_was_replaced_ends_the_work_for_it() {
    let mut scene = Scene::start().await;
    scene
        .model
        .reply(Reply::text("one two three").hold_after(2));
    let run = scene.ask("count").await;
    scene.has_text(run, 8).await;
    scene.cutter.refuse().await;
    scene.hub.change(|state| {
        state.incarnation = Incarnation::mint();
        state.is_assigning = false;
    });
    scene.cutter.resume().await;
    scene.model.wait_closed(0).await;
}

#[tokio::test]
async fn the_next_prompt_of_the_queue_follows_by_itself() {
    let scene = Scene::start().await;
    scene.model.reply(Reply::text("first answer").hold_after(1));
    scene.model.reply(Reply::text("second answer"));
    let first = scene.ask("first").await;
    scene.has_text(first, 4).await;
    scene.hub.send("second", Delivery::Queue);
    scene.model.release(0);
    let second = scene
        .hub
        .wait("the second", |state| {
            state.session.last_root_run().filter(|run| *run != first)
        })
        .await;
    assert_eq!(scene.hub.ended(second).await, RunOutcome::Completed);
    assert_eq!(
        (scene.text(first).as_str(), scene.text(second).as_str()),
        ("first answer", "second answer")
    );
}
