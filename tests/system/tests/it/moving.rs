//! Everything on a device moves from one hub to another, wherever the move is interrupted.

use std::path::Path;
use std::sync::Arc;

use baton_client::{
    Device, DeviceConfig, IntentOutcome, Move, MoveError, TailItem, TailStart, TokenInMemory,
};
use baton_protocol::view::{ConnectionPhase, SessionRow};
use baton_protocol::*;
use baton_testkit::{FakeModel, Reply, eventually};

use crate::rounds::linked;
use crate::stage::{Hub, LIMIT, Runner, answer, kinds, long_text};

async fn open(config: &DeviceConfig) -> Device {
    let config = DeviceConfig {
        data_dir: config.data_dir.clone(),
        hub: config.hub.clone(),
        tokens: Arc::clone(&config.tokens),
    };
    Device::open(config).await.expect("opens")
}

async fn done(device: &Device, log: LogId, body: CommandBody) {
    let intent = device.act(log, body).await.expect("durable");
    let outcome = tokio::time::timeout(LIMIT, intent.outcome()).await;
    match outcome.expect("an answer in time") {
        IntentOutcome::Answered(receipt) => assert!(
            matches!(receipt.outcome, ReceiptOutcome::Accepted { .. }),
            "{receipt:?}"
        ),
        other => panic!("not done: {other:?}"),
    }
}

fn prompt(text: &str) -> CommandBody {
    CommandBody::SendPrompt(SendPromptCommand {
        text: text.into(),
        delivery: Delivery::Queue,
        run: None,
    })
}

async fn new_session(device: &Device, text: &str) -> LogId {
    let log = LogId::Session(SessionId::mint());
    let create = CommandBody::CreateSession(CreateSessionCommand {
        agent: AgentId("assistant".into()),
        runner: None,
        title: None,
    });
    done(device, log, create).await;
    done(device, log, prompt(text)).await;
    log
}

fn session(log: LogId) -> SessionId {
    match log {
        LogId::Session(session) => session,
        LogId::Account(_) => panic!("no session"),
    }
}

fn row(device: &Device, log: LogId) -> Option<SessionRow> {
    let rows = device.sessions().into_iter();
    rows.into_iter().find(|row| row.session == session(log))
}

/// Returns all events of a session that the device has, once `n` runs have ended there.
async fn events(device: &Device, log: LogId, n: usize) -> Vec<Event> {
    let mut tail = device.tail(log, TailStart::After(Seq::ZERO));
    let mut events: Vec<Event> = Vec::new();
    let ended = |events: &[Event]| {
        let ends = events
            .iter()
            .filter(|event| matches!(event.body, EventBody::RunEnded(_)));
        ends.count() >= n
    };
    loop {
        let item = tokio::time::timeout(LIMIT, tail.next()).await;
        match item.expect("events in time").expect("the mirror reads") {
            TailItem::Event(event) => events.push(*event),
            TailItem::AtEnd(end) if end.caught_up && ended(&events) => return events,
            _ => {}
        }
    }
}

/// Fills a hub with two answered sessions, of which one is pinned and has a draft.
async fn begun(hub: &Hub, device: &Device, model: &FakeModel) -> (LogId, LogId) {
    model.reply(Reply::text(long_text(200)));
    model.reply(Reply::text("four"));
    let runner = Runner::start(hub, &model.base_url()).await;
    let long = new_session(device, "tell me").await;
    events(device, long, 1).await;
    let short = new_session(device, "two and two?").await;
    events(device, short, 1).await;
    drop(runner);
    let account = LogId::Account(device.linked().account);
    let pin = PinSessionCommand {
        session: session(short),
        pinned: true,
    };
    done(device, account, CommandBody::PinSession(pin)).await;
    let draft = SaveDraftCommand {
        session: session(short),
        text: "and thr".into(),
        based_on: Seq::ZERO,
    };
    done(device, account, CommandBody::SaveDraft(draft)).await;
    (long, short)
}

async fn config(hub: &Hub, folder: &Path, name: &str) -> DeviceConfig {
    let (hub, token) = linked(hub, name).await;
    DeviceConfig {
        data_dir: folder.join(name),
        hub,
        tokens: Arc::new(TokenInMemory(token)),
    }
}

/// Kills a hub, and returns once its device knows: what the device sends into a dead socket stays in the outbox as perhaps sent.
async fn kill(hub: &mut Hub, device: &Device) {
    hub.kill_9().await;
    eventually(LIMIT, "a connection that is down", || async {
        (device.connection().phase != ConnectionPhase::Live).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_at_the_new_hub_once_wherever_the_move_was_cut() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let model = FakeModel::start().await;
    let mut old_hub = Hub::start().await;
    let new_hub = Hub::start().await;
    let from = config(&old_hub, folder.path(), "old").await;
    let old = open(&from).await;
    let (long, short) = begun(&old_hub, &old, &model).await;
    let said = [events(&old, long, 1).await, events(&old, short, 1).await];
    // The old hub never comes back, and never receives the last prompt.
    kill(&mut old_hub, &old).await;
    old.act(long, prompt("unsent")).await.expect("durable");

    let to = config(&new_hub, folder.path(), "new").await;
    for changes in [1, 3, 6, 10] {
        let new = open(&to).await;
        let mut seen = new.changes();
        let moving = Move::new(old.clone(), new.clone());
        tokio::select! {
            moved = moving.run() => moved.expect("moves"),
            () = async { for _ in 0..changes { let _ = seen.changed().await; } } => {}
        }
    }
    let new = open(&to).await;
    let moving = Move::new(old.clone(), new.clone());
    let moved = tokio::time::timeout(LIMIT, moving.run()).await;
    moved.expect("moves in time").expect("moves");
    let progress = *moving.progress().borrow();
    assert_eq!((progress.sessions_done, progress.sessions), (2, 2));

    assert_eq!(old.outbox(), Vec::new(), "nothing waits for the old hub");
    model.reply_to_the_rest(Reply::text("late"));
    let _runner = Runner::start(&new_hub, &model.base_url()).await;
    let moved = [events(&new, long, 2).await, events(&new, short, 1).await];
    for (moved, said) in moved.iter().zip(&said) {
        let asked = |events: &[Event]| {
            let prompts = events.iter().filter_map(|event| match &event.body {
                EventBody::PromptSent(sent) => Some((sent.text.clone(), event.command)),
                _ => None,
            });
            prompts.collect::<Vec<_>>()
        };
        assert!(answer(moved).starts_with(&answer(said)));
        assert_eq!(asked(moved)[0], asked(said)[0]);
        assert_eq!(
            moved[0].recorded_at,
            said[0].recorded_at,
            "{:?}",
            kinds(moved)
        );
    }
    let unsent = |event: &&Event| matches!(&event.body, EventBody::PromptSent(sent) if sent.text == "unsent");
    assert_eq!(moved[0].iter().filter(unsent).count(), 1, "asked once");
    assert!(answer(&moved[0]).ends_with("late"), "and answered");
    let draft = eventually(LIMIT, "the draft", || async {
        let screen_has = new
            .drafts()
            .into_iter()
            .find(|draft| draft.session == session(short));
        screen_has.map(|draft| draft.text)
    })
    .await;
    assert_eq!(draft, "and thr");
    assert!(row(&new, short).is_some());
    let account = LogId::Account(new.linked().account);
    let mut lists = new.tail(account, TailStart::After(Seq::ZERO));
    let pinned = async {
        loop {
            if let TailItem::Event(event) = lists.next().await.expect("the mirror reads")
                && let EventBody::SessionPinned(pinned) = event.body
            {
                return pinned.session;
            }
        }
    };
    let pinned = tokio::time::timeout(LIMIT, pinned).await.expect("a pin");
    assert_eq!(pinned, session(short));
    assert_eq!(model.request_count(), 3, "no answer was asked for again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_id_is_taken_moves_under_another_one_and_its_prompt_with_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let model = FakeModel::start().await;
    let mut old_hub = Hub::start().await;
    let new_hub = Hub::start().await;
    let from = config(&old_hub, folder.path(), "old").await;
    let old = open(&from).await;
    let (long, _) = begun(&old_hub, &old, &model).await;
    kill(&mut old_hub, &old).await;
    old.act(long, prompt("unsent")).await.expect("durable");

    let to = config(&new_hub, folder.path(), "new").await;
    let new = open(&to).await;
    let create = CommandBody::CreateSession(CreateSessionCommand {
        agent: AgentId("assistant".into()),
        runner: None,
        title: Some("taken".into()),
    });
    done(&new, long, create).await;
    for _ in 0..2 {
        let moved = tokio::time::timeout(LIMIT, Move::new(old.clone(), new.clone()).run()).await;
        moved.expect("moves in time").expect("moves");
    }
    let rows = new.sessions();
    assert_eq!(rows.len(), 3, "{rows:?}");
    let waiting = rows.iter().filter(|row| row.queued == 1).count();
    assert_eq!(waiting, 1, "the prompt waits in the copy: {rows:?}");
    let taken = row(&new, long).expect("it is there");
    assert_eq!((taken.title.as_str(), taken.queued), ("taken", 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_moves_while_an_answer_is_being_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let model = FakeModel::start().await;
    model.reply(Reply::text(long_text(200)).hold_after(20));
    let (old_hub, new_hub) = (Hub::start().await, Hub::start().await);
    let _runner = Runner::start(&old_hub, &model.base_url()).await;
    let from = config(&old_hub, folder.path(), "old").await;
    let old = open(&from).await;
    let log = new_session(&old, "tell me").await;
    eventually(LIMIT, "the answer", || async {
        let row = row(&old, log)?;
        matches!(row.state, view::SessionRowState::Running { .. }).then_some(())
    })
    .await;
    let to = config(&new_hub, folder.path(), "new").await;
    let new = open(&to).await;
    let moved = Move::new(old.clone(), new.clone()).run().await;
    assert!(matches!(moved, Err(MoveError::AtWork(at)) if at == session(log)));
    assert_eq!(new.sessions(), Vec::new());
    model.release(0);
}
