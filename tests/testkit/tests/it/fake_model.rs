use std::time::{Duration, Instant};

use baton_testkit::{Ending, FakeModel, Reply};

use crate::stream::{Answer, ask, pieces};

const TEXT: &str = "Grüße an die Welt 🌍, \"quoted\"\nand done.";

#[tokio::test]
async fn the_scripted_text_arrives_and_is_recorded_as_sent() {
    let model = FakeModel::start().await;
    model.reply(Reply::text(TEXT).with_reasoning("Let me think."));
    let mut answer = Answer::to(&model.base_url(), "hi").await;
    assert!(!answer.read_until(|_| false).await);
    assert_eq!(answer.text(), TEXT);
    assert_eq!(model.wait_ended(0).await, Ending::Finished);
    let exchange = &model.exchanges()[0];
    assert_eq!(
        (exchange.text.as_str(), exchange.reasoning.as_str()),
        (TEXT, "Let me think.")
    );
    assert_eq!(exchange.request["messages"][0]["content"], "hi");
    assert_eq!(model.request_count(), 1);
}

#[tokio::test]
async fn writes_cut_utf8_sequences_and_the_bytes_stay_the_same() {
    let model = FakeModel::start().await;
    model.reply(Reply::text(TEXT));
    model.reply(Reply::text(TEXT).write_bytes(1));
    let (whole, _) = pieces(ask(&model.base_url(), "hi").await).await;
    let (split, _) = pieces(ask(&model.base_url(), "hi").await).await;
    assert_eq!(whole.concat(), split.concat());
    assert!(
        split
            .iter()
            .any(|piece| std::str::from_utf8(piece).is_err()),
        "no piece cuts a character"
    );
}

#[tokio::test]
async fn a_held_answer_goes_on_only_when_released() {
    let model = FakeModel::start().await;
    model.reply(Reply::text("abcdefgh").delta_chars(1).hold_after(3));
    let mut answer = Answer::to(&model.base_url(), "hi").await;
    assert!(answer.read_until(|text| text == "abc").await);
    assert_eq!(model.wait_sent(0, 3).await, "abc");
    assert_eq!(model.exchanges()[0].ending, None);
    model.release(0);
    assert!(!answer.read_until(|_| false).await);
    assert_eq!(answer.text(), "abcdefgh");
}

#[tokio::test]
async fn a_client_that_closes_a_held_answer_is_noticed() {
    let model = FakeModel::start().await;
    model.reply(Reply::text("abcdefgh").delta_chars(2).hold_after(2));
    let mut answer = Answer::to(&model.base_url(), "hi").await;
    assert!(answer.read_until(|text| text == "abcd").await);
    drop(answer);
    model.wait_closed(0).await;
    assert_eq!(model.exchanges()[0].text, "abcd");
}

#[tokio::test]
async fn a_cut_answer_breaks_off_and_an_error_is_an_http_status() {
    let model = FakeModel::start().await;
    model.reply(Reply::text("abcdef").delta_chars(1).cut_after(4));
    model.reply(Reply::error(429, "slow down"));
    let (_, is_whole) = pieces(ask(&model.base_url(), "hi").await).await;
    assert!(!is_whole);
    assert_eq!(model.wait_ended(0).await, Ending::CutByServer);
    assert_eq!(model.exchanges()[0].text, "abcd");
    let refused = ask(&model.base_url(), "hi").await;
    assert_eq!(refused.status(), 429);
    assert!(refused.text().await.unwrap().contains("slow down"));
    assert_eq!(model.wait_ended(1).await, Ending::Refused);
}

#[tokio::test]
async fn a_rate_is_kept() {
    let model = FakeModel::start().await;
    model.reply(
        Reply::text("abcdefghijk")
            .delta_chars(1)
            .deltas_per_second(100.0),
    );
    let started = Instant::now();
    let mut answer = Answer::to(&model.base_url(), "hi").await;
    answer.read_until(|_| false).await;
    assert!(
        started.elapsed() >= Duration::from_millis(100),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn replies_come_in_turn_then_the_one_for_the_rest_and_without_one_an_error() {
    let model = FakeModel::start().await;
    assert_eq!(ask(&model.base_url(), "hi").await.status(), 500);
    model.reply(Reply::text("first"));
    model.reply_to_the_rest(Reply::text("rest"));
    for expected in ["first", "rest", "rest"] {
        let mut answer = Answer::to(&model.base_url(), "hi").await;
        answer.read_until(|_| false).await;
        assert_eq!(answer.text(), expected);
    }
    assert_eq!(model.request_count(), 4);
}
