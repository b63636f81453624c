//! The hub's log on a disk that is full or breaks: no receipt for what is not recorded, reads go on where they can, everything recovers
//! when the disk does, and a flush that failed stops the log until it is opened again.

use baton_log::{AppendError, EventLog, ReadError, ReadLimit, Sealing};
use baton_log_sqlite::{SqliteEventLog, SqliteOptions};
use baton_powercut::{Disk, Fault, Random};
use baton_protocol::Seq;
use tempfile::TempDir;

use crate::author::Author;
use crate::seeds::seeds;

const OPTIONS: SqliteOptions = SqliteOptions {
    sealing: Sealing::WhenAsked,
    pages_max: None,
};

struct Bench {
    directory: TempDir,
    disk: Disk,
    author: Author,
    random: Random,
}

impl Bench {
    fn new(seed: u64) -> Self {
        let directory = TempDir::new().unwrap();
        let disk = Disk::over(directory.path()).unwrap();
        let mut random = Random::new(seed);
        let author = Author::new(1, Random::new(random.number()), 2_000);
        Self {
            directory,
            disk,
            author,
            random,
        }
    }

    fn open(&self) -> SqliteEventLog {
        SqliteEventLog::open_with(self.directory.path(), OPTIONS).unwrap()
    }

    async fn write(&mut self, log: &SqliteEventLog, requests: u64) {
        for _ in 0..requests {
            self.author.write(log).await.unwrap();
        }
    }

    async fn some_writes(&mut self, log: &SqliteEventLog) {
        let requests = 1 + self.random.below(30);
        self.write(log, requests).await;
    }

    async fn hold(&mut self, log: &SqliteEventLog) {
        self.author.hold(log).await.unwrap();
    }

    fn cut_power(&mut self) {
        self.disk.cut();
        self.disk.power_on(self.random.number()).unwrap();
    }

    /// From the beginning, as a device that comes now does.
    async fn read(&self, log: &SqliteEventLog) -> Result<Seq, ReadError> {
        let id = self.author.book.id;
        let batch = log.read(id, Seq::ZERO, ReadLimit::default()).await?;
        Ok(batch.head)
    }
}

#[tokio::test]
async fn a_full_disk_gives_no_receipt_reads_go_on_and_room_mends_it() {
    for seed in seeds(30) {
        let mut bench = Bench::new(seed);
        let log = bench.open();
        bench.some_writes(&log).await;
        let head = bench.read(&log).await.unwrap();
        bench.disk.set_fault(Fault::Full);
        for _ in 0..3 {
            let refused = bench.author.write(&log).await;
            assert!(
                matches!(refused, Err(AppendError::DiskFull)),
                "seed {seed}: {refused:?}"
            );
            assert_eq!(bench.read(&log).await.unwrap(), head, "seed {seed}");
        }
        log.seal_closed_parts().await;
        bench.disk.set_fault(Fault::None);
        bench.some_writes(&log).await;
        bench.hold(&log).await;
        drop(log);
        bench.cut_power();
        let log = bench.open();
        bench.hold(&log).await;
    }
}

#[tokio::test]
async fn a_failed_write_or_flush_stops_the_log_until_it_is_opened_again() {
    for seed in seeds(40) {
        let fault = match seed % 2 {
            0 => Fault::FlushFails,
            _ => Fault::WriteFails,
        };
        let mut bench = Bench::new(seed);
        let log = bench.open();
        bench.some_writes(&log).await;
        bench.disk.set_fault(fault);
        let failed = bench.author.write(&log).await;
        assert!(
            matches!(failed, Err(AppendError::Failed)),
            "seed {seed}: {failed:?}"
        );
        // The disk is well again, and still nothing is tried: what it holds is not known.
        bench.disk.set_fault(Fault::None);
        let flushes = bench.disk.flushes();
        let mut other = Author::new(2, Random::new(seed), 10);
        let again = other.write(&log).await;
        assert!(
            matches!(again, Err(AppendError::Failed)),
            "seed {seed}: {again:?}"
        );
        assert!(
            matches!(bench.read(&log).await, Err(ReadError::Failed)),
            "seed {seed}"
        );
        assert_eq!(bench.disk.flushes(), flushes, "seed {seed}");
        drop(log);
        let log = bench.open();
        bench.hold(&log).await;
        // From here on it can be trusted, a power cut included: what the failed flush threw away is not missing below it.
        bench.some_writes(&log).await;
        if seed % 3 == 0 {
            bench.disk.cut();
        }
        drop(log);
        bench.cut_power();
        let log = bench.open();
        bench.hold(&log).await;
    }
}

#[tokio::test]
async fn a_disk_that_cannot_be_read_gives_errors_and_never_wrong_events() {
    for seed in seeds(30) {
        let fault = match seed % 2 {
            0 => Fault::ReadFails,
            _ => Fault::ShortReads,
        };
        let mut bench = Bench::new(seed);
        let log = bench.open();
        bench.some_writes(&log).await;
        drop(log);
        // Nothing is in memory now.
        let log = bench.open();
        bench.disk.set_fault(fault);
        let head = bench.author.book.acknowledged_head();
        for _ in 0..3 {
            match bench.read(&log).await {
                Ok(read) => assert_eq!(read, head, "seed {seed}"),
                Err(ReadError::Unavailable(_)) => {}
                Err(other) => panic!("seed {seed}: {other:?}"),
            }
        }
        bench.disk.set_fault(Fault::None);
        bench.hold(&log).await;
        bench.some_writes(&log).await;
        bench.hold(&log).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_on_while_a_flush_stands_still() {
    let mut bench = Bench::new(1);
    let log = bench.open();
    bench.write(&log, 12).await;
    let head = bench.read(&log).await.unwrap();
    bench.disk.set_fault(Fault::StandsStill);
    let (author, disk) = (&mut bench.author, &bench.disk);
    let id = author.book.id;
    let writing = author.write(&log);
    let reading = async {
        tokio::task::block_in_place(|| disk.wait_for_stuck_flush());
        for _ in 0..20 {
            let batch = log.read(id, Seq::ZERO, ReadLimit::default()).await.unwrap();
            assert_eq!(batch.head, head, "what is not flushed is not shown");
        }
        disk.set_fault(Fault::None);
    };
    let (written, ()) = tokio::join!(writing, reading);
    written.unwrap();
    bench.hold(&log).await;
}
