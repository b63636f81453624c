//! A draft that is started on one machine continues on the other.

use crate::history::assert_same_everywhere;
use crate::screen::Screen;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_half_written_prompt_goes_on_on_the_other_machine_and_survives_a_kill() {
    let stage = Stage::set().await;
    let (mut a, b) = (stage.desktop("laptop").await, stage.desktop("desk").await);
    let session = a.begin("Say hello.").await;
    let completed = |runs| vec!["completed".to_owned(); runs];
    a.wait_equal("the answer", &completed(1), |screen| screen.outcomes())
        .await;
    b.open(&session).await;
    b.wait_equal("the answer", &completed(1), |screen| screen.outcomes())
        .await;

    a.type_into("composer", "Now say").await;
    b.wait_value("composer", "Now say").await;
    b.type_into("composer", " goodbye.").await;
    a.wait_value("composer", "Now say goodbye.").await;
    b.screenshot("draft-on-the-desk").await;

    a.kill_9().await;
    let a = a.start_again().await;
    a.open(&session).await;
    a.wait_value("composer", "Now say goodbye.").await;
    a.press("send").await;
    for window in [&a, &b] {
        window
            .wait_equal("the second answer", &completed(2), |screen| {
                screen.outcomes()
            })
            .await;
        window.wait_value("composer", "").await;
    }
    let sent = [stage.sent(0).await, stage.sent(1).await];
    assert_same_everywhere(&stage, &session, &[&a, &b], &[&sent[0], &sent[1]]).await;
    assert_eq!(stage.model.request_count(), 2, "it was sent once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_prompt_is_begun_on_one_machine_and_sent_from_the_other() {
    let stage = Stage::set().await;
    let (a, b) = (stage.desktop("laptop").await, stage.desktop("desk").await);
    a.type_into("composer", "Say hello").await;
    b.wait_value("composer", "Say hello").await;
    b.type_into("composer", " twice.").await;
    b.press("send").await;
    let session = b
        .wait("the session", |screen| {
            screen.open_session().map(str::to_owned)
        })
        .await;
    a.wait_value("composer", "").await;
    a.open(&session).await;
    for window in [&a, &b] {
        window
            .wait_equal("the answer", &vec!["completed".to_owned()], |screen| {
                screen.outcomes()
            })
            .await;
    }
    // The composer on the first machine starts another session.
    let other = a.begin("Say goodbye.").await;
    assert_ne!(other, session);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_in_a_session_that_is_deleted_elsewhere_goes_on_in_a_new_one() {
    let stage = Stage::set().await;
    let (a, b) = (stage.desktop("laptop").await, stage.desktop("desk").await);
    let session = a.begin("Say hello.").await;
    let completed = vec!["completed".to_owned()];
    b.open(&session).await;
    for window in [&a, &b] {
        window
            .wait_equal("the answer", &completed, |screen| screen.outcomes())
            .await;
    }
    b.type_into("composer", "Now say goodbye.").await;
    a.wait_value("composer", "Now say goodbye.").await;

    stage.witness.receipt(&["delete", &session]).await;
    for window in [&a, &b] {
        window.element("session-deleted").await;
        let written = |text: &str| text == "Now say goodbye.";
        window
            .wait_text("deleted-draft", "what was begun", written)
            .await;
        let gone = |screen: &Screen| screen.session_state(&session).is_none().then_some(());
        window.wait("a list without it", gone).await;
        window
            .wait_equal("no answer of it", &Vec::new(), |screen| screen.outcomes())
            .await;
    }
    b.screenshot("deleted-on-the-desk").await;
    b.press("deleted-go-on").await;
    b.wait_value("composer", "Now say goodbye.").await;
    b.press("send").await;
    b.wait_equal("the other answer", &completed, |screen| screen.outcomes())
        .await;
    assert_eq!(stage.model.request_count(), 2, "it was sent once");
}
