//! Models that fail: the run ends, and its end explains why to the person who asked.

use baton_protocol::RunOutcome;
use baton_protocol::view::PartState::Interrupted;
use baton_testkit::{FakeModel, Reply};
use tokio::net::TcpListener;

use crate::fake_hub::FakeHub;
use crate::scene::{KEY, Piece, Scene, provider};

async fn failure(reply: Reply, calls: usize) -> String {
    let scene = Scene::start().await;
    scene.model.reply_to_the_rest(reply);
    let (_, outcome) = scene.ask_to_the_end("?").await;
    let RunOutcome::Failed { message } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        scene.model.request_count(),
        calls,
        "a call is made again where that may help, and only there"
    );
    message
}

#[tokio::test]
async fn http_errors_say_what_to_do_and_never_the_key() {
    for (status, said, expected, calls) in [
        (
            401,
            "Incorrect API key provided",
            "does not accept the API key (HTTP 401)",
            1,
        ),
        (
            403,
            "not in your country",
            "does not allow this (HTTP 403): check what the API key may do: not in your country",
            1,
        ),
        (
            404,
            "model not found",
            "knows no model `fake-model` (HTTP 404)",
            1,
        ),
        (
            429,
            "You exceeded your quota",
            "takes no more requests for now (HTTP 429): wait a little and retry: You exceeded",
            5,
        ),
        (
            400,
            "context too long",
            "refused the request (HTTP 400): context too long",
            1,
        ),
        (
            500,
            &format!("bad key {KEY}!"),
            "refused the request (HTTP 500): bad key [key]!",
            5,
        ),
    ] {
        let message = failure(Reply::error(status, said), calls).await;
        assert_eq!(
            message.ends_with("(asked 5 times)"),
            calls == 5,
            "{message}"
        );
        assert!(message.contains(expected), "{message}");
        assert!(
            message.contains("http://127.0.0.1:") && !message.contains(KEY),
            "{message}"
        );
    }
}

#[tokio::test]
async fn nobody_there_is_asked_about() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base_url = format!("http://{}/v1", listener.local_addr().expect("bound"));
    drop(listener);
    let scene = Scene::with(
        FakeHub::start().await,
        FakeModel::start().await,
        provider(&base_url),
    )
    .await;
    let (_, outcome) = scene.ask_to_the_end("?").await;
    let message =
        format!("the model server at {base_url} does not answer: is it running? (asked 5 times)");
    assert_eq!(outcome, RunOutcome::Failed { message });
}

#[tokio::test]
async fn an_answer_that_breaks_off_keeps_what_came() {
    let scene = Scene::start().await;
    scene.model.reply(Reply::text("one two three").cut_after(2));
    let (run, outcome) = scene.ask_to_the_end("?").await;
    let RunOutcome::Failed { message } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        message.contains("broke off in the middle of the answer"),
        "{message}"
    );
    assert_eq!(
        scene.pieces(run),
        vec![Piece::Text("one two ".to_owned(), Interrupted)]
    );
}

#[tokio::test]
async fn after_a_failure_the_next_prompt_is_answered() {
    let scene = Scene::start().await;
    scene.model.reply(Reply::error(400, "no such option"));
    scene.model.reply(Reply::text("here I am"));
    let (_, outcome) = scene.ask_to_the_end("?").await;
    assert!(matches!(outcome, RunOutcome::Failed { .. }));
    let (run, outcome) = scene.ask_to_the_end("and now?").await;
    assert_eq!(
        (outcome, scene.text(run).as_str()),
        (RunOutcome::Completed, "here I am")
    );
}
