//! Access that is taken away.

use baton_hub::HubOptions;
use baton_hub::credentials::CredentialStore;
use baton_protocol::*;

use crate::client::{Client, Followed, open};
use crate::http::{code, request};
use crate::moody::{Mood, moody_world};
use crate::world::{new_session, on_each_log};

fn revoked(followed: &Followed) -> bool {
    followed
        .events
        .iter()
        .any(|event| matches!(event.body, EventBody::DeviceRevoked(_)))
}

on_each_log! {
    async fn a_revoked_devices_sockets_close_and_its_token_is_refused(world: World) {
        let desk = world.link(Role::Device, "Desk").await;
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        laptop.create(log).await;
        let mut sockets = [Client::device(world.hub(), &desk.token).await, Client::device(world.hub(), &desk.token).await];
        for socket in &mut sockets {
            socket.follow(log).await;
            socket.until(log, |followed| followed.level).await;
        }
        world.hub().revoke("Desk").await.unwrap();
        let receipt = laptop.command(log, CommandBody::PauseQueue(PauseQueueCommand {})).await;
        for socket in &mut sockets {
            let (close, reason) = socket.closed().await;
            assert_eq!(close, 4403);
            assert!(reason.starts_with("revoked"), "{reason}");
            assert!(socket.logs[&log].cursor.unwrap().seq < receipt.seq, "nothing is delivered after the revoke");
        }
        let (status, body) = open(world.hub(), Some(&desk.token)).await.err().unwrap();
        assert_eq!((status, code(&body).as_str()), (401, "revoked"));
        let authorization = format!("Authorization: Bearer {}", desk.token);
        let (status, body) = request(world.hub(), &["GET /metrics HTTP/1.1", &authorization], "").await;
        assert_eq!((status, code(&body).as_str()), (401, "revoked"));

        let account = world.account_log();
        laptop.follow(account).await;
        laptop.until(account, revoked).await;
    }

    async fn a_revoked_runners_run_is_lost_at_once(world: World) {
        let (mut runner, _) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        let log = new_session();
        laptop.create(log).await;
        laptop.prompt(log, "hello?", Delivery::Queue).await;
        runner.assigned().await;
        world.hub().revoke("Runner").await.unwrap();
        assert_eq!(runner.closed().await.0, 4403);
        laptop.until(log, |followed| followed.outcomes() == [RunOutcome::Lost]).await;
    }

    async fn a_revoke_without_a_hub_is_recorded_at_the_next_start(world: World) {
        let desk = world.link(Role::Device, "Desk").await;
        let laptop = world.link(Role::Device, "Laptop").await;
        world.hub.take().unwrap().stop().await;
        CredentialStore::open(world.dir.path(), TimestampMs(0)).unwrap().revoke("Desk", TimestampMs(1)).unwrap();
        world.crash_and_start().await;
        let (status, _) = open(world.hub(), Some(&desk.token)).await.err().unwrap();
        assert_eq!(status, 401);
        let mut laptop = Client::device(world.hub(), &laptop.token).await;
        let account = world.account_log();
        laptop.follow(account).await;
        laptop.until(account, revoked).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_an_actor_at_a_revoke_is_not_recorded() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let mut laptop = world.device("Laptop").await;
    let mut desk = world.device("Desk").await;
    let session = new_session();
    laptop.create(session).await;
    log.set(Mood::Stalled);
    laptop.send_prompt(session, "first").await;
    laptop.heard().await;
    desk.send_prompt(session, "too late").await;
    desk.heard().await;
    world.hub().revoke("Desk").await.unwrap();
    log.set(Mood::Good);
    let receipt = laptop.prompt(session, "last", Delivery::Queue).await;
    let followed = laptop
        .until(session, |followed| {
            followed
                .cursor
                .is_some_and(|cursor| cursor.seq >= receipt.seq)
        })
        .await;
    let prompts: Vec<&str> = followed
        .events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::PromptSent(sent) => Some(sent.text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(prompts, ["first", "last"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_the_account_at_a_revoke_is_not_recorded() {
    let (world, log) = moody_world(HubOptions::default()).await;
    let mut laptop = world.device("Laptop").await;
    let mut desk = world.device("Desk").await;
    let account = world.account_log();
    laptop.follow(account).await;
    let name_folder = |name: &str| {
        let folder = FolderId::mint();
        let name = name.to_owned();
        CommandBody::NameFolder(NameFolderCommand { folder, name })
    };
    log.set(Mood::AllStalled);
    for (device, name) in [(&mut laptop, "first"), (&mut desk, "too late")] {
        let command = Command {
            only_if: None,
            id: CommandId::mint(),
            log: account,
            body: name_folder(name),
        };
        device.send(&ClientFrame::Command { command }).await;
        device.heard().await;
    }
    // The account's log has the revoke too, so it goes on as soon as the connection has heard of it.
    let closing = async {
        let (close, _) = desk.closed().await;
        assert_eq!(close, 4403);
        log.set(Mood::Good);
    };
    let (revoked, ()) = tokio::join!(world.hub().revoke("Desk"), closing);
    revoked.unwrap();
    let receipt = laptop.command(account, name_folder("last")).await;
    let has_it = |followed: &Followed| {
        let cursor = followed.cursor;
        cursor.is_some_and(|cursor| cursor.seq >= receipt.seq)
    };
    let followed = laptop.until(account, has_it).await;
    let names = followed
        .events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::FolderNamed(named) => Some(named.name.as_str()),
            _ => None,
        });
    assert_eq!(names.collect::<Vec<_>>(), ["first", "last"]);
}
