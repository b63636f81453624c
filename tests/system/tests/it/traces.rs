//! One id follows a prompt through every program, and no log line quotes what was written.

use baton_testkit::{FakeModel, Reply, eventually};
use serde_json::Value;
use uuid::Uuid;

use crate::stage::*;

const PROMPT: &str = "zebrafinch umbrella";
const ANSWER: &str = "quokka marmalade";
const JSON: [&str; 2] = ["--log-format", "json"];

/// Returns the messages of the lines that name the command, in order.
fn steps(lines: &[String], command: &str) -> Vec<String> {
    let lines = lines.iter().map(|line| {
        serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("no JSON line: {line}"))
    });
    let named = lines.filter(|line| line["fields"]["command.id"] == command);
    let message = |line: Value| line["fields"]["message"].as_str().map(str::to_owned);
    named.filter_map(message).collect()
}

/// Waits until a program has logged this last step, and returns its steps.
async fn steps_upto(child: &baton_testkit::Child, command: &str, last: &str) -> Vec<String> {
    eventually(LIMIT, last, || async {
        let steps = steps(&child.stderr_lines(), command);
        steps.iter().any(|step| step == last).then_some(steps)
    })
    .await
}

/// Joins the text of the events, in however many pieces it came, sealed or not.
fn answered(stdout: &str) -> String {
    let events = stdout.lines().map(|line| {
        serde_json::from_str::<Value>(line).expect("a line of JSON")["event"]["body"].clone()
    });
    let text = |body: Value| match body["type"].as_str() {
        Some("partAppended" | "partSealed") => body["text"].as_str().map(str::to_owned),
        _ => None,
    };
    events.filter_map(text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_id_leads_from_the_device_to_the_model_and_back_and_no_line_quotes_anybody() {
    let mut hub = Hub::start_at(Place::Here, "127.0.0.1:0", &JSON).await;
    let model = FakeModel::start().await;
    model.reply_to_the_rest(Reply::text(ANSWER));
    let url = model.base_url();
    let runner = Runner::start_with(&Place::Here, &hub, &url, "build-box", &JSON).await;
    let device = Device::link(&hub, "Desk").await;
    let made = device.ctl(&["new"]).await;
    let session = serde_json::from_str::<Value>(made.stdout.lines().next().expect("a line"));
    let session = session.expect("JSON")["session"]
        .as_str()
        .expect("an id")
        .to_owned();

    let id = Uuid::now_v7().to_string();
    let words = [
        "--verbose",
        "--log-format",
        "json",
        "send",
        &session,
        PROMPT,
    ];
    let sent = device
        .ctl(&[&words[..], &["--wait", "--id", &id]].concat())
        .await;
    assert_eq!(sent.code, 0, "{sent:?}");
    assert_eq!(answered(&sent.stdout), ANSWER, "{sent:?}");

    let device_lines: Vec<String> = sent.stderr.lines().map(str::to_owned).collect();
    let on_device = [
        "an intent is made",
        "a command is sent",
        "a command is answered",
        "a run's end is here",
    ];
    assert_eq!(steps(&device_lines, &id), on_device);
    let on_hub = [
        "a command is received",
        "a command is recorded",
        "a command is shown",
        "a run begins",
        "a run is assigned",
        "a run has ended",
    ];
    assert_eq!(
        steps_upto(hub.child(), &id, "a run has ended").await,
        on_hub
    );
    let on_runner = [
        "the context is built",
        "the model is asked",
        "the first token is here",
        "the model has said everything",
        "the run is over here",
    ];
    assert_eq!(
        steps_upto(&runner.child, &id, "the run is over here").await,
        on_runner
    );
    let asked = model.exchanges();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].request_id.as_deref(), Some(id.as_str()));

    let said = [
        hub.child().stderr_lines(),
        runner.child.stderr_lines(),
        device_lines,
    ]
    .concat();
    for word in [PROMPT, ANSWER].iter().flat_map(|text| text.split(' ')) {
        let quotes = said.iter().find(|line| line.contains(word));
        assert_eq!(quotes, None, "`{word}` is in a log line");
    }
}
