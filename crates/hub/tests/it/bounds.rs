//! What a client may make grow, and where it ends.

use baton_hub::HubOptions;
use baton_protocol::*;

use crate::client::{Client, create};
use crate::world::{Backend, World, new_session, on_each_log};

fn session_of(log: LogId) -> SessionId {
    match log {
        LogId::Session(session) => session,
        LogId::Account(_) => unreachable!("it is a session's log"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_full_begins_no_session_until_one_is_deleted() {
    let options = HubOptions {
        sessions_max: 2,
        ..HubOptions::default()
    };
    let world = World::start_with(Backend::Memory, options).await;
    let mut laptop = world.device("Laptop").await;
    let account = world.account_log();
    laptop.follow(account).await;
    let (first, second) = (new_session(), new_session());
    laptop.create(first).await;
    laptop.create(second).await;
    let command = Command {
        id: CommandId::mint(),
        log: new_session(),
        only_if: None,
        body: create(),
    };
    assert_eq!(laptop.refused(&command).await, ErrorCode::TooMany);
    let listed = |followed: &crate::client::Followed| {
        followed.events.iter().any(|event| {
            matches!(&event.body, EventBody::SessionSummarized(body) if body.session == session_of(first))
        })
    };
    laptop.until(account, listed).await;
    let session = session_of(first);
    let delete = CommandBody::DeleteSession(DeleteSessionCommand { session });
    laptop.command(account, delete).await;
    laptop.create(new_session()).await;
}

async fn marked(laptop: &mut Client, account: LogId, session: SessionId, seq: Seq) -> Vec<Seq> {
    let mark = CommandBody::MarkRead(MarkReadCommand { session, seq });
    let receipt = laptop.command(account, mark).await;
    let followed = laptop
        .until(account, |followed| {
            followed
                .cursor
                .is_some_and(|cursor| cursor.seq >= receipt.seq)
        })
        .await;
    let marks = followed
        .events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::ReadMarked(body) => Some(body.seq),
            _ => None,
        });
    marks.collect()
}

on_each_log! {
    async fn a_session_is_read_as_far_as_it_goes_and_no_further(world: World) {
        let mut laptop = world.device("Laptop").await;
        let (account, log) = (world.account_log(), new_session());
        laptop.follow(account).await;
        laptop.create(log).await;
        let session = session_of(log);
        laptop.until(account, |followed| followed.events.iter().any(|event| {
            matches!(&event.body, EventBody::SessionSummarized(_))
        })).await;
        let receipt = laptop.prompt(log, "hello?", Delivery::Queue).await;
        let head = receipt.seq;
        // One bad client must not make it read for ever.
        assert_eq!(marked(&mut laptop, account, session, Seq(u64::MAX)).await, [head]);
        let later = laptop.prompt(log, "and?", Delivery::Queue).await.seq;
        assert_eq!(marked(&mut laptop, account, session, later).await, [head, later]);
    }
}
