//! The provider alone: what closes a connection, and what is sent.

use baton_protocol::{CommandId, PromptId};
use baton_runner::provider::{
    ModelEvent, ModelMessage, ModelProvider as _, ModelRequest, ModelRole,
};
use baton_runner::provider::{OpenAiEndpoint, OpenAiProvider};
use baton_testkit::{FakeModel, Reply};
use futures::{FutureExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::scene::{KEY, provider};

pub fn ask(model: &str) -> ModelRequest {
    let message = ModelMessage {
        role: ModelRole::User,
        text: "?".to_owned(),
    };
    ModelRequest {
        prompt: PromptId(CommandId::mint()),
        model: model.to_owned(),
        messages: vec![message],
    }
}

#[tokio::test]
async fn dropping_a_stream_closes_the_connection_of_a_silent_model() {
    let model = FakeModel::start().await;
    model.reply(Reply::text("one two").hold_after(1));
    let mut stream = provider(&model.base_url())
        .stream(ask("m"))
        .await
        .expect("it begins");
    assert!(matches!(stream.next().await, Some(Ok(ModelEvent::Text(text))) if text == "one "));
    assert!(
        stream.next().now_or_never().is_none(),
        "the model is silent"
    );
    drop(stream);
    model.wait_closed(0).await;
}

#[tokio::test]
async fn dropping_the_request_closes_the_connection_before_the_first_word() {
    let model = FakeModel::start().await;
    model.reply(Reply::text("one two").hold_after(0));
    let provider = provider(&model.base_url());
    tokio::select! {
        _ = provider.stream(ask("m")) => panic!("it says nothing"),
        _ = model.wait_request(0) => {}
    }
    model.wait_closed(0).await;
}

#[tokio::test]
async fn a_models_name_is_sent_as_it_is() {
    let model = FakeModel::start().await;
    model.reply_to_the_rest(Reply::text("ok"));
    for (index, name) in [
        "qwen3-high",
        "org::model",
        "claude-3",
        "gemini-2.5-low",
        "o3-mini",
    ]
    .into_iter()
    .enumerate()
    {
        let stream = provider(&model.base_url())
            .stream(ask(name))
            .await
            .expect("it begins");
        assert_eq!(stream.count().await, 3, "text, usage, end");
        let request = model.wait_request(index).await;
        assert_eq!(request["model"], name);
        assert_eq!(request.get("reasoning_effort"), None);
    }
}

/// Takes one request, answers with these bytes and closes. Returns the base URL and the request.
async fn raw_server(answer: &'static [u8]) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/api/v7", listener.local_addr().expect("bound"));
    let served = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.expect("a client");
        let mut request = vec![0; 64 * 1024];
        let mut length = 0;
        while !request[..length].ends_with(b"}") {
            length += tcp.read(&mut request[length..]).await.expect("a request");
        }
        tcp.write_all(answer).await.expect("written");
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    (url, served)
}

#[tokio::test]
async fn the_path_of_the_base_url_and_the_key_are_used() {
    let (url, served) = raw_server(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let _ = provider(&url).stream(ask("m")).await;
    let request = served.await.expect("served");
    assert!(
        request.starts_with("POST /api/v7/chat/completions HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains(&format!("authorization: Bearer {KEY}\r\n")),
        "{request}"
    );
}

#[tokio::test]
async fn without_a_key_none_is_sent() {
    let (url, served) = raw_server(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let endpoint = OpenAiEndpoint {
        base_url: url,
        api_key: Some("  ".to_owned()),
    };
    let _ = OpenAiProvider::new(&endpoint)
        .expect("a base URL")
        .stream(ask("m"))
        .await;
    assert!(!served.await.expect("served").contains("authorization"));
}

#[tokio::test]
async fn an_end_without_the_end_marker_is_a_cut() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
        data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\r\n\r\n";
    let (url, _served) = raw_server(answer).await;
    let mut stream = provider(&url).stream(ask("m")).await.expect("it begins");
    assert!(matches!(stream.next().await, Some(Ok(ModelEvent::Text(text))) if text == "half"));
    let error = stream.next().await.expect("more").err().expect("an error");
    assert!(error.to_string().contains("broke off"), "{error}");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn an_error_in_the_stream_is_told_in_the_servers_words() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n\
        data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n\
        data: {\"error\":{\"message\":\"out of memory\"}}\n\n";
    let (url, _served) = raw_server(answer).await;
    let stream = provider(&url).stream(ask("m")).await.expect("it begins");
    let items: Vec<_> = stream.collect().await;
    let error = items
        .into_iter()
        .next_back()
        .expect("items")
        .err()
        .expect("an error");
    assert!(
        error
            .to_string()
            .contains("reported an error: out of memory"),
        "{error}"
    );
}

#[tokio::test]
async fn something_else_behind_the_url_is_named() {
    let page =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<html>hi</html>";
    let (url, _served) = raw_server(page).await;
    let error = provider(&url)
        .stream(ask("m"))
        .await
        .err()
        .expect("no answer");
    assert!(
        error.to_string().contains("is the base URL right?"),
        "{error}"
    );
}
