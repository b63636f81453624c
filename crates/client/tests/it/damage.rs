//! A whole device on a mirror with a damaged cell.

use std::path::Path;

use baton_protocol::view::{ViewRequest, ViewResponse};
use baton_protocol::{CommandBody, Delivery, LogId, SendPromptCommand};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::fake_hub::FakeHub;
use crate::screen::{Shown, open};
use crate::script::Script;
use crate::stage::{device, until};

fn damage(dir: &Path, sql: &str) {
    let mirror = Connection::open(dir.join("mirror.db")).unwrap();
    mirror.execute_batch(sql).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_copy_is_damaged_is_fetched_again_when_it_is_opened_without_a_restart() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let [hurt, sound] = [(); 2].map(|()| {
        hub.change(|world| {
            let mut script = Script::new(world.account);
            script.exchange("one", &["a", "b", "c"]);
            world.add(script)
        })
    });
    let device = device(&hub, dir.path()).await;
    let whole = |shown: &Shown| (shown.rows.len() == 3).then_some(());
    for session in [hurt, sound] {
        let (screen, mut shown) = (device.screen(), Shown::default());
        open(&screen, session).await;
        shown.until(&screen, "it is mirrored", whole).await;
    }
    damage(
        dir.path(),
        &format!("UPDATE logs SET incarnation = 'x' WHERE log_id = 'session:{hurt}'"),
    );
    let screen = device.screen();
    for session in [sound, hurt] {
        let mut shown = Shown::default();
        open(&screen, session).await;
        shown.until(&screen, "the whole session", whole).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intent_that_cannot_be_read_is_shown_and_never_sent_until_it_is_discarded() {
    let dir = TempDir::new().unwrap();
    let mut hub = FakeHub::absent().await;
    let session = hub.change(|world| {
        let script = Script::new(world.account);
        world.add(script)
    });
    let first = device(&hub, dir.path()).await;
    let send = |text: &str| {
        CommandBody::SendPrompt(SendPromptCommand {
            run: None,
            text: text.to_owned(),
            delivery: Delivery::Queue,
        })
    };
    for text in ["one", "two", "three"] {
        first
            .act(LogId::Session(session), send(text))
            .await
            .unwrap();
    }
    drop(first);
    let later = "UPDATE outbox SET json = '{\"type\":\"later\",\"body\":{\"text\":\"two\"}}' WHERE ordinal = 2";
    damage(dir.path(), later);

    let device = device(&hub, dir.path()).await;
    let screen = device.screen();
    let mut shown = Shown::default();
    let ordinal = shown
        .until(&screen, "what cannot be sent", |shown| {
            let [intent] = shown.opaque.as_slice() else {
                return None;
            };
            assert_eq!(intent.session, Some(session));
            assert_eq!(intent.text.as_deref(), Some("two"));
            Some(intent.ordinal)
        })
        .await;
    hub.listen(None).await;
    until(&device, "the others are sent", |device| {
        device.outbox().is_empty().then_some(())
    })
    .await;
    let texts: Vec<String> = hub
        .world()
        .commands()
        .into_iter()
        .filter_map(|command| match command.body {
            CommandBody::SendPrompt(prompt) => Some(prompt.text),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["one", "three"]);

    let discard = ViewRequest::DiscardOpaque { ordinal };
    assert_eq!(screen.request(discard.clone()).await, ViewResponse::Done);
    let gone = |shown: &Shown| shown.opaque.is_empty().then_some(());
    shown.until(&screen, "nothing more", gone).await;
    let again = screen.request(discard).await;
    assert!(matches!(again, ViewResponse::Refused { .. }), "{again:?}");
}
