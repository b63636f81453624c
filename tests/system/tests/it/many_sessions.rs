//! More sessions at work at once than one runner connection can follow.

use std::sync::Arc;

use baton_client::{Device, DeviceConfig, IntentOutcome, TokenInMemory};
use baton_protocol::view::SessionRowState;
use baton_protocol::*;
use baton_testkit::{FakeModel, Reply, while_it_moves};

use crate::rounds::linked;
use crate::stage::{Hub, LIMIT, Runner};

/// One more than the subscriptions of a connection.
const SESSIONS: usize = limits::SUBSCRIPTIONS_PER_CONNECTION_MAX + 1;

async fn act(device: &Device, log: LogId, body: CommandBody) {
    let intent = device.act(log, body).await.expect("durable");
    match tokio::time::timeout(LIMIT, intent.outcome()).await {
        Ok(IntentOutcome::Answered(Receipt {
            outcome: ReceiptOutcome::Accepted { .. },
            ..
        })) => {}
        other => panic!("not accepted: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_one_of_257_sessions_that_are_prompted_at_once_is_answered() {
    let model = FakeModel::start().await;
    let held = baton_runner::limits::RUNS_SIDE_BY_SIDE_MAX;
    for _ in 0..held {
        model.reply(Reply::text("an answer").hold_after(0));
    }
    model.reply_to_the_rest(Reply::text("an answer"));
    let hub = Hub::start().await;
    let _runner = Runner::start(&hub, &model.base_url()).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (link, token) = linked(&hub, "Laptop").await;
    let config = DeviceConfig {
        data_dir: folder.path().join("laptop"),
        hub: link,
        tokens: Arc::new(TokenInMemory(token)),
    };
    let device = Device::open(config).await.expect("opens");
    let agent = AgentId("assistant".to_owned());
    let prompts = (0..SESSIONS).map(|n| {
        let (device, agent) = (device.clone(), agent.clone());
        async move {
            let log = LogId::Session(SessionId::mint());
            let create = CreateSessionCommand {
                agent,
                runner: None,
                title: None,
            };
            act(&device, log, CommandBody::CreateSession(create)).await;
            let send = SendPromptCommand {
                text: format!("number {n}"),
                delivery: Delivery::Queue,
                run: None,
            };
            act(&device, log, CommandBody::SendPrompt(send)).await;
        }
    });
    futures::future::join_all(prompts).await;
    // The held answers take all of the runner's places for runs, so all other sessions wait.
    (0..held).for_each(|index| model.release(index));
    let all_done = async || {
        let rows = device.sessions().into_iter();
        let done = rows.filter(|row| row.state == SessionRowState::Unread);
        (done.count() == SESSIONS).then_some(())
    };
    let asked = || model.request_count();
    while_it_moves(LIMIT, "each session has its answer", asked, all_done).await;
    assert_eq!(model.request_count(), SESSIONS, "each was asked once");
}
