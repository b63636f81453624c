use baton_testkit::{Ending, FakeModel, RecordingProxy, Reply};

use crate::stream::{Answer, ask, pieces};

async fn in_front_of(reply: Reply) -> (FakeModel, RecordingProxy) {
    let model = FakeModel::start().await;
    model.reply_to_the_rest(reply);
    let proxy = RecordingProxy::start(&model.base_url()).await;
    (model, proxy)
}

#[tokio::test]
async fn what_passes_is_recorded_and_not_changed() {
    let text = "Grüße 🌍 und mehr";
    let (model, proxy) =
        in_front_of(Reply::text(text).with_reasoning("hm 🤔").write_bytes(3)).await;
    let (direct, _) = pieces(ask(&model.base_url(), "hi").await).await;
    let (witnessed, is_whole) = pieces(ask(&proxy.base_url(), "hi").await).await;
    assert!(is_whole);
    assert_eq!(witnessed.concat(), direct.concat());
    assert_eq!(proxy.wait_ended(0).await, Ending::Finished);
    let exchange = &proxy.exchanges()[0];
    assert_eq!(
        (exchange.text.as_str(), exchange.reasoning.as_str()),
        (text, "hm 🤔")
    );
    assert_eq!(exchange.request["messages"][0]["content"], "hi");
    assert_eq!((proxy.request_count(), proxy.connection_count()), (1, 1));
}

#[tokio::test]
async fn other_paths_pass_and_are_not_counted() {
    let (model, proxy) = in_front_of(Reply::text("x")).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let models = client
        .get(format!("{}/models", proxy.base_url()))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(models.contains(model.model()), "{models}");
    assert_eq!(proxy.request_count(), 0);
}

#[tokio::test]
async fn a_client_that_closes_early_is_noticed_here_and_by_the_server_behind() {
    let (model, proxy) = in_front_of(Reply::text("abcdefgh").delta_chars(1).hold_after(3)).await;
    let mut answer = Answer::to(&proxy.base_url(), "hi").await;
    assert!(answer.read_until(|text| text == "abc").await);
    drop(answer);
    proxy.wait_closed(0).await;
    model.wait_closed(0).await;
    assert_eq!(proxy.exchanges()[0].text, "abc");
}

#[tokio::test]
async fn an_answer_can_be_held_in_its_middle() {
    let (_model, proxy) = in_front_of(Reply::text("abcdefgh").delta_chars(1)).await;
    proxy.hold_after(5);
    let mut answer = Answer::to(&proxy.base_url(), "hi").await;
    assert!(answer.read_until(|text| text == "abcde").await);
    assert_eq!(proxy.wait_sent(0, 5).await, "abcde");
    assert_eq!(proxy.exchanges()[0].ending, None);
    proxy.release();
    assert!(!answer.read_until(|_| false).await);
    assert_eq!(answer.text(), "abcdefgh");
    assert_eq!(proxy.wait_ended(0).await, Ending::Finished);
}

#[tokio::test]
async fn an_answer_can_be_ended_as_a_model_ends_one() {
    let (model, proxy) = in_front_of(Reply::text("abcdefgh").delta_chars(1).hold_after(4)).await;
    proxy.end_after(3);
    let mut answer = Answer::to(&proxy.base_url(), "hi").await;
    assert!(!answer.read_until(|_| false).await);
    assert_eq!(answer.text(), "abc");
    assert_eq!(proxy.wait_ended(0).await, Ending::Finished);
    assert_eq!(proxy.exchanges()[0].text, "abc");
    // The proxy closes its connection to the upstream server.
    model.wait_closed(0).await;
}

#[tokio::test]
async fn a_client_that_closes_a_held_answer_is_noticed() {
    let (_model, proxy) = in_front_of(Reply::text("abcdefgh").delta_chars(1)).await;
    proxy.hold_after(2);
    let mut answer = Answer::to(&proxy.base_url(), "hi").await;
    assert!(answer.read_until(|text| text == "ab").await);
    drop(answer);
    proxy.wait_closed(0).await;
}

#[tokio::test]
async fn errors_and_cuts_of_the_server_behind_pass() {
    let (model, proxy) = in_front_of(Reply::text("abcdef").delta_chars(1).cut_after(2)).await;
    model.reply(Reply::error(503, "busy"));
    assert_eq!(ask(&proxy.base_url(), "hi").await.status(), 503);
    assert_eq!(proxy.wait_ended(0).await, Ending::Refused);
    let (_, is_whole) = pieces(ask(&proxy.base_url(), "hi").await).await;
    assert!(!is_whole);
    assert_eq!(proxy.wait_ended(1).await, Ending::CutByServer);
    drop(model);
}
