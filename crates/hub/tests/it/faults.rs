//! A log that refuses.

use std::sync::Arc;
use std::time::Duration;

use baton_hub::HubOptions;
use baton_protocol::*;

use crate::client::{Assigned, Client, create};
use crate::moody::{Mood, MoodyLog, moody_world};
use crate::scene::Answering;
use crate::world::{PATIENCE, Runner, World, new_session};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_refuses_gives_no_receipt_and_recovers() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let mut laptop = world.device("Laptop").await;
    let session = new_session();
    laptop.create(session).await;
    for mood in [Mood::DiskFull, Mood::Failed] {
        log.set(mood);
        let title = SendPromptCommand {
            run: None,
            text: "hello?".into(),
            delivery: Delivery::Queue,
        };
        let command = Command {
            only_if: None,
            id: CommandId::mint(),
            log: session,
            body: CommandBody::SendPrompt(title),
        };
        for _ in 0..2 {
            assert_eq!(
                laptop.refused(&command).await,
                ErrorCode::StorageUnavailable
            );
        }
        // Reads go on.
        let mut desk = world.device_while_refusing(&log).await;
        desk.follow(session).await;
        desk.until(session, |followed| followed.level).await;
        log.set(Mood::Good);
        let receipt = laptop.repeat(&command).await;
        assert!(matches!(receipt.outcome, ReceiptOutcome::Accepted { .. }));
        laptop
            .until(session, |followed| {
                followed
                    .cursor
                    .is_some_and(|cursor| cursor.seq >= receipt.seq)
            })
            .await;
    }
}

fn rename(log: LogId, title: &str) -> Command {
    let title = title.to_owned();
    Command {
        only_if: None,
        id: CommandId::mint(),
        log,
        body: CommandBody::RenameSession(RenameSessionCommand { title }),
    }
}

/// Puts a session aside; refused for one that the account does not have.
fn archive(account: LogId, session: SessionId) -> Command {
    let archived = true;
    Command {
        only_if: None,
        id: CommandId::mint(),
        log: account,
        body: CommandBody::ArchiveSession(ArchiveSessionCommand { session, archived }),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_before_the_disk_was_full_is_answered_as_it_was_recorded() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let mut laptop = world.device("Laptop").await;
    let session = new_session();
    laptop.create(session).await;
    let answered = [
        rename(session, "Plans"),
        rename(session, " "),
        archive(world.account_log(), SessionId::mint()),
    ];
    let mut receipts = Vec::new();
    for command in &answered {
        receipts.push(laptop.repeat(command).await);
    }
    let is_refusal = |receipt: &Receipt| matches!(receipt.outcome, ReceiptOutcome::Refused { .. });
    let refusals: Vec<bool> = receipts.iter().map(is_refusal).collect();
    assert_eq!(refusals, [false, true, true]);
    // There is no log that could have kept this one's receipt.
    let homeless = rename(new_session(), "x");
    assert_eq!(laptop.refused(&homeless).await, ErrorCode::SessionNotFound);

    log.set(Mood::DiskFull);
    for (command, receipt) in answered.iter().zip(&receipts) {
        assert_eq!(&laptop.repeat(command).await, receipt);
        let body = rename(session, "another body").body;
        let other = Command {
            body,
            ..command.clone()
        };
        if command.log == session {
            assert_eq!(laptop.refused(&other).await, ErrorCode::CommandConflict);
        }
    }
    assert_eq!(laptop.refused(&homeless).await, ErrorCode::SessionNotFound);
    // A refusal that cannot be recorded is not given: it would not be for ever.
    let new = [
        rename(session, " "),
        archive(world.account_log(), SessionId::mint()),
    ];
    for command in &new {
        let code = laptop.refused(command).await;
        assert_eq!(code, ErrorCode::StorageUnavailable);
    }

    log.set(Mood::Good);
    for command in &new {
        assert!(is_refusal(&laptop.repeat(command).await));
    }
    for (command, receipt) in answered.iter().zip(&receipts) {
        assert_eq!(&laptop.repeat(command).await, receipt);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_disk_refused_was_shown_to_nobody() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let mut scene = Answering::begin(&world).await;
    let session = scene.session;
    let mut desk = world.device("Desk").await;
    desk.follow(session).await;
    desk.until(session, |followed| followed.level).await;

    log.set(Mood::DiskFull);
    let forgotten = scene.script.clone().text("forgotten");
    scene.runner.write(scene.held, vec![forgotten]).await;
    let refused = |frame: &HubFrame| match frame {
        HubFrame::Refused { log, error, .. } if *log == Some(session) => Some(error.code),
        _ => None,
    };
    let code = scene.runner.take(refused).await;
    assert_eq!(code, ErrorCode::StorageUnavailable);
    let code = scene.laptop.refused(&rename(session, "forgotten")).await;
    assert_eq!(code, ErrorCode::StorageUnavailable);

    // Whatever had been shown of that would have come before this.
    log.set(Mood::Good);
    scene.write_text("kept").await;
    let renamed = scene.laptop.repeat(&rename(session, "kept")).await;
    let seen = desk
        .until(session, |followed| {
            followed
                .cursor
                .is_some_and(|cursor| cursor.seq >= renamed.seq)
        })
        .await;
    assert_eq!(
        (seen.text().as_str(), seen.state.title()),
        ("kept", Some("kept"))
    );
    let titles = seen.events.iter();
    let titles = titles.filter(|event| matches!(event.body, EventBody::SessionRenamed(_)));
    assert_eq!(titles.count(), 1);
}

impl World {
    /// Linking is written to the account's log, so the log is good for that moment.
    async fn device_while_refusing(&self, log: &MoodyLog) -> Client {
        let mood = log.mood();
        log.set(Mood::Good);
        let device = self.device("Desk").await;
        log.set(mood);
        device
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_that_could_not_be_recorded_is_recorded_later() {
    let lease = Duration::from_millis(300);
    let (world, log) = moody_world(HubOptions {
        lease,
        ..HubOptions::default()
    })
    .await;
    let Answering {
        mut laptop,
        session,
        runner: _runner,
        ..
    } = Answering::begin(&world).await;
    log.set(Mood::DiskFull);
    let until = tokio::time::Instant::now() + 2 * lease;
    while tokio::time::Instant::now() < until {
        laptop.heard().await;
    }
    assert_eq!(laptop.logs[&session].outcomes(), []);
    log.set(Mood::Good);
    laptop
        .until(session, |followed| {
            followed.outcomes() == [RunOutcome::Lost]
        })
        .await;
}

impl Client {
    /// Sends a command again until the log takes it.
    async fn until_receipt(&mut self, command: &Command) {
        let wait = async {
            loop {
                self.send(&ClientFrame::Command {
                    command: command.clone(),
                })
                .await;
                let is_recorded = self
                    .take(|frame| match frame {
                        HubFrame::Receipt { receipt } if receipt.command == command.id => {
                            Some(true)
                        }
                        HubFrame::Refused { command: of, .. } if *of == Some(command.id) => {
                            Some(false)
                        }
                        _ => None,
                    })
                    .await;
                if is_recorded {
                    break;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .expect("a receipt in time");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_start_of_a_runner_writes_nothing_while_the_loss_of_the_one_before_waits_for_the_disk()
 {
    let (world, log) = moody_world(HubOptions::default()).await;
    let mut scene = Answering::begin(&world).await;
    scene.write_text("half").await;

    // The run cannot be ended now, so it is still on when the new start writes with the lease that it read from the log.
    log.set(Mood::DiskFull);
    let restarted = Runner {
        linked: scene.linked.linked,
        instance: RunnerInstanceId::mint(),
    };
    let mut new = restarted.connect(world.hub()).await;
    new.write(scene.held, vec![scene.script.text("forged")])
        .await;
    assert_eq!(new.fenced(scene.held.run).await, ErrorCode::LeaseFenced);
    log.set(Mood::Good);
    let followed = scene
        .laptop
        .until(scene.session, |followed| !followed.outcomes().is_empty())
        .await;
    assert_eq!(
        (followed.outcomes(), followed.text()),
        (vec![RunOutcome::Lost], "half".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_on_a_full_disk_gives_its_token_and_is_recorded_later() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let mut laptop = world.device("Laptop").await;
    let account = world.account_log();
    laptop.follow(account).await;
    log.set(Mood::DiskFull);
    let linked = world.link(Role::Device, "Desk").await;
    drop(Client::device(world.hub(), &linked.token).await);
    log.set(Mood::Good);
    let is_desk = |event: &Event| matches!(&event.body, EventBody::DeviceLinked(linked) if linked.name == "Desk");
    laptop
        .until(account, |followed| followed.events.iter().any(is_desk))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_recovers_from_a_log_that_failed() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let mut laptop = world.device("Laptop").await;
    let session = new_session();
    laptop.create(session).await;
    let mark = Command {
        only_if: None,
        id: CommandId::mint(),
        log: world.account_log(),
        body: CommandBody::MarkRead(MarkReadCommand {
            session: match session {
                LogId::Session(id) => id,
                LogId::Account(_) => unreachable!(),
            },
            seq: Seq(1),
        }),
    };
    log.set(Mood::Failed);
    assert_eq!(laptop.refused(&mark).await, ErrorCode::StorageUnavailable);
    log.set(Mood::Good);
    laptop.until_receipt(&mark).await;
}

/// Six writes of which the first one is at the disk and the others wait behind it.
async fn writes_behind_a_stalled_disk(
    log: &MoodyLog,
    runner: &mut Client,
    held: Assigned,
    frames: Vec<Vec<RunWriteEntry>>,
) {
    log.set(Mood::Stalled);
    for entries in frames {
        runner.write(held, entries).await;
    }
    // Frames are served in order: all of them are in the session's mailbox.
    runner.heard().await;
    log.set(Mood::Good);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_read_while_sessions_on_the_same_line_wait_for_the_disk_to_be_created() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let mut laptop = world.device("Laptop").await;
    let known = new_session();
    laptop.command(known, create()).await;
    log.set(Mood::Stalled);
    // As many as there are turns to read, and one more.
    let created = [new_session(), new_session(), new_session()];
    for session in created {
        let command = Command {
            only_if: None,
            id: CommandId::mint(),
            log: session,
            body: create(),
        };
        laptop.send(&ClientFrame::Command { command }).await;
        laptop.follow(session).await;
    }
    laptop.follow(known).await;
    laptop.until(known, |followed| followed.level).await;
    log.set(Mood::Good);
    for session in created {
        laptop.until(session, |followed| followed.level).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_wait_for_the_disk_are_recorded_together_and_acknowledged_each() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let Answering {
        mut laptop,
        mut runner,
        session,
        held,
        mut script,
        ..
    } = Answering::begin(&world).await;
    let frames: Vec<_> = (0..6)
        .map(|n| vec![script.text(&format!("{n},"))])
        .collect();
    let last: Vec<ProducerSeq> = frames.iter().map(|frame| frame[0].producer).collect();
    writes_behind_a_stalled_disk(&log, &mut runner, held, frames).await;
    for producer in last {
        assert_eq!(runner.acked(held.run).await, producer);
    }
    let followed = laptop
        .until(session, |followed| followed.text() == "0,1,2,3,4,5,")
        .await;
    assert_eq!(followed.text(), "0,1,2,3,4,5,");
    assert_eq!(
        log.text_appends(),
        2,
        "the first write, and all that waited"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_does_not_fit_takes_none_of_its_neighbours_with_it() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let Answering {
        mut laptop,
        mut runner,
        session,
        held,
        mut script,
        ..
    } = Answering::begin(&world).await;
    let mut frames: Vec<_> = (0..4)
        .map(|n| vec![script.text(&format!("{n},"))])
        .collect();
    let RunWrite::AppendText { offset, .. } = &mut frames[2][0].write else {
        panic!("a text");
    };
    *offset += 100;
    let last: Vec<ProducerSeq> = frames.iter().map(|frame| frame[0].producer).collect();
    writes_behind_a_stalled_disk(&log, &mut runner, held, frames).await;
    assert_eq!(runner.acked(held.run).await, last[0]);
    assert_eq!(runner.acked(held.run).await, last[1]);
    assert_eq!(runner.fenced(held.run).await, ErrorCode::InvalidRunWrite);
    assert_eq!(runner.fenced(held.run).await, ErrorCode::ProducerGap);
    laptop
        .until(session, |followed| followed.text() == "0,1,")
        .await;
}

/// What the hub's own log says, as lines.
#[derive(Clone, Default)]
struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn errors(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let errors = text.lines().filter(|line| line.contains("ERROR"));
        errors.map(str::to_owned).collect()
    }
}

// On one thread, so that all of the hub writes where the test listens.
#[tokio::test]
async fn a_storage_that_fails_is_reported_once_and_not_for_each_request() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _listening = tracing::subscriber::set_default(subscriber);
    let (world, log) = moody_world(HubOptions::default()).await;
    let mut laptop = world.device("Laptop").await;
    let sessions = [new_session(), new_session()];
    for session in sessions {
        laptop.create(session).await;
    }
    for (mood, complaint) in [
        (Mood::DiskFull, "the disk is full"),
        (Mood::Failed, "the log has stopped"),
    ] {
        let before = lines.errors().len();
        log.set(mood);
        for n in 0..20 {
            let command = Command {
                only_if: None,
                id: CommandId::mint(),
                log: sessions[n % 2],
                body: CommandBody::RenameSession(RenameSessionCommand {
                    title: format!("title {n}"),
                }),
            };
            assert_eq!(
                laptop.refused(&command).await,
                ErrorCode::StorageUnavailable
            );
        }
        let said = lines.errors().split_off(before);
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(said[0].contains(complaint), "{said:#?}");
    }
}
