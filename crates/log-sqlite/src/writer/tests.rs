//! Tests of group commit without the thread, so that each test decides which requests share a transaction.

use baton_log::recording::Recording;
use baton_log::{AppendError, AppendRequest, ExpectedHead, NewReceipt, Sealing};
use baton_protocol::*;
use baton_session::NewEvent;
use rusqlite::Connection;
use tempfile::TempDir;

use super::delete::{self, Doomed};
use super::group::{Committed, GroupCommit};
use super::request::Rows;
use crate::open::{SqliteOptions, open};
use crate::tables::events::{Events, SEQ_MAX};
use crate::tables::{logs, receipts};
use crate::unplaced::Unplaced;

/// The smallest database with a little room: the large texts below do not fit, the small ones do.
const PAGES_MAX: u32 = 40;

fn database(pages_max: Option<u32>) -> (TempDir, Connection) {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions {
        sealing: Sealing::WhenAsked,
        pages_max,
    };
    let opened = open(directory.path(), options, 0).unwrap();
    (directory, opened.writer)
}

fn session(number: u128) -> LogId {
    LogId::Session(SessionId::from_uuid(uuid::Uuid::from_u128(number)))
}

fn command(number: u128) -> CommandId {
    CommandId::from_uuid(uuid::Uuid::from_u128(number))
}

fn rows(log: LogId, expected: ExpectedHead, text: &str, receipt: Option<CommandId>) -> Rows {
    let event = NewEvent {
        by: Principal::Hub,
        command: None,
        producer: None,
        recorded_at: None,
        body: EventBody::SessionRenamed(SessionRenamedEvent {
            title: text.to_owned(),
            source: TitleSource::Automatic,
        }),
    };
    let request = AppendRequest {
        log,
        expected,
        recorded_at: TimestampMs(1),
        events: vec![event],
        receipt: receipt.map(|command| NewReceipt {
            command,
            digest: [1; 32],
            outcome: ReceiptOutcome::Accepted {
                effect: CommandEffect::Applied,
            },
        }),
        state: None,
    };
    Rows::of(log, expected, &mut Recording::of(request).unwrap()).unwrap()
}

fn create(number: u128) -> Rows {
    rows(session(number), ExpectedHead::Absent, "begins", None)
}

fn commit(groups: &mut GroupCommit, connection: &Connection, requests: &[Rows]) -> Committed {
    let requests: Vec<&Rows> = requests.iter().collect();
    let committed = groups.commit(connection, &requests).unwrap();
    assert!(connection.is_autocommit(), "no transaction is left open");
    committed
}

fn head(connection: &Connection, number: u128) -> Option<Seq> {
    let row = logs::find(connection, session(number)).unwrap()?;
    let unplaced = Unplaced::load(connection).unwrap();
    let known = unplaced.of(session(number), SEQ_MAX);
    Some(
        Events::of_writer(connection, row.log, known)
            .head()
            .unwrap(),
    )
}

#[test]
fn the_connection_has_the_settings_that_the_promises_rest_on() {
    let (_directory, connection) = database(None);
    let number = |name| -> i64 {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .unwrap()
    };
    let mode: String = connection
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    // 3 is EXTRA, which is FULL in the WAL mode.
    assert_eq!((mode.as_str(), number("synchronous")), ("wal", 3));
    assert_eq!(number("wal_autocheckpoint"), 0);
}

#[test]
fn a_request_that_fills_the_disk_does_not_take_its_group_with_it() {
    for large_at in 0..3 {
        let (_directory, connection) = database(Some(PAGES_MAX));
        let mut groups = GroupCommit::default();
        let answers = commit(&mut groups, &connection, &[create(0), create(1), create(2)]).answers;
        assert!(answers.iter().all(Result::is_ok));
        let large = "x".repeat(200_000);
        let request = |number: usize| {
            let text = if number == large_at {
                large.as_str()
            } else {
                "small"
            };
            let log = session(number as u128);
            rows(
                log,
                ExpectedHead::At(Seq(1)),
                text,
                Some(command(number as u128)),
            )
        };
        let group = [request(0), request(1), request(2)];
        let answers = commit(&mut groups, &connection, &group).answers;
        for (number, answer) in answers.iter().enumerate() {
            let row = logs::find(&connection, session(number as u128))
                .unwrap()
                .unwrap();
            let receipt = receipts::find(&connection, row.log, command(number as u128)).unwrap();
            let stands = (head(&connection, number as u128), receipt.is_some());
            if number == large_at {
                assert!(matches!(answer, Err(AppendError::DiskFull)), "{answer:?}");
                assert_eq!(stands, (Some(Seq(1)), false));
            } else {
                assert!(answer.is_ok(), "{answer:?}");
                assert_eq!(stands, (Some(Seq(2)), true));
            }
        }
        // The cached heads equal the stored ones.
        let again = [
            request(large_at),
            rows(
                session(large_at as u128),
                ExpectedHead::At(Seq(1)),
                "fits",
                None,
            ),
        ];
        let answers = commit(&mut groups, &connection, &again).answers;
        assert!(matches!(answers[0], Err(AppendError::DiskFull)));
        assert!(answers[1].is_ok(), "{:?}", answers[1]);
    }
}

#[test]
fn a_refused_request_does_not_take_its_group_with_it() {
    let (_directory, connection) = database(None);
    let mut groups = GroupCommit::default();
    let group = [
        create(0),
        rows(
            session(0),
            ExpectedHead::At(Seq(1)),
            "second",
            Some(command(1)),
        ),
        rows(
            session(0),
            ExpectedHead::At(Seq(1)),
            "too late",
            Some(command(2)),
        ),
        rows(
            session(0),
            ExpectedHead::At(Seq(2)),
            "a retry",
            Some(command(1)),
        ),
        rows(session(1), ExpectedHead::At(Seq(2)), "to nobody", None),
        create(0),
        rows(session(0), ExpectedHead::At(Seq(2)), "third", None),
    ];
    let answers = commit(&mut groups, &connection, &group).answers;
    assert!(
        matches!(
            answers.as_slice(),
            [
                Ok(_),
                Ok(_),
                Err(AppendError::HeadMoved { actual: Seq(2) }),
                Err(AppendError::CommandKnown(_)),
                Err(AppendError::NotFound),
                Err(AppendError::AlreadyExists),
                Ok(_),
            ]
        ),
        "{answers:?}"
    );
    assert_eq!(
        (head(&connection, 0), head(&connection, 1)),
        (Some(Seq(3)), None)
    );
}

#[test]
fn a_storage_error_in_one_request_leaves_the_others_and_is_told() {
    let (_directory, connection) = database(None);
    let mut groups = GroupCommit::default();
    commit(&mut groups, &connection, &[create(0), create(1)]);
    let row = logs::find(&connection, session(1)).unwrap().unwrap();
    let trigger =
        "CREATE TEMP TRIGGER refuses BEFORE INSERT ON arrivals WHEN new.event LIKE '%collides%'
                   BEGIN SELECT raise(FAIL, 'as the test says'); END";
    connection.execute_batch(trigger).unwrap();
    let group = [
        rows(session(0), ExpectedHead::At(Seq(1)), "one", None),
        rows(
            session(1),
            ExpectedHead::At(Seq(1)),
            "collides",
            Some(command(1)),
        ),
        rows(session(0), ExpectedHead::At(Seq(2)), "two", None),
    ];
    let answers = commit(&mut groups, &connection, &group).answers;
    assert!(
        matches!(
            answers.as_slice(),
            [Ok(_), Err(AppendError::Unavailable(_)), Ok(_)]
        ),
        "{answers:?}"
    );
    assert_eq!(head(&connection, 0), Some(Seq(3)));
    assert_eq!(
        receipts::find(&connection, row.log, command(1)).unwrap(),
        None
    );
}

#[test]
fn small_logs_are_taken_away_together() {
    let (_directory, connection) = database(None);
    let mut groups = GroupCommit::default();
    let requests: Vec<Rows> = (0..40).map(create).collect();
    commit(&mut groups, &connection, &requests);
    let doomed: Vec<_> = (0..40)
        .map(|number| delete::begin(&connection, session(number)).ok().flatten())
        .collect::<Option<_>>()
        .expect("all of them were there");
    let step = Doomed::new(doomed).step(&connection).unwrap();
    assert_eq!(step.logs_gone, 40);
    let left = |table| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(
        (left("arrivals"), left("places"), left("deletions")),
        (0, 0, 0)
    );
}
