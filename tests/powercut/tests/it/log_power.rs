//! The hub's log under power cuts: acknowledged means there afterwards, what survives is a prefix of what was appended, and nobody was
//! shown what is taken back.

use std::sync::atomic::{AtomicBool, Ordering};

use baton_log::{EventLog, ReadLimit, Sealing};
use baton_log_sqlite::{SqliteEventLog, SqliteOptions};
use baton_powercut::{Disk, Fault, Random};
use tempfile::TempDir;

use crate::author::Author;
use crate::seeds::seeds;

const OPTIONS: SqliteOptions = SqliteOptions {
    sealing: Sealing::WhenAsked,
    pages_max: None,
};

const SESSIONS: u128 = 3;

/// How a round goes.
#[derive(Clone, Copy)]
struct Plan {
    rounds: u64,
    /// Requests of each author in one round.
    requests: u64,
    text_bytes: u64,
    /// The power goes at one of so many operations of the round.
    operations_max: u64,
    fault: Fault,
}

/// Many short lives: cuts while the log opens, writes, seals and stands.
const SHORT: Plan = Plan {
    rounds: 3,
    requests: 24,
    text_bytes: 300,
    operations_max: 400,
    fault: Fault::None,
};

/// Longer ones, in which the WAL is folded back into the database while everything goes on.
const LONG: Plan = Plan {
    rounds: 2,
    requests: 420,
    text_bytes: 9_000,
    operations_max: 9_000,
    fault: Fault::None,
};

/// One seed's life: some rounds on the same disk, each ended by a cut.
async fn live(seed: u64, plan: Plan) -> Result<u64, String> {
    let directory = TempDir::new().unwrap();
    let disk = Disk::over(directory.path()).unwrap();
    let mut random = Random::new(seed);
    let mut authors: Vec<Author> = (1..=SESSIONS)
        .map(|number| Author::new(number, Random::new(random.number()), plan.text_bytes))
        .collect();
    for _ in 0..plan.rounds {
        disk.cut_at(1 + random.below(plan.operations_max));
        disk.set_fault(plan.fault);
        if let Ok(log) = SqliteEventLog::open_with(directory.path(), OPTIONS) {
            work(&log, &disk, &mut authors, plan.requests, &mut random).await;
            disk.cut();
        }
        disk.cut();
        disk.power_on(random.number()).unwrap();
        let log = SqliteEventLog::open_with(directory.path(), OPTIONS)
            .map_err(|error| format!("the log does not open: {error:?}"))?;
        for author in &mut authors {
            author.hold(&log).await?;
        }
    }
    Ok(disk.operations())
}

/// Everybody writes and somebody reads, until all is written or the power goes.
async fn work(
    log: &SqliteEventLog,
    disk: &Disk,
    authors: &mut [Author],
    requests: u64,
    random: &mut Random,
) {
    let is_over = AtomicBool::new(false);
    let mut busy = Vec::new();
    for author in authors.iter_mut() {
        let seed = random.number();
        busy.push(write_and_read(log, author, requests, seed));
    }
    let sealing = async {
        while !is_over.load(Ordering::Relaxed) && !disk.is_off() {
            log.seal_closed_parts().await;
            tokio::task::yield_now().await;
        }
    };
    let writing = async {
        futures::future::join_all(busy).await;
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(sealing, writing);
}

async fn write_and_read(log: &SqliteEventLog, author: &mut Author, requests: u64, seed: u64) {
    let mut random = Random::new(seed);
    for _ in 0..requests {
        if author.write(log).await.is_err() {
            return;
        }
        let limit = ReadLimit {
            events: 1 + random.below(40) as usize,
            bytes: 1 + random.below(60_000) as usize,
        };
        if author.book.show(log, limit).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_or_shown_survives_a_power_cut_at_any_operation() {
    let mut operations = 0;
    for seed in seeds(150) {
        let lived = live(seed, SHORT).await;
        operations += lived.unwrap_or_else(|loss| panic!("seed {seed}: {loss}"));
    }
    assert!(operations > 0);
}

#[tokio::test]
async fn it_survives_while_the_wal_is_folded_back() {
    for seed in seeds(6) {
        let lived = live(seed, LONG).await;
        lived.unwrap_or_else(|loss| panic!("seed {seed}: {loss}"));
    }
}

#[tokio::test]
async fn a_disk_whose_flushes_lie_is_found_out() {
    let lying = Plan {
        fault: Fault::FlushLies,
        ..SHORT
    };
    let mut losses = 0;
    for seed in 0..20 {
        losses += u64::from(live(seed, lying).await.is_err());
    }
    assert!(
        losses > 10,
        "{losses} of 20 lives were seen to lose something"
    );
}

#[tokio::test]
async fn every_operation_of_one_life_is_a_place_for_a_cut() {
    // The sweep above samples; this one goes through the first requests of one session, one operation after the other.
    let mut operation = 0;
    loop {
        operation += 1;
        let directory = TempDir::new().unwrap();
        let disk = Disk::over(directory.path()).unwrap();
        let mut author = Author::new(1, Random::new(11), 200);
        disk.cut_at(operation);
        if let Ok(log) = SqliteEventLog::open_with(directory.path(), OPTIONS) {
            write_and_read(&log, &mut author, 6, 1).await;
            log.seal_closed_parts().await;
        }
        let was_cut = disk.is_off();
        disk.power_on(operation).unwrap();
        let log = SqliteEventLog::open_with(directory.path(), OPTIONS).unwrap();
        let held = author.hold(&log).await;
        held.unwrap_or_else(|loss| panic!("operation {operation}: {loss}"));
        assert!(log.logs().await.unwrap().len() <= 1);
        if !was_cut {
            break;
        }
    }
    assert!(operation > 30, "{operation} operations are few");
}
