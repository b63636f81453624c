//! From the first opening to the first answer: sets up a hub and a runner inside the application.

use std::path::Path;

use baton_testkit::RecordingProxy;
use tempfile::TempDir;

use crate::desktop::Desktop;
use crate::stage::{HALF, LONG, handed_over, model_alone, model_name, sent};

#[tokio::test(flavor = "multi_thread")]
async fn on_this_computer() {
    let (model, _screen) = model_alone().await;
    let folder = TempDir::new().expect("a temporary folder");
    let a = begin_here(folder.path(), &model).await;

    let session = a.begin("Say hello.").await;
    let first = sent(&model, 0).await;
    a.wait_equal("the answer", &first, |screen| screen.answer())
        .await;
    a.wait_equal("its end", &vec!["completed".to_owned()], |screen| {
        screen.outcomes()
    })
    .await;
    assert_no_secret_in_files(folder.path());
    a.close().await;

    let a = Desktop::start(folder.path(), "default", None).await;
    a.open(&session).await;
    a.wait_equal("the history", &first, |screen| screen.answer())
        .await;
    a.wait("the hub and the runner of before", |screen| {
        (screen.phase() == "live" && screen.has_agent()).then_some(())
    })
    .await;
    a.send("Say goodbye.").await;
    let second = sent(&model, 1).await;
    a.wait_equal("both answers", &format!("{first}{second}"), |screen| {
        screen.answer()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_in_mid_answer_with_the_hub_inside() {
    let (model, _screen) = model_alone().await;
    let folder = TempDir::new().expect("a temporary folder");
    let mut a = begin_here(folder.path(), &model).await;
    model.hold_after(HALF);
    let session = a.begin(LONG).await;
    let half = handed_over(&model, 0, HALF).await;
    a.wait_equal("the half-written answer", &half, |screen| screen.answer())
        .await;

    a.close_window().await;
    assert_eq!(model.exchanges()[0].ending, None, "closing is no stop");
    assert!(a.holds_profile(), "the answer goes on without a window");
    a.start_second().await;
    a.close_window().await;
    assert!(a.holds_profile(), "and after a look at it");
    model.release();
    let answer = sent(&model, 0).await;
    a.ended().await;

    let a = Desktop::start(folder.path(), "default", None).await;
    a.wait("a finished answer that nobody has read", |screen| {
        (screen.session_state(&session) == Some("unread")).then_some(())
    })
    .await;
    a.open(&session).await;
    a.wait_equal("the whole answer", &answer, |screen| screen.answer())
        .await;
    a.wait_equal("its end", &vec!["completed".to_owned()], |screen| {
        screen.outcomes()
    })
    .await;
    assert_eq!(model.request_count(), 1);
}

/// Opens the application for the first time and starts on this computer, as a person does.
async fn begin_here(folder: &Path, model: &RecordingProxy) -> Desktop {
    let a = Desktop::start(folder, "default", None).await;
    a.press("choose-local").await;
    a.press("source-endpoint").await;
    a.type_into("base-url", &model.base_url()).await;
    a.type_into("model", &model_name()).await;
    a.type_into("api-key", "a-key-of-mine").await;
    a.screenshot("first-start-local").await;
    a.press("start-local").await;
    a.wait("a live line and an agent", |screen| {
        (screen.phase() == "live" && screen.has_agent()).then_some(())
    })
    .await;
    a.screenshot("first-start-ready").await;
    a
}

/// Checks that no file of the profile holds a token or key: they are in the keyring.
fn assert_no_secret_in_files(folder: &Path) {
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder)
            .expect("a folder can be listed")
            .flatten()
        {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes);
                let holds = ["baton_", "a-key-of-mine"].iter().any(|secret| {
                    text.match_indices(secret)
                        .any(|(at, found)| *found != *"baton_" || is_token(&text[at..]))
                });
                assert!(!holds, "`{}` holds a secret", path.display());
            }
        }
    }
}

/// Whether the text starts with a token: `baton_` and 64 hex characters.
fn is_token(text: &str) -> bool {
    let hex: Vec<char> = text.chars().skip("baton_".len()).take(64).collect();
    hex.len() == 64 && hex.iter().all(char::is_ascii_hexdigit)
}
