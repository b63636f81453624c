//! A deleted session's log leaves the storage: behind the tombstone, whenever the storage takes it, and at the next start at last.

use std::sync::Arc;

use baton_hub::{Hub, SystemClock};
use baton_log::EventLog;
use baton_log_sqlite::SqliteEventLog;
use baton_protocol::*;

use crate::client::Client;
use crate::moody::{Mood, MoodyLog, moody_world};
use crate::world::{Backend, PATIENCE, World, new_session};

/// A session that the account's list shows, deleted.
async fn create_and_delete(world: &World, device: &mut Client) -> LogId {
    let (log, account) = (new_session(), world.account_log());
    let LogId::Session(session) = log else {
        panic!("no session")
    };
    device.create(log).await;
    device.follow(account).await;
    let summarized = |event: &Event| matches!(&event.body, EventBody::SessionSummarized(body) if body.session == session);
    device
        .until(account, |followed| followed.events.iter().any(summarized))
        .await;
    let delete = CommandBody::DeleteSession(DeleteSessionCommand { session });
    let receipt = device.command(account, delete).await;
    let effect = CommandEffect::Applied;
    assert_eq!(receipt.outcome, ReceiptOutcome::Accepted { effect });
    log
}

async fn until_gone(storage: &dyn EventLog, log: LogId) {
    let gone = async {
        while storage.head(log).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
}

async fn until_refused(storage: &MoodyLog) {
    let mut refused = storage.deletions_refused.subscribe();
    let waiting = refused.wait_for(|refused| *refused > 0);
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap()
        .unwrap();
}

async fn start(world: &World, storage: Arc<dyn EventLog>) -> baton_hub::RunningHub {
    let options = world.options.clone();
    let started = Hub::start_with(world.config(), options, storage, Arc::new(SystemClock));
    started.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_sessions_log_goes_when_the_storage_takes_it() {
    let (world, storage) = moody_world(baton_hub::HubOptions::default()).await;
    let mut laptop = world.device("Laptop").await;
    storage.set(Mood::RefusesDeletions);
    let log = create_and_delete(&world, &mut laptop).await;
    until_refused(&storage).await;
    assert!(storage.head(log).await.unwrap().is_some());
    storage.set(Mood::Good);
    until_gone(&*storage, log).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_ended_before_a_deleted_sessions_log_went_deletes_it_at_its_next_start() {
    let (mut world, storage) = moody_world(baton_hub::HubOptions::default()).await;
    let mut laptop = world.device("Laptop").await;
    storage.set(Mood::RefusesDeletions);
    let log = create_and_delete(&world, &mut laptop).await;
    until_refused(&storage).await;
    world.hub.take().unwrap().stop().await;
    assert!(storage.head(log).await.unwrap().is_some());
    storage.set(Mood::Good);
    world.hub = Some(start(&world, storage.clone()).await);
    until_gone(&*storage, log).await;
    let mut desk = world.device("Desk").await;
    desk.send(&ClientFrame::Subscribe {
        log,
        cursor: None,
        newest_chars: None,
        state_format: None,
    })
    .await;
    let missing = |frame: &HubFrame| match frame {
        HubFrame::Missing { log, .. } => Some(*log),
        _ => None,
    };
    assert_eq!(desk.take(missing).await, log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_sessions_rows_leave_the_database_and_the_rest_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let directory = dir.path().join("log");
    let mut world = World {
        dir,
        log: None,
        hub: None,
        backend: Backend::Sqlite,
        options: baton_hub::HubOptions::default(),
    };
    let storage = Arc::new(SqliteEventLog::open(&directory).unwrap());
    world.hub = Some(start(&world, storage.clone()).await);
    let mut laptop = world.device("Laptop").await;
    let kept = new_session();
    laptop.create(kept).await;
    let log = create_and_delete(&world, &mut laptop).await;
    until_gone(&*storage, log).await;
    let mut left = vec![kept, world.account_log()];
    left.sort_by_key(ToString::to_string);
    let mut listed = storage.logs().await.unwrap();
    listed.sort_by_key(ToString::to_string);
    assert_eq!(listed, left);
    storage.seal_closed_parts().await;
    assert_eq!(storage.examine().await.unwrap(), [] as [&str; 0]);
}
