//! Commands: one receipt for ever.

use baton_protocol::*;

use crate::client::create;
use crate::world::{new_session, on_each_log};

fn rename(id: CommandId, log: LogId, title: &str) -> Command {
    Command {
        only_if: None,
        id,
        log,
        body: CommandBody::RenameSession(RenameSessionCommand {
            title: title.into(),
        }),
    }
}

/// A small linear congruence: any history will do, and the same one each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

on_each_log! {
    async fn a_repeated_command_has_the_same_receipt_from_any_device_and_after_a_restart(world: World) {
        let mut laptop = world.device("Laptop").await;
        let desk_link = world.link(Role::Device, "Desk").await;
        let log = new_session();
        laptop.create(log).await;
        let command = rename(CommandId::mint(), log, "Plans");
        let first = laptop.repeat(&command).await;
        laptop.command(log, CommandBody::PauseQueue(PauseQueueCommand {})).await;
        assert_eq!(laptop.repeat(&command).await, first);
        assert_eq!(laptop.refused(&rename(command.id, log, "Other plans")).await, ErrorCode::CommandConflict);

        world.restart().await;
        let mut desk = crate::client::Client::device(world.hub(), &desk_link.token).await;
        assert_eq!(desk.repeat(&command).await, first);
        assert_eq!(desk.refused(&rename(command.id, log, "Other plans")).await, ErrorCode::CommandConflict);
        desk.follow(log).await;
        let followed = desk.until(log, |followed| followed.level).await;
        assert_eq!(followed.state.title(), Some("Plans"));
    }

    async fn any_history_of_retries_conflicts_and_restarts_gives_one_receipt_a_command(world: World) {
        let links = [world.link(Role::Device, "Laptop").await, world.link(Role::Device, "Desk").await];
        let log = new_session();
        let mut answered: Vec<(Command, Receipt)> = Vec::new();
        let mut random = Random(11);
        for round in 0..5 {
            let mut devices = Vec::new();
            for link in &links {
                devices.push(crate::client::Client::device(world.hub(), &link.token).await);
            }
            if round == 0 {
                let create = Command { only_if: None, id: CommandId::mint(), log, body: create() };
                let receipt = devices[0].repeat(&create).await;
                answered.push((create, receipt));
            }
            for _ in 0..24 {
                let device = &mut devices[random.below(2)];
                let (old, receipt) = answered[random.below(answered.len())].clone();
                match random.below(3) {
                    0 => assert_eq!(device.repeat(&old).await, receipt, "round {round}"),
                    1 => {
                        let other = rename(old.id, log, "a body of its own");
                        assert_eq!(device.refused(&other).await, ErrorCode::CommandConflict);
                    }
                    _ => {
                        // Every other one is refused: a title must not be empty.
                        let title = ["", "Plans"][random.below(2)];
                        let new = rename(CommandId::mint(), log, title);
                        let receipt = device.repeat(&new).await;
                        answered.push((new, receipt));
                    }
                }
            }
            drop(devices);
            if round % 2 == 0 { world.restart().await } else { world.crash_and_start().await }
        }
        let mut desk = crate::client::Client::device(world.hub(), &links[1].token).await;
        for (command, receipt) in &answered {
            assert_eq!(&desk.repeat(command).await, receipt);
        }
    }

    async fn a_refused_command_stays_refused(world: World) {
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        laptop.create(log).await;
        let command = rename(CommandId::mint(), log, " ");
        let receipt = laptop.repeat(&command).await;
        let ReceiptOutcome::Refused { error } = &receipt.outcome else { panic!("must be refused") };
        assert_eq!(error.code, ErrorCode::TextEmpty);
        assert_eq!(laptop.repeat(&command).await, receipt);
    }

    async fn a_session_that_is_not_there_can_only_be_created(world: World) {
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        assert_eq!(laptop.refused(&rename(CommandId::mint(), log, "x")).await, ErrorCode::SessionNotFound);
        laptop.follow(log).await;
        laptop.take(|frame| matches!(frame, HubFrame::Missing { incarnation: None, .. }).then_some(())).await;
        // Pipelined: the create is not answered yet when the next ones come.
        let create = Command { only_if: None, id: CommandId::mint(), log, body: create() };
        let renamed = rename(CommandId::mint(), log, "x");
        laptop.send(&ClientFrame::Command { command: create.clone() }).await;
        laptop.send(&ClientFrame::Subscribe { log, cursor: None, newest_chars: None, state_format: None }).await;
        laptop.send(&ClientFrame::Command { command: renamed.clone() }).await;
        laptop.until(log, |followed| followed.state.title() == Some("x")).await;
        let again = Command { id: CommandId::mint(), ..create };
        let ReceiptOutcome::Refused { error } = laptop.repeat(&again).await.outcome else { panic!("must be refused") };
        assert_eq!(error.code, ErrorCode::SessionExists);
    }

    async fn a_foreign_or_future_cursor_is_missing(world: World) {
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        laptop.create(log).await;
        let cursor = laptop.until(log, |followed| followed.level).await.cursor.unwrap();
        let wrong = [
            Cursor { incarnation: Incarnation::mint(), ..cursor },
            Cursor { seq: Seq(cursor.seq.0 + 1), ..cursor },
        ];
        for cursor in wrong {
            laptop.send(&ClientFrame::Subscribe { log, cursor: Some(cursor), newest_chars: None, state_format: None }).await;
            let found = laptop.take(|frame| match frame {
                HubFrame::Missing { incarnation, .. } => Some(*incarnation),
                _ => None,
            }).await;
            assert_eq!(found, laptop.logs[&log].cursor.map(|cursor| cursor.incarnation));
        }
    }

    /// A connection follows so many logs at most. One of which it was told that there is none does not count.
    async fn what_is_missing_takes_no_place_among_what_a_client_follows(world: World) {
        let mut laptop = world.device("Laptop").await;
        for _ in 0..limits::SUBSCRIPTIONS_PER_CONNECTION_MAX {
            let log = new_session();
            laptop.follow(log).await;
            let is_missing = |frame: &HubFrame| matches!(frame, HubFrame::Missing { log: of, .. } if *of == log);
            laptop.take(|frame| is_missing(frame).then_some(())).await;
        }
        let log = new_session();
        laptop.create(log).await;
        laptop.follow(log).await;
        laptop.until(log, |followed| followed.level).await;
    }

    async fn too_many_commands_are_slowed_and_nothing_else_is(world: World) {
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        laptop.create(log).await;
        for _ in 0..(limits::COMMANDS_BURST_MAX + 100) {
            laptop.send(&ClientFrame::Command { command: rename(CommandId::mint(), log, "x") }).await;
        }
        laptop.take(|frame| match frame {
            HubFrame::Refused { error, .. } if error.code == ErrorCode::RateLimited => Some(()),
            _ => None,
        }).await;
        laptop.send(&ClientFrame::Heartbeat { runs: None }).await;
        laptop.take(|frame| matches!(frame, HubFrame::HeartbeatAck {}).then_some(())).await;
    }
}
