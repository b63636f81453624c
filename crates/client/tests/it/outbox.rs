//! Intents are durable, ordered and happen once.

use baton_client::{CancelError, IntentOutcome, OutboxState};
use baton_protocol::view::{ConnectionPhase, SessionRowState};
use baton_protocol::{
    AgentId, CommandBody, CreateSessionCommand, Delivery, ErrorCode, EventBody, LogId,
    MarkReadCommand, PauseQueueCommand, ReceiptOutcome, SendPromptCommand, Seq, SessionId,
};
use tempfile::TempDir;

use crate::fake_hub::FakeHub;
use crate::fake_world::Fault;
use crate::script::Script;
use crate::stage::{device, until};

fn create() -> CreateSessionCommand {
    CreateSessionCommand {
        agent: AgentId("assistant".into()),
        runner: None,
        title: None,
    }
}

fn prompt(text: &str) -> SendPromptCommand {
    SendPromptCommand {
        run: None,
        text: text.into(),
        delivery: Delivery::Queue,
    }
}

fn prompts_in(script: &Script) -> Vec<String> {
    let sent = script.events.iter().filter_map(|event| match &event.body {
        EventBody::PromptSent(body) => Some(body.text.clone()),
        _ => None,
    });
    sent.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_without_a_hub_survives_a_kill_and_is_delivered_once() {
    let dir = TempDir::new().unwrap();
    let mut hub = FakeHub::absent().await;
    let session = SessionId::mint();
    let first = device(&hub, dir.path()).await;
    let started = first
        .start_session(session, create(), Some(prompt("hello")))
        .await
        .unwrap();
    let rows = first.sessions();
    assert_eq!(
        (rows[0].session, &rows[0].state, rows[0].title.as_str()),
        (session, &SessionRowState::NotSent, "hello")
    );
    drop((first, started));

    let second = device(&hub, dir.path()).await;
    assert_eq!(second.sessions().len(), 1);
    hub.listen(None).await;
    until(&second, "an empty outbox", |device| {
        device.outbox().is_empty().then_some(())
    })
    .await;
    let world = hub.world();
    assert_eq!(prompts_in(&world.sessions[&session]), ["hello"]);
    assert_eq!(world.commands().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_is_lost_is_asked_for_again_and_nothing_happens_twice() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let session = hub.change(|world| {
        let script = Script::new(world.account);
        world.add(script)
    });
    let device = device(&hub, dir.path()).await;
    until(&device, "live", |device| {
        (device.connection().phase == ConnectionPhase::Live).then_some(())
    })
    .await;
    hub.change(|world| world.fault = Fault::CutBeforeReceipt);
    let body = CommandBody::SendPrompt(prompt("once"));
    let intent = device.act(LogId::Session(session), body).await.unwrap();
    let id = intent.command;
    let IntentOutcome::Answered(receipt) = intent.outcome().await else {
        panic!("no receipt");
    };
    assert!(matches!(receipt.outcome, ReceiptOutcome::Accepted { .. }));
    assert_eq!(device.receipt(id).await.unwrap(), Some(receipt));
    let world = hub.world();
    assert_eq!(prompts_in(&world.sessions[&session]), ["once"]);
    assert_eq!(world.commands().len(), 2);
    assert!(world.commands().iter().all(|command| command.id == id));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_that_was_on_the_line_survives_a_kill_and_happens_once() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let session = hub.change(|world| {
        let script = Script::new(world.account);
        world.add(script)
    });
    let first = device(&hub, dir.path()).await;
    until(&first, "live", |device| {
        (device.connection().phase == ConnectionPhase::Live).then_some(())
    })
    .await;
    // From here on the hub neither reads from this connection nor writes to it.
    hub.change(|world| world.muted_through = world.connections);
    let body = CommandBody::SendPrompt(prompt("once"));
    let intent = first.act(LogId::Session(session), body).await.unwrap();
    until(&first, "the intent on the line", |device| {
        let entries = device.outbox();
        (entries.first()?.state == OutboxState::Sent).then_some(())
    })
    .await;
    let id = intent.command;
    drop((first, intent));

    let second = device(&hub, dir.path()).await;
    until(&second, "an empty outbox", |device| {
        let is_asked = !hub.world().commands().is_empty();
        (is_asked && device.outbox().is_empty()).then_some(())
    })
    .await;
    let world = hub.world();
    assert_eq!(prompts_in(&world.sessions[&session]), ["once"]);
    assert!(world.commands().iter().all(|command| command.id == id));
}

#[tokio::test(flavor = "multi_thread")]
async fn intents_of_an_offline_week_arrive_in_their_order() {
    let dir = TempDir::new().unwrap();
    let mut hub = FakeHub::absent().await;
    let session = hub.change(|world| {
        let script = Script::new(world.account);
        world.add(script)
    });
    let device = device(&hub, dir.path()).await;
    let texts: Vec<String> = (0..60).map(|n| format!("prompt {n}")).collect();
    for text in &texts {
        let body = CommandBody::SendPrompt(prompt(text));
        device.act(LogId::Session(session), body).await.unwrap();
    }
    hub.listen(None).await;
    until(&device, "an empty outbox", |device| {
        device.outbox().is_empty().then_some(())
    })
    .await;
    assert_eq!(prompts_in(&hub.world().sessions[&session]), texts);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_never_sent_is_taken_back() {
    let dir = TempDir::new().unwrap();
    let mut hub = FakeHub::absent().await;
    let session = SessionId::mint();
    let device = device(&hub, dir.path()).await;
    let started = device
        .start_session(session, create(), Some(prompt("never mind")))
        .await
        .unwrap();
    let asked = started.prompt.unwrap();
    device.cancel(asked.command).await.unwrap();
    // A session without any other intent is not created either.
    assert_eq!(device.outbox(), []);
    assert_eq!(asked.outcome().await, IntentOutcome::Cancelled);
    assert_eq!(started.create.outcome().await, IntentOutcome::Cancelled);

    let pause = CommandBody::PauseQueue(PauseQueueCommand {});
    let session = hub.change(|world| {
        let script = Script::new(world.account);
        world.add(script)
    });
    let intent = device.act(LogId::Session(session), pause).await.unwrap();
    hub.change(|world| world.fault = Fault::CutBeforeReceipt);
    hub.listen(None).await;
    hub.until("the command", |world| !world.commands().is_empty())
        .await;
    let cancelled = device.cancel(intent.command).await;
    assert!(matches!(
        cancelled,
        Err(CancelError::MaybeSent | CancelError::NotWaiting)
    ));
    assert!(matches!(intent.outcome().await, IntentOutcome::Answered(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_creation_refuses_its_prompt_with_a_clear_message() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let no = ErrorCode::Forbidden.with("sessions are closed today", "come back tomorrow");
    hub.change(|world| world.refuse_creation = Some(no));
    let device = device(&hub, dir.path()).await;
    let started = device
        .start_session(SessionId::mint(), create(), Some(prompt("hello")))
        .await
        .unwrap();
    let IntentOutcome::Refused(error) = started.prompt.unwrap().outcome().await else {
        panic!("must be refused");
    };
    assert_eq!(
        error.message,
        "the session could not be created: sessions are closed today"
    );
    // What a person wrote stays visible until they dismiss it or retry.
    assert_eq!(device.outbox().len(), 2);
    hub.change(|world| world.refuse_creation = None);
    let refused = device.outbox()[1].command.id;
    device.retry(refused).await.unwrap();
    until(&device, "an empty outbox", |device| {
        device.outbox().is_empty().then_some(())
    })
    .await;
    let world = hub.world();
    let session = world.sessions.values().next().unwrap();
    assert_eq!(prompts_in(session), ["hello"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn read_marks_coalesce_to_the_largest() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::absent().await;
    let session = SessionId::mint();
    let device = device(&hub, dir.path()).await;
    let account = LogId::Account(device.linked().account);
    for seq in [3, 9, 5, 12, 12] {
        let seq = Seq(seq);
        let body = CommandBody::MarkRead(MarkReadCommand { session, seq });
        device.act(account, body).await.unwrap();
    }
    let marks: Vec<CommandBody> = device
        .outbox()
        .into_iter()
        .map(|entry| entry.command.body)
        .collect();
    let seq = Seq(12);
    assert_eq!(
        marks,
        [CommandBody::MarkRead(MarkReadCommand { session, seq })]
    );
}
