//! A database that cannot grow: it refuses whole requests, and everything else still works.

use baton_log::conformance::{Conversation, RunScript, accepted, command, prompt, read_all};
use baton_log::{AppendError, EventLog, ReadLimit, Sealing};
use baton_log_sqlite::{SqliteEventLog, SqliteOptions};
use baton_protocol::Seq;

const SMALL: SqliteOptions = SqliteOptions {
    sealing: Sealing::WhenAsked,
    pages_max: Some(150),
};

#[tokio::test]
async fn a_full_disk_refuses_the_append_and_its_receipt_and_the_log_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open_with(directory.path(), SMALL).unwrap();
    let mut made = Conversation::create(&log).await;
    let large = "x".repeat(100_000);
    let (mut recorded, mut refused) = (0, None);
    for _ in 0..10 {
        let mut request = made.request(vec![prompt("before the large one"), prompt(&large)]);
        let id = command();
        request.receipt = Some(accepted(id, 1));
        match log.append(request).await {
            Ok(appended) => {
                made.head = appended.head();
                recorded += 1;
            }
            Err(AppendError::DiskFull) => {
                refused = Some(id);
                break;
            }
            Err(other) => panic!("the disk is full, and nothing else: {other:?}"),
        }
    }
    let refused = refused.expect("150 pages do not hold a megabyte");
    assert!(recorded > 0);
    assert_eq!(log.receipt(made.id, refused).await.unwrap(), None);
    let head = log.head(made.id).await.unwrap().unwrap().seq;
    assert_eq!(head, Seq(1 + 2 * recorded));
    assert_eq!(
        made.say(prompt("there is room for a small one")).await,
        head.next()
    );
    let read = read_all(&log, made.id, Seq::ZERO, ReadLimit::default()).await;
    let events: usize = read.iter().map(|batch| batch.events.len()).sum();
    assert_eq!(events as u64, head.0 + 1);
}

#[tokio::test]
async fn sealing_makes_room_again() {
    let directory = tempfile::tempdir().unwrap();
    let log = SqliteEventLog::open_with(directory.path(), SMALL).unwrap();
    let mut made = Conversation::create(&log).await;
    let mut run = RunScript::new(1);
    made.say(run.open()).await;
    for _ in 0..1_000 {
        made.say(run.append(0, "w")).await;
    }
    made.say(run.close(0)).await;
    let large = vec![prompt(&"x".repeat(200_000)), prompt(&"x".repeat(160_000))];
    let refused = log.append(made.request(large.clone())).await;
    assert!(matches!(refused, Err(AppendError::DiskFull)), "{refused:?}");
    log.seal_closed_parts().await;
    made.append(large).await;
}
