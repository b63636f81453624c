//! What is begun to be written: kept here at once, on every device soon, and sent as a prompt or a draft but never both.

use baton_client::{Device, OutboxState, Screen};
use baton_protocol::view::{ConnectionPhase, DraftView, ViewRequest, ViewResponse};
use baton_protocol::{
    AgentId, ClientFrame, CommandBody, Delivery, DeviceId, DraftSavedEvent, EventBody, LogId,
    Principal, SendPromptCommand, Seq, SessionId, limits,
};
use tempfile::TempDir;

use crate::fake_hub::FakeHub;
use crate::fake_world::{Fault, World};
use crate::screen::Shown;
use crate::script::Script;
use crate::stage::{device, until};

/// The texts in the outbox, in order.
fn unsent(device: &Device) -> Vec<String> {
    let drafts = device.outbox().into_iter();
    drafts
        .filter_map(|entry| match entry.command.body {
            CommandBody::SaveDraft(draft) => Some(draft.text),
            _ => None,
        })
        .collect()
}

/// The texts in the account's log, in order.
fn recorded(world: &World) -> Vec<String> {
    let events = world.account_events.iter();
    events
        .filter_map(|event| match &event.body {
            EventBody::DraftSaved(draft) => Some(draft.text.clone()),
            _ => None,
        })
        .collect()
}

/// Another device saves.
fn saved_elsewhere(world: &mut World, session: SessionId, text: &str) -> Seq {
    let by = Principal::Device {
        account: world.account,
        device: DeviceId::mint(),
    };
    let text = text.to_owned();
    world.record_account_by(by, EventBody::DraftSaved(DraftSavedEvent { session, text }));
    Seq(world.account_events.len() as u64)
}

async fn save(screen: &Screen, session: SessionId, text: &str, seen: Option<Seq>) {
    let request = ViewRequest::SaveDraft {
        session,
        text: text.to_owned(),
        seen,
    };
    let response = screen.request(request).await;
    assert!(
        matches!(response, ViewResponse::Queued { .. }),
        "{response:?}"
    );
}

fn draft_of(shown: &Shown, session: SessionId) -> Option<&DraftView> {
    shown.drafts.iter().find(|draft| draft.session == session)
}

fn a_session(world: &mut World) -> SessionId {
    let mut script = Script::new(world.account);
    script.exchange("one", &["a"]);
    world.add(script)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_without_a_hub_survives_a_kill_as_its_newest_text() {
    let dir = TempDir::new().unwrap();
    let mut hub = FakeHub::absent().await;
    let session = SessionId::mint();
    {
        let first = device(&hub, dir.path()).await;
        let screen = first.screen();
        for text in ["w", "wh", "why"] {
            save(&screen, session, text, None).await;
        }
        assert_eq!(unsent(&first), ["why"], "only the newest text waits");
        assert_eq!(first.connection().outbox, 0, "nobody waits for it");
    }
    let second = device(&hub, dir.path()).await;
    let screen = second.screen();
    let mut shown = Shown::default();
    let kept = |shown: &Shown| draft_of(shown, session)?.unsent.clone();
    assert_eq!(shown.until(&screen, "the draft", kept).await, "why");
    assert!(!draft_of(&shown, session).unwrap().is_begun);
    hub.listen(None).await;
    let is_recorded = |shown: &Shown| {
        let draft = draft_of(shown, session)?;
        (draft.text == "why" && draft.unsent.is_none()).then(|| draft.by.clone())
    };
    let by = shown.until(&screen, "it at the hub", is_recorded).await;
    assert_eq!(by, Some(hub.world().principal()));
    assert_eq!(recorded(&hub.world()), ["why"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_is_sent_is_a_draft_no_more_in_the_same_step() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let session = hub.change(a_session);
    let device = device(&hub, dir.path()).await;
    let screen = device.screen();
    save(&screen, session, "and then?", None).await;
    hub.until("the draft", |world| recorded(world) == ["and then?"])
        .await;
    until(&device, "the draft here", |device| {
        let drafts = device.drafts();
        drafts
            .iter()
            .any(|draft| draft.text == "and then?" && draft.unsent.is_none())
            .then_some(())
    })
    .await;
    // The connection dies over the prompt: neither has its receipt.
    hub.change(|world| world.fault = Fault::CutBeforeReceipt);
    let prompt = CommandBody::SendPrompt(SendPromptCommand {
        run: None,
        text: "and then?".to_owned(),
        delivery: Delivery::Queue,
    });
    let log = LogId::Session(session);
    let sent = screen
        .request(ViewRequest::Act {
            log,
            body: prompt,
            draft: None,
        })
        .await;
    assert!(matches!(sent, ViewResponse::Queued { .. }), "{sent:?}");
    until(&device, "an empty outbox", |device| {
        device.outbox().is_empty().then_some(())
    })
    .await;
    hub.until("an empty draft", |world| {
        recorded(world) == ["and then?", ""]
    })
    .await;
    until(&device, "no draft", |device| {
        device.drafts().is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_begun_takes_its_first_prompts_draft_with_it() {
    let dir = TempDir::new().unwrap();
    let mut hub = FakeHub::absent().await;
    let session = SessionId::mint();
    {
        let device = device(&hub, dir.path()).await;
        let screen = device.screen();
        save(&screen, session, "hello", None).await;
        let start = ViewRequest::StartSession {
            session,
            agent: baton_protocol::view::AgentDescriptionRef {
                agent: AgentId("assistant".into()),
                runner: None,
            },
            text: "hello".to_owned(),
            draft: None,
        };
        assert!(matches!(
            screen.request(start).await,
            ViewResponse::Queued { .. }
        ));
        // The draft was never sent, so nothing of it is left but that it is empty.
        assert_eq!(unsent(&device), [""]);
        let states: Vec<_> = device
            .outbox()
            .into_iter()
            .map(|entry| entry.state)
            .collect();
        assert_eq!(states, vec![OutboxState::Waiting; 3]);
    }
    let again = device(&hub, dir.path()).await;
    hub.listen(None).await;
    until(&again, "an empty outbox", |device| {
        device.outbox().is_empty().then_some(())
    })
    .await;
    let world = hub.world();
    assert_eq!(recorded(&world), [] as [&str; 0]);
    assert!(world.sessions.contains_key(&session));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_text_does_not_replace_another_devices_newer_one() {
    let dir = TempDir::new().unwrap();
    let mut hub = FakeHub::absent().await;
    let session = hub.change(a_session);
    let device = device(&hub, dir.path()).await;
    let screen = device.screen();
    // Written on this device while it was away, not knowing of the other's.
    save(&screen, session, "mine", None).await;
    let theirs = hub.change(|world| saved_elsewhere(world, session, "theirs"));
    hub.listen(None).await;
    let mut shown = Shown::default();
    let refused = |shown: &Shown| {
        let draft = draft_of(shown, session)?;
        (draft.unsent.is_none()).then(|| (draft.text.clone(), draft.seq))
    };
    let there = shown.until(&screen, "the other's text", refused).await;
    assert_eq!(there, ("theirs".to_owned(), theirs));
    // Now it was seen.
    save(&screen, session, "theirs\nmine", Some(theirs)).await;
    hub.until("both", |world| {
        recorded(world) == ["theirs", "theirs\nmine"]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_takes_another_devices_draft_with_it_only_where_it_goes_on_from_that() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let session = hub.change(a_session);
    let theirs = hub.change(|world| saved_elsewhere(world, session, "theirs"));
    let device = device(&hub, dir.path()).await;
    until(&device, "the draft", |device| {
        (device.connection().phase == ConnectionPhase::Live && !device.drafts().is_empty())
            .then_some(())
    })
    .await;
    let screen = device.screen();
    let prompt = |text: &str, draft| ViewRequest::Act {
        draft,
        log: LogId::Session(session),
        body: CommandBody::SendPrompt(SendPromptCommand {
            run: None,
            text: text.to_owned(),
            delivery: Delivery::Queue,
        }),
    };
    screen.request(prompt("something else", None)).await;
    assert_eq!(unsent(&device), [] as [&str; 0]);
    screen
        .request(prompt("theirs and mine", Some(theirs)))
        .await;
    hub.until("the draft that was sent is empty", |world| {
        recorded(world) == ["theirs", ""]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_text_is_not_saved_twice_and_too_long_a_text_is_refused_at_once() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let session = hub.change(a_session);
    let device = device(&hub, dir.path()).await;
    let screen = device.screen();
    save(&screen, session, "once", None).await;
    until(&device, "the draft here", |device| {
        let drafts = device.drafts();
        let is_settled = |draft: &DraftView| draft.text == "once" && draft.unsent.is_none();
        drafts.iter().any(is_settled).then_some(())
    })
    .await;
    save(&screen, session, "once", None).await;
    assert_eq!(unsent(&device), [] as [&str; 0]);
    let request = ViewRequest::SaveDraft {
        session,
        text: "x".repeat(limits::PROMPT_BYTES_MAX + 1),
        seen: None,
    };
    let refused = screen.request(request).await;
    assert!(
        matches!(&refused, ViewResponse::Refused { error } if error.message.contains("the draft has")),
        "{refused:?}"
    );
    let saves = |frame: &&ClientFrame| matches!(frame, ClientFrame::Command { command } if matches!(command.body, CommandBody::SaveDraft(_)));
    assert_eq!(hub.world().received.iter().filter(saves).count(), 1);
}
