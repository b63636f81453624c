//! What a client may ask of the hub is paid for before it costs anything, and until it costs nothing any more.

use std::time::{Duration, Instant};

use baton_hub::HubOptions;
use baton_protocol::*;

use crate::client::{Script, create};
use crate::moody::{MoodyLog, moody_world};
use crate::world::{Backend, World, new_session};

/// Batches that may be read for one socket at once.
const PULLED_MAX: usize = 2;

fn history(log: LogId) -> ClientFrame {
    ClientFrame::ReadHistory {
        log,
        incarnation: Incarnation::mint(),
        after: Seq::ZERO,
        upto: Seq(1),
    }
}

/// Waits for so many reads, of which there are never more than a client may have.
async fn reads(log: &MoodyLog, wanted: usize) {
    let mut reads = log.reads_on.subscribe();
    let reads = reads.wait_for(|reads| *reads == wanted || *reads > PULLED_MAX);
    assert_eq!(*reads.await.unwrap(), wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_asks_again_and_again_has_no_more_reads_on_than_one_that_waits() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let mut laptop = world.device("Laptop").await;
    let sessions: Vec<LogId> = (0..20).map(|_| new_session()).collect();
    for session in &sessions {
        laptop.command(*session, create()).await;
    }
    let follows = |log| {
        let subscribe = ClientFrame::Subscribe {
            log,
            cursor: None,
            state_format: None,
            newest_chars: None,
        };
        vec![subscribe, ClientFrame::Unsubscribe { log }]
    };
    let asks: [&dyn Fn(LogId) -> Vec<ClientFrame>; 2] = [&|log| vec![history(log)], &follows];
    for ask in asks {
        reads(&log, 0).await;
        log.holds_reads.send_replace(true);
        for session in &sessions {
            for frame in ask(*session) {
                laptop.send(&frame).await;
            }
            laptop.heard().await;
        }
        // What may be read is: nothing waits for a reader that is gone.
        reads(&log, PULLED_MAX).await;
        log.holds_reads.send_replace(false);
    }
    reads(&log, 0).await;
    let session = sessions[0];
    // Nothing of it is stuck.
    laptop.send(&history(session)).await;
    let is_answer =
        |frame: &HubFrame| matches!(frame, HubFrame::Missing { log, .. } if *log == session);
    laptop.take(|frame| is_answer(frame).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_that_is_asked_for_too_often_is_refused_for_the_moment() {
    let world = World::start(Backend::Memory).await;
    let mut laptop = world.device("Laptop").await;
    let session = new_session();
    laptop.create(session).await;
    for _ in 0..(2 * limits::SUBSCRIPTIONS_PER_CONNECTION_MAX + 100) {
        laptop.send(&history(session)).await;
    }
    let refused = |frame: &HubFrame| match frame {
        HubFrame::Refused { log, error, .. } if *log == Some(session) => Some(error.code),
        _ => None,
    };
    assert_eq!(laptop.take(refused).await, ErrorCode::RateLimited);
    laptop.heard().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_any_frame_is_read_more_slowly_and_the_connection_stays() {
    let world = World::start(Backend::Memory).await;
    let attend = serde_json::to_string(&ClientFrame::Attend {
        session: None,
        typing: false,
        in_use: true,
    });
    let frames = [attend.unwrap(), r#"{"type":"wave"}"#.to_owned()];
    for frame in &frames {
        let mut laptop = world.device("Laptop").await;
        let began = Instant::now();
        for _ in 0..(1_024 + 200) {
            laptop.send_text(frame.clone()).await;
        }
        laptop.heard().await;
        // What goes beyond the burst takes about half a second.
        assert!(began.elapsed() >= Duration::from_millis(200), "{frame}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_of_which_too_much_would_be_copied_is_refused_while_it_is_read() {
    let world = World::start(Backend::Memory).await;
    let (mut runner, _) = world.runner().await;
    let mut laptop = world.device("Laptop").await;
    let log = new_session();
    laptop.create(log).await;
    laptop
        .prompt(log, "tell me everything", Delivery::Queue)
        .await;
    let held = runner.assigned().await;
    let mut script = Script::new();
    let text = "x".repeat(limits::APPEND_TEXT_BYTES_MAX);
    for _ in 0..=(limits::FORK_BYTES_MAX / text.len() / 8) {
        let mut writes = vec![script.open()];
        writes.extend((0..8).map(|_| script.text(&text)));
        writes.push(script.close(PartEnd::Complete));
        runner.write_acked(held, writes).await;
    }
    runner.write_acked(held, vec![script.end()]).await;
    let LogId::Session(from) = log else {
        unreachable!("a session");
    };
    let fork = Command {
        only_if: None,
        id: CommandId::mint(),
        log: new_session(),
        body: CommandBody::ForkSession(ForkSessionCommand {
            from,
            at: ForkPoint::After { run: held.run },
            title: None,
        }),
    };
    assert_eq!(laptop.refused(&fork).await, ErrorCode::TooLarge);
    // The turn was given back.
    for _ in 0..3 {
        let again = Command {
            id: CommandId::mint(),
            log: new_session(),
            ..fork.clone()
        };
        assert_eq!(laptop.refused(&again).await, ErrorCode::TooLarge);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_command_id_of_another_device_is_another_command() {
    let world = World::start(Backend::Memory).await;
    let mut laptop = world.device("Laptop").await;
    let mut desk = world.device("Desk").await;
    let session = new_session();
    let rename = Command {
        only_if: None,
        id: CommandId::mint(),
        log: session,
        body: CommandBody::RenameSession(RenameSessionCommand {
            title: "Plans".to_owned(),
        }),
    };
    assert_eq!(laptop.refused(&rename).await, ErrorCode::SessionNotFound);
    laptop.create(session).await;
    let receipt = desk.repeat(&rename).await;
    assert!(matches!(receipt.outcome, ReceiptOutcome::Accepted { .. }));
    // For the one that was refused it is decided: by then it has its receipt.
    let other = Command {
        id: CommandId::mint(),
        log: new_session(),
        ..rename.clone()
    };
    assert_eq!(laptop.refused(&other).await, ErrorCode::SessionNotFound);
}
