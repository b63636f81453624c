//! Access that is taken away.

use baton_hub::credentials::CredentialStore;
use baton_protocol::*;

use crate::client::{Client, open};
use crate::http::{code, request};
use crate::world::{new_session, on_each_log};

fn revoked(followed: &crate::client::Followed) -> bool {
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
