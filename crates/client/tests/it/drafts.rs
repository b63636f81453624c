//! Drafts: durable on this device at once, soon on every device, and then either sent as a prompt or still a draft, never both.

use std::path::Path;

use baton_client::{Device, OutboxEntry, OutboxState, Screen};
use baton_protocol::view::{ConnectionPhase, DraftView, SentDraft, ViewRequest, ViewResponse};
use baton_protocol::{
    AgentId, ClientFrame, CommandBody, Delivery, DeviceId, DraftSavedEvent, EventBody, LogId,
    Principal, SendPromptCommand, Seq, SessionDeletedEvent, SessionId, limits,
};
use tempfile::TempDir;

use crate::fake_hub::FakeHub;
use crate::fake_world::{Fault, World};
use crate::screen::{Shown, open};
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

/// Another device saves a draft.
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
    assert_eq!(shown.until(&screen, "the draft", kept).await.text, "why");
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
    // The connection dies during the prompt, so neither intent has its receipt.
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
    let (draft, session) = (SessionId::mint(), SessionId::mint());
    {
        let device = device(&hub, dir.path()).await;
        let screen = device.screen();
        save(&screen, draft, "hello", None).await;
        let start = ViewRequest::StartSession {
            session,
            agent: baton_protocol::view::AgentDescriptionRef {
                agent: AgentId("assistant".into()),
                runner: None,
            },
            text: "hello".to_owned(),
            draft: Some(SentDraft {
                session: draft,
                seen: None,
            }),
        };
        assert!(matches!(
            screen.request(start).await,
            ViewResponse::Queued { .. }
        ));
        // The draft was never sent, so all that remains is that it is empty.
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
async fn an_older_text_neither_replaces_another_devices_newer_one_nor_is_lost() {
    let dir = TempDir::new().unwrap();
    let mut hub = FakeHub::absent().await;
    let session = hub.change(a_session);
    {
        // Written on this device while it was offline and did not know of the other device's draft.
        let device = device(&hub, dir.path()).await;
        save(&device.screen(), session, "mine", None).await;
    }
    let theirs = hub.change(|world| saved_elsewhere(world, session, "theirs"));
    hub.listen(None).await;
    {
        // The hub refuses it while no window is open to show that.
        let device = device(&hub, dir.path()).await;
        until(&device, "the refusal", |device| {
            let refused = |entry: &OutboxEntry| matches!(entry.state, OutboxState::Refused(_));
            device.outbox().iter().any(refused).then_some(())
        })
        .await;
    }
    let device = device(&hub, dir.path()).await;
    let screen = device.screen();
    let mut shown = Shown::default();
    let both = |shown: &Shown| draft_of(shown, session)?.unsent.clone();
    let unsent = shown.until(&screen, "both texts", both).await;
    assert_eq!((unsent.text.as_str(), unsent.based_on), ("mine", Seq::ZERO));
    let draft = draft_of(&shown, session).unwrap();
    assert_eq!((draft.text.as_str(), draft.seq), ("theirs", theirs));
    assert_eq!(device.connection().outbox, 0, "nobody waits for it");
    // By now the person has seen both.
    save(&screen, session, "theirs\nmine", Some(theirs)).await;
    until(&device, "an empty outbox", |device| {
        device.outbox().is_empty().then_some(())
    })
    .await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_the_hub_has_and_the_mirror_has_not_shows_all_the_time() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let session = hub.change(a_session);
    let device = device(&hub, dir.path()).await;
    let screen = device.screen();
    let mut shown = Shown::default();
    save(&screen, session, "why", None).await;
    let texts = std::cell::RefCell::new(Vec::new());
    let settled = |shown: &Shown| {
        let draft = draft_of(shown, session);
        let text = draft.map(|draft| {
            let unsent = draft.unsent.as_ref();
            unsent.map_or(draft.text.clone(), |unsent| unsent.text.clone())
        });
        texts.borrow_mut().push(text);
        draft?.unsent.is_none().then_some(())
    };
    shown.until(&screen, "it at the hub", settled).await;
    let mut texts = texts.into_inner();
    texts.dedup();
    let first_sight = usize::from(texts[0].is_none());
    assert_eq!(
        texts[first_sight..],
        [Some("why".to_owned())],
        "it was never gone"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_in_a_session_that_is_gone_stands_until_the_next_start() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let session = hub.change(a_session);
    hub.change(|world| {
        world.record_account(EventBody::SessionDeleted(SessionDeletedEvent { session }));
    });
    {
        let device = device(&hub, dir.path()).await;
        save(&device.screen(), session, "too late", None).await;
        let refused = |entry: &OutboxEntry| matches!(entry.state, OutboxState::Refused(_));
        until(&device, "the refusal", |device| {
            device.outbox().iter().any(refused).then_some(())
        })
        .await;
        let drafts = device.drafts();
        let unsent = drafts[0].unsent.as_ref().map(|unsent| unsent.text.as_str());
        assert_eq!((unsent, drafts[0].is_begun), (Some("too late"), true));
    }
    let device = device(&hub, dir.path()).await;
    assert_eq!((device.drafts(), device.outbox().len()), (Vec::new(), 0));
}

/// A device, and a session in which another device has begun a draft, "half a thought".
async fn a_session_with_a_draft(hub: &FakeHub, dir: &Path) -> (Device, SessionId) {
    let session = hub.change(a_session);
    hub.change(|world| saved_elsewhere(world, session, "half a thought"));
    (device(hub, dir).await, session)
}

/// A screen that shows the open session with its draft.
async fn showing_the_draft(screen: &Screen, session: SessionId) -> Shown {
    let mut shown = Shown::default();
    open(screen, session).await;
    let written = |shown: &Shown| {
        let draft = draft_of(shown, session)?;
        (draft.text == "half a thought").then_some(())
    };
    shown.until(screen, "the draft", written).await;
    shown
}

/// A draft that was sent or given up before its session was deleted does not come back with the deletion.
#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_was_emptied_before_its_session_was_deleted_stays_empty() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let (device, session) = a_session_with_a_draft(&hub, dir.path()).await;
    let screen = device.screen();
    let mut shown = showing_the_draft(&screen, session).await;
    hub.change(|world| {
        saved_elsewhere(world, session, "");
        world.record_account(EventBody::SessionDeleted(SessionDeletedEvent { session }));
    });
    let gone = |shown: &Shown| shown.header.as_ref()?.is_deleted.then_some(());
    shown.until(&screen, "that it is gone", gone).await;
    assert_eq!(device.drafts(), []);
}

/// A person who has the session open sees that it was deleted elsewhere, its title, and the draft in it.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_session_that_is_deleted_says_so_and_keeps_what_was_begun_there() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let (device, session) = a_session_with_a_draft(&hub, dir.path()).await;
    let screen = device.screen();
    let mut shown = showing_the_draft(&screen, session).await;
    let text = |shown: &Shown| Some(draft_of(shown, session)?.text.clone());
    let there = |shown: &Shown| (shown.rows.len() > 1).then_some(());
    shown.until(&screen, "its rows", there).await;
    let header = shown.header.clone().unwrap();
    assert!(!header.is_deleted);

    hub.change(|world| {
        world.record_account(EventBody::SessionDeleted(SessionDeletedEvent { session }));
    });
    let gone = |shown: &Shown| {
        let header = shown.header.as_ref()?;
        (header.is_deleted && shown.rows.is_empty()).then(|| header.title.clone())
    };
    let title = shown.until(&screen, "that it is gone", gone).await;
    assert_eq!(title, header.title);
    assert_eq!(text(&shown).as_deref(), Some("half a thought"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_text_does_not_come_back_behind_the_prompt_that_it_became() {
    let dir = TempDir::new().unwrap();
    let mut hub = FakeHub::start().await;
    let session = hub.change(a_session);
    let device = device(&hub, dir.path()).await;
    until(&device, "live", |device| {
        (device.connection().phase == ConnectionPhase::Live).then_some(())
    })
    .await;
    // In flight when the connection dies: the hub may have it.
    hub.change(|world| world.muted_through = world.connections);
    let screen = device.screen();
    save(&screen, session, "mine", None).await;
    until(&device, "it on the line", |device| {
        let sent = |entry: &OutboxEntry| entry.state == OutboxState::Sent;
        device.outbox().iter().any(sent).then_some(())
    })
    .await;
    hub.stop().await;
    hub.change(|world| saved_elsewhere(world, session, "theirs"));
    let prompt = CommandBody::SendPrompt(SendPromptCommand {
        run: None,
        text: "mine".to_owned(),
        delivery: Delivery::Queue,
    });
    screen
        .request(ViewRequest::Act {
            log: LogId::Session(session),
            body: prompt,
            draft: None,
        })
        .await;
    hub.listen(None).await;
    until(&device, "an empty outbox", |device| {
        device.outbox().is_empty().then_some(())
    })
    .await;
    let theirs = |device: &Device| {
        let drafts = device.drafts();
        let draft = drafts.first().filter(|draft| draft.text == "theirs")?;
        draft.unsent.is_none().then_some(())
    };
    until(&device, "the other's draft alone", theirs).await;
}
