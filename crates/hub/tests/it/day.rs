//! A day's use, pressed together: nothing that a hub holds grows with what is over.
//!
//! An hour is a number of sessions that are created, talked to from devices that come and go, stopped, lost with their runner, tried
//! again, read, put aside and (most of them) deleted. After each hour everybody leaves, and what the process holds is written down.
//!
//! `BATON_DAY_HOURS=…` for a longer day.

use std::path::Path;
use std::time::Duration;

use baton_hub::HubOptions;
use baton_protocol::*;

use crate::client::{Assigned, Client, Followed, Script, stop};
use crate::housekeeping::{until_figure, until_nobody_is_there};
use crate::soak::{Held, until_settled};
use crate::world::{Backend, Runner, World, new_session};

const HOURS_USUAL: usize = 8;

/// Before the first look: caches fill, and the allocator finds its size.
const HOURS_OF_WARM_UP: usize = 4;

const SESSIONS_AN_HOUR: usize = 24;

/// One of so many sessions is kept; the others are deleted.
const KEPT_ONE_IN: usize = 6;

/// Pieces of each answer.
const PIECES: usize = 12;

/// Of both sides together, over all hours after the warm-up: the allocator's own unrest.
const GROWTH_KIB_MAX: u64 = 2 * 1024;

/// Allocated by Rust code of a session that is over: its owner, its summary, its place in the list; and of a guest that was revoked.
const HEAP_KIB_A_SESSION_MAX: usize = 2;

/// The hub's figures keep the times of requests in three sketches of a third of a MiB, one for 20 s each: a short day sees them come.
const HEAP_GROWTH_KIB_MAX: usize = 768;

/// SQLite keeps what it has read and written of the file: the writer up to 32 MiB, each of four readers up to 2 MiB.
fn cached_kib_max(log_growth_kib: u64) -> u64 {
    log_growth_kib.min(32 * 1024) + (4 * log_growth_kib).min(4 * 2 * 1024)
}

/// A checkpoint cuts the journal back to 4 MiB; what is written until the next one comes on top.
const JOURNAL_KIB_MAX: u64 = 24 * 1024;

/// A file grows by pages that others are freed for a little later.
const LOG_KIB_MORE: u64 = 1024;

fn hours() -> usize {
    match std::env::var("BATON_DAY_HOURS") {
        Ok(text) => text.parse().expect("`BATON_DAY_HOURS` is a number"),
        Err(_) => HOURS_USUAL,
    }
}

/// What is held when nobody is there.
#[derive(Clone, Copy, Debug)]
struct Sample {
    held: Held,
    log_kib: u64,
    journal_kib: u64,
}

impl Sample {
    fn of(held: Held, dir: &Path) -> Self {
        let kib =
            |name: &str| std::fs::metadata(dir.join(name)).map_or(0, |file| file.len() / 1024);
        Self {
            held,
            log_kib: kib("log/log.sqlite"),
            journal_kib: kib("log/log.sqlite-wal"),
        }
    }
}

/// What goes on from hour to hour.
struct Day {
    world: World,
    token: String,
    runner: Client,
    linked: Runner,
    /// How far the laptop knows the account's log.
    account_cursor: Option<Cursor>,
    sessions: usize,
}

impl Day {
    async fn begin() -> Self {
        let options = HubOptions {
            idle_actor: Duration::from_millis(20),
            ..HubOptions::default()
        };
        let world = World::start_with(Backend::Sqlite, options).await;
        let token = world.link(Role::Device, "Laptop").await.token;
        let (runner, linked) = world.runner().await;
        Self {
            world,
            token,
            runner,
            linked,
            account_cursor: None,
            sessions: 0,
        }
    }

    async fn device(&self) -> Client {
        Client::device(self.world.hub(), &self.token).await
    }

    /// Another start of the runner's process: what it held is lost.
    async fn restart_runner(&mut self) {
        self.linked.instance = RunnerInstanceId::mint();
        self.runner = self.linked.connect(self.world.hub()).await;
    }

    async fn hour(&mut self) {
        for number in 0..SESSIONS_AN_HOUR {
            let is_kept = number % KEPT_ONE_IN == 0;
            self.session(is_kept).await;
        }
        let guest = self.world.link(Role::Device, "Guest").await;
        let mut guest = Client::device(self.world.hub(), &guest.token).await;
        self.world.hub().revoke("Guest").await.unwrap();
        guest.closed().await;
    }

    /// The hub's own housekeeping is done and nobody is connected but the runner, which leaves too.
    async fn night(&mut self, before: Option<Sample>) -> Sample {
        let is_away = self.runner.socket.close(None).await;
        is_away.unwrap();
        until_figure(&self.world, &self.token, "baton_hub_session_actors 0").await;
        until_nobody_is_there(&self.world, &self.token).await;
        let held = match before {
            Some(before) => until_settled(before.held).await,
            None => Held::now(),
        };
        let sample = Sample::of(held, self.world.dir.path());
        self.restart_runner().await;
        sample
    }

    async fn session(&mut self, is_kept: bool) {
        let log = new_session();
        let mut laptop = self.device().await;
        let account = self.world.account_log();
        let known = Followed {
            cursor: self.account_cursor,
            ..Followed::default()
        };
        laptop.logs.insert(account, known);
        laptop.follow(account).await;
        laptop.create(log).await;

        laptop.prompt(log, "a long one", Delivery::Queue).await;
        self.answer().await;
        self.stop_from_another_device(&mut laptop, log).await;
        self.lose_with_the_runner(&mut laptop, log).await;
        let run_ends = |followed: &Followed| followed.outcomes().len() == 4;
        let head = laptop.until(log, run_ends).await.cursor.unwrap().seq;

        // From the beginning: what is sealed by now, and what is not.
        let mut reader = self.device().await;
        reader.follow(log).await;
        reader.until(log, |followed| followed.level).await;
        drop(reader);
        self.put_away(&mut laptop, log, head, is_kept).await;
        self.account_cursor = laptop.logs[&account].cursor;
        self.sessions += 1;
        laptop.socket.close(None).await.unwrap();
    }

    /// A whole answer to the prompt that waits.
    async fn answer(&mut self) -> Assigned {
        let held = self.runner.assigned().await;
        let mut script = Script::new();
        for _ in 0..2 {
            self.runner.write_acked(held, vec![script.open()]).await;
            for _ in 0..PIECES {
                let piece = script.text("what a model says in one go, more or less ");
                self.runner.write(held, vec![piece]).await;
            }
            let closing = vec![script.close(PartEnd::Complete)];
            let upto = closing[0].producer;
            self.runner.write(held, closing).await;
            while self.runner.acked(held.run).await < upto {}
        }
        self.runner.write_acked(held, vec![script.end()]).await;
        held
    }

    /// Half an answer, and its run.
    async fn begin_answer(&mut self) -> (Assigned, Script) {
        let held = self.runner.assigned().await;
        let mut script = Script::new();
        let entries = vec![script.open(), script.text("half of it")];
        self.runner.write_acked(held, entries).await;
        (held, script)
    }

    async fn stop_from_another_device(&mut self, laptop: &mut Client, log: LogId) {
        laptop.prompt(log, "another", Delivery::Queue).await;
        let (held, mut script) = self.begin_answer().await;
        let mut phone = self.device().await;
        phone.follow(log).await;
        phone.until(log, |followed| followed.level).await;
        phone.command(log, stop(held.run)).await;
        self.runner.write(held, vec![script.text("late")]).await;
        self.runner.fenced(held.run).await;
        let resume = CommandBody::ResumeQueue(ResumeQueueCommand {});
        phone.command(log, resume).await;
        // Without a goodbye.
        drop(phone);
    }

    async fn lose_with_the_runner(&mut self, laptop: &mut Client, log: LogId) {
        laptop.prompt(log, "once more", Delivery::Queue).await;
        let (held, _) = self.begin_answer().await;
        self.restart_runner().await;
        let is_lost = |followed: &Followed| followed.outcomes().last() == Some(&RunOutcome::Lost);
        laptop.until(log, is_lost).await;
        let retry = CommandBody::RetryRun(RetryRunCommand { run: held.run });
        laptop.command(log, retry).await;
        let resume = CommandBody::ResumeQueue(ResumeQueueCommand {});
        laptop.command(log, resume).await;
        self.answer().await;
    }

    async fn put_away(&self, laptop: &mut Client, log: LogId, head: Seq, is_kept: bool) {
        let LogId::Session(session) = log else {
            panic!("a session")
        };
        let rename = RenameSessionCommand {
            title: "What was asked".into(),
        };
        laptop
            .command(log, CommandBody::RenameSession(rename))
            .await;
        let account = self.world.account_log();
        // The list knows the session by now, or hears of it in a moment.
        let is_listed = |followed: &Followed| {
            let mut events = followed.events.iter();
            events.any(|event| {
                matches!(&event.body, EventBody::SessionSummarized(body) if body.session == session)
            })
        };
        laptop.until(account, is_listed).await;
        let archived = true;
        let mut acts = vec![
            CommandBody::MarkRead(MarkReadCommand { session, seq: head }),
            CommandBody::ArchiveSession(ArchiveSessionCommand { session, archived }),
        ];
        if !is_kept {
            acts.push(CommandBody::DeleteSession(DeleteSessionCommand { session }));
        }
        for act in acts {
            let receipt = laptop.command(account, act).await;
            assert!(matches!(receipt.outcome, ReceiptOutcome::Accepted { .. }));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_use_leaves_nothing_behind_but_what_was_kept() {
    let mut day = Day::begin().await;
    for _ in 0..HOURS_OF_WARM_UP {
        day.hour().await;
    }
    let first = day.night(None).await;
    let sessions_before = day.sessions;
    println!("warm: {first:?}");
    let mut halfway = first;
    let mut last = first;
    for hour in 1..=hours() {
        day.hour().await;
        last = day.night(Some(first)).await;
        if hour == hours() / 2 {
            halfway = last;
        }
        println!("hour {hour}: {last:?}");
        assert!(last.journal_kib <= JOURNAL_KIB_MAX, "{last:?}");
    }
    let sessions = day.sessions - sessions_before;
    let growth = last.held.memory_kib.saturating_sub(first.held.memory_kib) as u64;
    let cached = cached_kib_max(last.log_kib.saturating_sub(first.log_kib));
    let allowed = GROWTH_KIB_MAX + cached;
    assert!(
        growth <= allowed,
        "{growth} KiB more after {sessions} sessions, {allowed} allowed: {first:?}, then {last:?}"
    );
    let growth = last.held.heap_kib.saturating_sub(first.held.heap_kib);
    let allowed = HEAP_GROWTH_KIB_MAX + sessions * HEAP_KIB_A_SESSION_MAX;
    assert!(
        growth <= allowed,
        "{growth} KiB more on the heap after {sessions} sessions, {allowed} allowed: {first:?}, then {last:?}"
    );
    // What is on the disk grows with what was said, and no faster the longer the day is.
    let early = halfway.log_kib.saturating_sub(first.log_kib);
    let late = last.log_kib.saturating_sub(halfway.log_kib);
    assert!(
        late <= early + early / 2 + LOG_KIB_MORE,
        "{early} KiB, then {late} KiB"
    );
}
