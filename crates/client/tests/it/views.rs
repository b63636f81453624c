//! What a screen shows, from the hub's log to the patches.

use std::time::Duration;

use baton_protocol::view::{
    ConnectionPhase, PromptState, SessionRowState, StoppingState, ViewRequest, ViewResponse,
};
use baton_protocol::{
    CommandBody, Delivery, EventBody, LogId, PartKind, SendPromptCommand, Seq, SessionDeletedEvent,
    StopRunCommand, StopScope, StopTarget,
};
use tempfile::TempDir;

use crate::fake_hub::FakeHub;
use crate::screen::{LIST, SESSION, Shown, open};
use crate::script::Script;
use crate::stage::{device, until};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_grows_on_the_screen_and_ends_as_the_log_has_it() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let session = hub.change(|world| {
        let mut script = Script::new(world.account);
        script.ask("why?");
        script.start();
        script.open(PartKind::Text);
        script.append("be");
        world.add(script)
    });
    let device = device(&hub, dir.path()).await;
    let screen = device.screen();
    let mut shown = Shown::default();
    open(&screen, session).await;
    let running = shown
        .until(&screen, "a run", |shown| shown.header.as_ref()?.run.clone())
        .await;
    assert_eq!(running.stopping, StoppingState::None);
    for text in ["cau", "se", " of the 月"] {
        let expected = hub.change(|world| {
            let script = world.script(session);
            script.append(text);
            script.transcript(script.head()).rows
        });
        let same = |shown: &Shown| (shown.rows == expected).then_some(());
        shown.until(&screen, "the text so far", same).await;
    }
    let expected = hub.change(|world| {
        let script = world.script(session);
        script.close();
        script.end();
        script.transcript(script.head()).rows
    });
    let same = |shown: &Shown| (shown.rows == expected).then_some(());
    shown.until(&screen, "the end", same).await;
    let idle = |shown: &Shown| shown.header.as_ref()?.run.is_none().then_some(());
    shown.until(&screen, "no run", idle).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_opens_from_the_mirror_without_a_hub() {
    let dir = TempDir::new().unwrap();
    let mut hub = FakeHub::start().await;
    let session = hub.change(|world| {
        let mut script = Script::new(world.account);
        for n in 0..200 {
            script.exchange(&format!("question {n}"), &["a tide table"]);
        }
        world.add(script)
    });
    let online = device(&hub, dir.path()).await;
    // No view opens it: it is fetched in the background, then unsubscribed.
    let head = Seq(hub.world().sessions[&session].head());
    let mut changes = online.changes();
    while online
        .session(session)
        .await
        .unwrap()
        .map(|known| known.seq)
        != Some(head)
    {
        changes.changed().await.unwrap();
    }
    drop(online);
    hub.stop().await;

    let offline = device(&hub, dir.path()).await;
    let screen = offline.screen();
    let mut shown = Shown::default();
    open(&screen, session).await;
    shown
        .until(&screen, "the last rows", |shown| {
            (shown.rows.len() == 100).then_some(())
        })
        .await;
    assert!(shown.header.as_ref().unwrap().has_older);
    let all = hub.world().sessions[&session].transcript(head.0).rows;
    let (view, rows) = (SESSION, 500);
    let older = ViewRequest::LoadOlder { view, rows };
    assert_eq!(screen.request(older.clone()).await, ViewResponse::Done);
    shown
        .until(&screen, "all rows", |shown| {
            (shown.rows == all).then_some(())
        })
        .await;
    let all_shown = |shown: &Shown| (!shown.header.as_ref()?.has_older).then_some(());
    shown.until(&screen, "nothing older", all_shown).await;
    let hits = offline.search("tide table", 50).await.unwrap().hits;
    assert_eq!(hits.len(), 50);
    assert_eq!(hits[0].title, "question 0");
}

/// Its text does not stay in the mirror of a device without an open view of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_deleted_elsewhere_leaves_a_device_on_which_nobody_looks_at_it() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let session = hub.change(|world| {
        let mut script = Script::new(world.account);
        script.exchange("a secret?", &["a tide table"]);
        world.add(script)
    });
    let device = device(&hub, dir.path()).await;
    let mut changes = device.changes();
    while device.search("tide", 5).await.unwrap().hits.is_empty() {
        changes.changed().await.unwrap();
    }
    hub.change(|world| {
        world.record_account(EventBody::SessionDeleted(SessionDeletedEvent { session }));
    });
    let gone = async {
        while device.session(session).await.unwrap().is_some() {
            changes.changed().await.unwrap();
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(20), gone);
    gone.await.expect("the mirror lets go of it");
    assert_eq!(device.search("tide", 5).await.unwrap().hits, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_and_stops_of_this_device_show_how_far_they_are() {
    let dir = TempDir::new().unwrap();
    let mut hub = FakeHub::start().await;
    let (session, run) = hub.change(|world| {
        let mut script = Script::new(world.account);
        script.ask("go");
        let run = script.start();
        (world.add(script), run)
    });
    let log = LogId::Session(session);
    let device = device(&hub, dir.path()).await;
    let screen = device.screen();
    let mut shown = Shown::default();
    open(&screen, session).await;
    shown
        .until(&screen, "a run", |shown| shown.header.as_ref()?.run.clone())
        .await;
    hub.stop().await;
    until(&device, "no hub", |device| {
        (device.connection().phase == ConnectionPhase::Reconnecting).then_some(())
    })
    .await;

    let text = "and then?".to_owned();
    let delivery = Delivery::Queue;
    let ask = CommandBody::SendPrompt(SendPromptCommand {
        run: None,
        text,
        delivery,
    });
    let target = StopTarget::Run { run };
    let scope = StopScope::Run;
    let stop = CommandBody::StopRun(StopRunCommand { target, scope });
    for body in [ask, stop] {
        let queued = screen
            .request(ViewRequest::Act {
                log,
                body,
                draft: None,
            })
            .await;
        assert!(matches!(queued, ViewResponse::Queued { .. }));
    }
    let waits = |shown: &Shown| {
        let item = shown.queue.as_ref()?.items.first()?;
        let stopping = shown.header.as_ref()?.run.as_ref()?.stopping;
        (item.state == PromptState::WaitingForHub && stopping == StoppingState::WaitingForHub)
            .then_some(())
    };
    shown.until(&screen, "both wait for the hub", waits).await;

    hub.listen(None).await;
    let done = |shown: &Shown| {
        let queue = shown.queue.as_ref()?;
        let accepted = queue
            .items
            .iter()
            .all(|item| item.state == PromptState::Accepted);
        let stopped = shown.header.as_ref()?.run.is_none() && queue.paused.is_some();
        (accepted && stopped && queue.items.len() == 1).then_some(())
    };
    shown
        .until(&screen, "stopped, and queued behind it", done)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_sorted_by_who_needs_attention_and_reading_settles_it() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let (running, finished) = hub.change(|world| {
        let mut running = Script::new(world.account);
        running.ask("running");
        running.start();
        let mut finished = Script::new(world.account);
        finished.exchange("finished", &["x"]);
        (world.add(running), world.add(finished))
    });
    let device = device(&hub, dir.path()).await;
    let screen = device.screen();
    let mut shown = Shown::default();
    screen
        .request(ViewRequest::OpenSessions { view: LIST })
        .await;
    shown
        .until(&screen, "both sessions", |shown| {
            (shown.sessions.len() == 2).then_some(())
        })
        .await;
    let order: Vec<_> = shown.sessions.iter().map(|row| row.session).collect();
    assert_eq!(order, [finished, running]);
    assert_eq!(shown.sessions[0].state, SessionRowState::Unread);
    assert_eq!(shown.sessions[0].title, "finished");

    let seq = Seq(hub.world().sessions[&finished].head());
    let mark = ViewRequest::MarkRead {
        session: finished,
        seq,
    };
    screen.request(mark).await;
    let read = |shown: &Shown| {
        let row = shown.sessions.iter().find(|row| row.session == finished)?;
        (row.state == SessionRowState::Idle).then_some(())
    };
    shown.until(&screen, "read", read).await;
    assert_eq!(shown.sessions[0].session, running);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_view_is_followed_no_more() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let session = hub.change(|world| {
        let mut script = Script::new(world.account);
        script.exchange("one", &["a"]);
        world.add(script)
    });
    let device = device(&hub, dir.path()).await;
    let screen = device.screen();
    let mut shown = Shown::default();
    open(&screen, session).await;
    shown
        .until(&screen, "rows", |shown| {
            (shown.rows.len() == 3).then_some(())
        })
        .await;
    assert_eq!(
        screen.request(ViewRequest::Close { view: SESSION }).await,
        ViewResponse::Done
    );
    let log = LogId::Session(session);
    let unsubscribe = baton_protocol::ClientFrame::Unsubscribe { log };
    hub.until("the end of the subscription", |world| {
        world.received.contains(&unsubscribe)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_session_that_is_not_mirrored_opens_with_its_last_rows() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let session = hub.change(|world| {
        let mut script = Script::new(world.account);
        for n in 0..300 {
            script.exchange(&format!("question {n}"), &["a"]);
        }
        let session = script.session;
        // The list does not have it, so nothing fetches it until it is opened.
        world.sessions.insert(session, script);
        session
    });
    let device = device(&hub, dir.path()).await;
    let screen = device.screen();
    let mut shown = Shown::default();
    open(&screen, session).await;
    let all = hub.change(|world| {
        let script = world.script(session);
        script.transcript(script.head()).rows
    });
    let last = &all[all.len() - 100..];
    let same = |shown: &Shown| (shown.rows == last).then_some(());
    shown.until(&screen, "the last rows", same).await;
    let older = |shown: &Shown| shown.header.as_ref()?.has_older.then_some(());
    shown
        .until(&screen, "that there are older ones", older)
        .await;
}
