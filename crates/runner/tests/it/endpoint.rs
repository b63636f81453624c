//! Which URLs the provider asks, how often, and with which request.

use std::time::Duration;

use baton_runner::provider::{
    KeyInClear, ListModelsError, ModelEnd, ModelEvent, ModelProvider as _, OpenAiEndpoint,
    OpenAiProvider, RetryReason, StartModelError, UseEndpointError,
};
use baton_testkit::{RawAnswer, RawModel, RawRequest};
use futures::StreamExt as _;

use crate::provider::ask;
use crate::scene::{KEY, provider};

const ANSWER: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"yes\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

fn targets(model: &RawModel) -> Vec<String> {
    let requests = model.requests();
    requests.into_iter().map(|request| request.target).collect()
}

/// The text of an answer and its end.
async fn answer(provider: &OpenAiProvider) -> Result<(String, ModelEnd), String> {
    let mut stream = provider
        .stream(ask("m"))
        .await
        .map_err(|error| error.to_string())?;
    let mut text = String::new();
    while let Some(item) = stream.next().await {
        match item.map_err(|error| error.to_string())? {
            ModelEvent::Text(piece) => text.push_str(&piece),
            ModelEvent::Done(end) => return Ok((text, end)),
            ModelEvent::Reasoning(_) | ModelEvent::Usage(_) => {}
        }
    }
    Err("the stream has no end".to_owned())
}

async fn refusal(provider: &OpenAiProvider) -> StartModelError {
    provider.stream(ask("m")).await.err().expect("no answer")
}

fn yes() -> Result<(String, ModelEnd), String> {
    Ok(("yes".to_owned(), ModelEnd::Whole))
}

#[tokio::test]
async fn an_address_without_its_v1_is_found_and_remembered() {
    for absent in [
        RawAnswer::new(404, "text/plain", "404 page not found"),
        RawAnswer::new(
            405,
            "application/json",
            "{\"detail\":\"Method Not Allowed\"}",
        ),
        RawAnswer::new(200, "text/html; charset=utf-8", "<html>a page</html>"),
    ] {
        let model = RawModel::start(move |request| match request.target.starts_with("/v1/") {
            true => RawAnswer::stream(ANSWER),
            false => absent.clone(),
        })
        .await;
        let provider = provider(&format!("http://{}/", model.addr()));
        assert_eq!(answer(&provider).await, yes());
        assert_eq!(answer(&provider).await, yes());
        let below_v1 = "/v1/chat/completions";
        assert_eq!(targets(&model), ["/chat/completions", below_v1, below_v1]);
    }
}

#[tokio::test]
async fn an_address_is_asked_as_it_stands_first() {
    let model = RawModel::start(|_| RawAnswer::stream(ANSWER)).await;
    for base in ["", "/", "/chat/completions"] {
        let provider = provider(&format!("{}{base}", model.addr()));
        assert_eq!(answer(&provider).await, yes(), "{base}");
    }
    assert!(
        targets(&model)
            .iter()
            .all(|target| target == "/chat/completions")
    );
}

#[tokio::test]
async fn a_redirect_on_the_same_host_is_followed_with_everything() {
    for status in [301, 302, 307, 308] {
        let model = RawModel::start(move |request| match request.target.as_str() {
            "/api/chat/completions" => RawAnswer::stream(ANSWER),
            _ => {
                RawAnswer::new(status, "text/plain", "").field("location", "/api/chat/completions")
            }
        })
        .await;
        assert_eq!(
            answer(&provider(&model.base_url())).await,
            yes(),
            "{status}"
        );
        let followed: RawRequest = model.requests().pop().expect("requests");
        assert_eq!(followed.prompt(), "?");
        assert!(
            followed
                .head
                .contains(&format!("authorization: Bearer {KEY}")),
            "{}",
            followed.head
        );
    }
}

#[tokio::test]
async fn a_redirect_to_another_place_gets_no_key_and_is_named() {
    let other = RawModel::start(|_| RawAnswer::stream(ANSWER)).await;
    let to = format!("{}/chat/completions", other.base_url());
    let location = to.clone();
    let model = RawModel::start(move |_| {
        RawAnswer::new(307, "text/plain", "").field("location", location.clone())
    })
    .await;
    let error = refusal(&provider(&model.base_url())).await;
    assert!(
        error
            .to_string()
            .contains(&format!("sends requests on to {to}")),
        "{error}"
    );
    assert_eq!(error.retry(), None);
    assert!(other.requests().is_empty());
    let endless =
        RawModel::start(|_| RawAnswer::new(308, "text/plain", "").field("location", "/")).await;
    assert!(matches!(
        refusal(&provider(&endless.base_url())).await,
        StartModelError::Elsewhere { .. }
    ));
}

#[tokio::test]
async fn an_option_that_the_server_refuses_is_left_out_the_next_time() {
    let model = RawModel::start(|request| match request.body.get("stream_options") {
        Some(_) => {
            let body =
                "{\"error\":{\"message\":\"Unrecognized request argument: stream_options\"}}";
            RawAnswer::new(400, "application/json", body)
        }
        None => RawAnswer::stream(ANSWER),
    })
    .await;
    let provider = provider(&model.base_url());
    let advice = refusal(&provider).await.retry().expect("asked again");
    assert_eq!(
        (advice.after, advice.why),
        (Some(Duration::ZERO), RetryReason::OptionRefused)
    );
    assert_eq!(answer(&provider).await, yes());
    assert_eq!(model.requests().len(), 2);
    let stubborn =
        RawModel::start(|_| RawAnswer::new(400, "text/plain", "stream_options? never")).await;
    let provider = crate::scene::provider(&stubborn.base_url());
    assert!(refusal(&provider).await.retry().is_some());
    assert_eq!(
        refusal(&provider).await.retry(),
        None,
        "it gets none and still complains"
    );
}

#[tokio::test]
async fn a_busy_server_says_when_to_come_back() {
    for (status, after, advised, words) in [
        (
            429,
            "3",
            Some(3),
            "HTTP 429): wait 3 seconds and retry: slow down",
        ),
        (503, "7", Some(7), "HTTP 503): slow down"),
        (429, "600", None, "wait 10 minutes and retry: slow down"),
        (503, "7200", None, "slow down: retry in 2 hours"),
    ] {
        let model = RawModel::start(move |_| {
            RawAnswer::new(status, "application/json", "{\"error\":\"slow down\"}")
                .field("retry-after", after)
        })
        .await;
        let error = refusal(&provider(&model.base_url())).await;
        assert_eq!(
            error.retry().and_then(|advice| advice.after),
            advised.map(Duration::from_secs)
        );
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(model.requests().len(), 1, "the provider asks once");
    }
}

#[tokio::test]
async fn an_error_in_the_stream_before_the_first_token_is_no_beginning() {
    let body = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\ndata: {\"error\":{\"code\":503,\"message\":\"Loading model\"}}\n\n";
    let model = RawModel::start(move |_| RawAnswer::stream(body)).await;
    let error = refusal(&provider(&model.base_url())).await;
    assert!(
        error
            .to_string()
            .ends_with("reported an error: Loading model"),
        "{error}"
    );
    assert_eq!(
        error.retry().map(|advice| advice.why),
        Some(RetryReason::Busy)
    );
}

#[tokio::test]
async fn a_reason_ends_an_answer_on_a_connection_that_stays_open() {
    let body = ANSWER.replace("data: [DONE]\n\n", "");
    let model = RawModel::start(move |_| RawAnswer::stream(body.clone()).stays_open()).await;
    assert_eq!(answer(&provider(&model.base_url())).await, yes());
}

#[tokio::test]
async fn a_refusal_without_an_end_is_read_up_to_a_bound() {
    let mut body = vec![b'x'; 4 * 1024 * 1024];
    body.splice(..0, format!("bad {KEY} Bearer abcdefghij ").into_bytes());
    let model =
        RawModel::start(move |_| RawAnswer::new(500, "text/plain", body.clone()).stays_open())
            .await;
    let error = refusal(&provider(&model.base_url())).await.to_string();
    assert!(
        error.contains("(HTTP 500): bad [key] Bearer [key] xxx"),
        "{error}"
    );
    assert!(error.len() < 500, "{error}");
}

#[tokio::test]
async fn the_models_are_listed_as_forgivingly_as_they_are_asked() {
    let limit = Duration::from_secs(30);
    let model = RawModel::start(|request| match request.target.as_str() {
        "/v1/models" => RawAnswer::new(200, "application/json", "{\"data\":[{\"id\":\"m\"}]}"),
        _ => RawAnswer::new(404, "text/plain", "no"),
    })
    .await;
    let provider = provider(&model.addr().to_string());
    assert_eq!(provider.models(limit).await, Ok(vec!["m".to_owned()]));
    assert!(model.requests()[0].head.contains(KEY));
    let endless =
        RawModel::start(|_| RawAnswer::new(200, "application/json", vec![b' '; 9 * 1024 * 1024]))
            .await;
    let provider = crate::scene::provider(&endless.base_url());
    assert_eq!(provider.models(limit).await, Err(ListModelsError::NoList));
    for (status, error) in [
        (401, ListModelsError::KeyRefused),
        (500, ListModelsError::Status(500)),
    ] {
        let refusing = RawModel::start(move |_| RawAnswer::new(status, "text/plain", "")).await;
        let provider = crate::scene::provider(&refusing.base_url());
        assert_eq!(provider.models(limit).await, Err(error));
    }
}

#[test]
fn a_key_is_not_sent_where_others_can_read_it() {
    let endpoint = |base_url: &str, key: Option<&str>| OpenAiEndpoint {
        base_url: base_url.to_owned(),
        api_key: key.map(str::to_owned),
    };
    let refused = |endpoint: &OpenAiEndpoint| OpenAiProvider::new(endpoint).err();
    let clear = endpoint("http://api.example.com/v1", Some(KEY));
    let error = refused(&clear).expect("refused");
    let words = error.to_string();
    assert!(
        words.contains("unencrypted to http://api.example.com/v1") && words.contains("https://"),
        "{words}"
    );
    assert!(!words.contains(KEY));
    assert!(matches!(
        refused(&endpoint("http://me:password@api.example.com", None)),
        Some(UseEndpointError::KeyInClear { .. })
    ));
    assert!(OpenAiProvider::with_key_in_clear(&clear, KeyInClear::Allowed).is_ok());
    for (base_url, key) in [
        ("https://api.example.com/v1", Some(KEY)),
        ("http://api.example.com/v1", None),
        ("http://127.0.0.1:8080", Some(KEY)),
        ("http://192.168.1.5:8080", Some(KEY)),
        ("http://nas.local", Some(KEY)),
    ] {
        assert_eq!(refused(&endpoint(base_url, key)), None, "{base_url}");
    }
    assert_eq!(
        refused(&endpoint("https://api.example.com", Some("a\nb"))),
        Some(UseEndpointError::KeyUnsendable)
    );
}
