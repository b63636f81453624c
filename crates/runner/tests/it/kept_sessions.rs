//! A session between its runs: what is kept, what is read again, and how much.

use std::time::{Duration, Instant};

use baton_protocol::*;
use baton_runner::limits::SESSION_KEPT_MS_MAX;
use baton_runner::provider::ModelMessage;
use baton_runner::{Core, Effect};
use baton_session::*;

use crate::core::{core, frames};
use crate::fake_hub::{RUNNER, laptop};

/// A session and its log, as a hub has them.
struct Log {
    session: SessionId,
    incarnation: Incarnation,
    instance: RunnerInstanceId,
    state: SessionState,
    events: Vec<Event>,
}

impl Log {
    fn new(instance: RunnerInstanceId) -> Self {
        let mut log = Self {
            session: SessionId::mint(),
            incarnation: Incarnation::mint(),
            instance,
            state: SessionState::default(),
            events: Vec::new(),
        };
        log.command(CommandBody::CreateSession(CreateSessionCommand {
            agent: agent(),
            runner: None,
            title: None,
        }));
        log
    }

    fn record(&mut self, new: Vec<NewEvent>) {
        for event in new {
            let event = event.at(self.state.head().next(), TimestampMs(0));
            self.state.apply(&event, &mut NoTranscript).expect("folds");
            self.events.push(event);
        }
    }

    fn command(&mut self, body: CommandBody) {
        let command = Command {
            only_if: None,
            id: CommandId::mint(),
            log: LogId::Session(self.session),
            body,
        };
        let facts = DecideFacts { can_steer: true };
        let decision = decide(&self.state, &command, &laptop(), &facts);
        self.record(decision.events);
    }

    /// Sends a prompt and begins its run.
    fn ask(&mut self, text: &str) -> RunId {
        self.command(CommandBody::SendPrompt(SendPromptCommand {
            run: None,
            text: text.to_owned(),
            delivery: Delivery::Queue,
        }));
        let run = RunId::mint();
        let started = start_run(&self.state, run, agent(), RUNNER, self.instance);
        self.record(started);
        run
    }

    fn end(&mut self, run: RunId) {
        let epoch = self.state.active_run(run).expect("on").epoch;
        let end = RunWriteEntry {
            producer: ProducerSeq(1),
            write: RunWrite::EndRun {
                failure: None,
                usage: None,
                finish_reason: None,
            },
        };
        let ended = decide_run_write(&self.state, run, epoch, RUNNER, &[end], &[]);
        self.record(ended.expect("fits"));
    }

    fn turn(&mut self, text: &str) {
        let run = self.ask(text);
        self.end(run);
    }

    /// A copy of the log from before its last run ended.
    fn before_the_last_end(&self) -> Self {
        let is_end = |event: &Event| matches!(event.body, EventBody::RunEnded(_));
        let end = self.events.iter().rposition(is_end).expect("a run ended");
        let mut copy = Self {
            session: self.session,
            incarnation: self.incarnation,
            instance: self.instance,
            state: SessionState::default(),
            events: self.events[..end].to_vec(),
        };
        for event in &copy.events {
            copy.state.apply(event, &mut NoTranscript).expect("folds");
        }
        copy
    }

    /// The hub's answer to a subscription from a seq.
    fn behind(&self, after: Seq) -> HubFrame {
        let head = self.state.head();
        let events = self.events.iter().filter(|event| event.seq > after);
        HubFrame::Batch(Batch {
            log: LogId::Session(self.session),
            incarnation: self.incarnation,
            after,
            upto: head,
            head,
            events: events.cloned().collect(),
        })
    }

    fn assigned(&self, run: RunId) -> HubFrame {
        let active = self.state.active_run(run).expect("on");
        HubFrame::RunAssigned {
            session: self.session,
            run,
            epoch: active.epoch,
            seq: self.state.head(),
        }
    }

    /// A checkpoint of an earlier state.
    fn snapshot(&self, state: &SessionState) -> HubFrame {
        let small = state.without_past().expect("nothing runs");
        HubFrame::Snapshot(SnapshotPiece {
            log: LogId::Session(self.session),
            incarnation: self.incarnation,
            after: Seq::ZERO,
            seq: small.head(),
            format: SessionState::FORMAT,
            piece: 0,
            pieces: 1,
            text: serde_json::to_string(&small).expect("JSON"),
        })
    }
}

fn agent() -> AgentId {
    AgentId("assistant".to_owned())
}

/// The seq that a core subscribes from, and how much of the session it wants.
#[derive(PartialEq, Debug)]
struct Asked {
    cursor: Option<Seq>,
    newest_chars: Option<u64>,
}

fn asked(core: &mut Core, now: Instant) -> Vec<Asked> {
    let subscribed = frames(core, now)
        .into_iter()
        .filter_map(|frame| match frame {
            ClientFrame::Subscribe {
                cursor,
                newest_chars,
                ..
            } => Some(Asked {
                cursor: cursor.map(|cursor| cursor.seq),
                newest_chars,
            }),
            _ => None,
        });
    subscribed.collect()
}

fn from_nothing(newest_chars: Option<u64>) -> Asked {
    Asked {
        cursor: None,
        newest_chars,
    }
}

/// The messages of all model calls.
fn told(core: &mut Core) -> Vec<Vec<ModelMessage>> {
    let told = core.take_effects().into_iter();
    let told = told.filter_map(|effect| match effect {
        Effect::Call { request, .. } => Some(request.messages),
        _ => None,
    });
    told.collect()
}

fn texts(told: &[ModelMessage]) -> Vec<&str> {
    told.iter().map(|message| message.text.as_str()).collect()
}

/// The agents in `core::core` take a thousand characters, and the core asks for one more.
const NEWEST: u64 = 1_001;

/// Runs the session's first run on the core.
fn after_first_run(core: &mut Core, log: &mut Log, now: Instant) {
    core.connected(now);
    let first = log.ask("first");
    core.frame(log.assigned(first), now);
    assert_eq!(asked(core, now), [from_nothing(Some(NEWEST))]);
    core.frame(log.behind(Seq::ZERO), now);
    assert_eq!(told(core).len(), 1);
    let seen = log.state.head();
    log.end(first);
    core.frame(log.behind(seen), now);
    let left = frames(core, now);
    assert!(matches!(left[..], [ClientFrame::Unsubscribe { .. }]));
}

#[test]
fn a_session_goes_on_from_where_its_last_run_ended() {
    let (now, instance) = (Instant::now(), RunnerInstanceId::mint());
    let (mut core, mut log) = (core(instance), Log::new(instance));
    after_first_run(&mut core, &mut log, now);
    let kept = log.state.head();
    log.turn("elsewhere");
    let second = log.ask("second");
    core.frame(log.assigned(second), now);
    let cursor = Some(kept);
    assert_eq!(
        asked(&mut core, now),
        [Asked {
            cursor,
            newest_chars: Some(NEWEST)
        }]
    );
    core.frame(log.behind(kept), now);
    let told = told(&mut core);
    assert_eq!(texts(&told[0]), ["first\n\nelsewhere\n\nsecond"]);
}

#[test]
fn what_is_not_kept_is_read_again() {
    let instance = RunnerInstanceId::mint();
    let begun = Instant::now();
    let long_after = begun + Duration::from_millis(SESSION_KEPT_MS_MAX);
    let drop_it = |why: &str, core: &mut Core, log: &Log| match why {
        "time" => core.tick(long_after),
        "deleted" => core.frame(
            HubFrame::Missing {
                log: LogId::Session(log.session),
                incarnation: None,
            },
            begun,
        ),
        _ => {}
    };
    for why in ["no room", "time", "deleted"] {
        let bytes = if why == "no room" { 0 } else { 1 << 20 };
        let mut core = core(instance).with_kept_bytes_max(bytes);
        let mut log = Log::new(instance);
        after_first_run(&mut core, &mut log, begun);
        drop_it(why, &mut core, &log);
        let second = log.ask("second");
        core.frame(log.assigned(second), begun);
        let again = asked(&mut core, begun);
        assert_eq!(again, [from_nothing(Some(NEWEST))], "{why}");
    }
}

/// There is room for one of two sessions: the most recently used one stays.
#[test]
fn the_session_that_was_used_longest_ago_goes_first() {
    let (now, instance) = (Instant::now(), RunnerInstanceId::mint());
    let mut core = core(instance).with_kept_bytes_max(2_500);
    let mut logs = [(); 2].map(|()| Log::new(instance));
    for log in &mut logs {
        after_first_run(&mut core, log, now);
    }
    let kept = logs.each_mut().map(|log| {
        let run = log.ask("second");
        core.frame(log.assigned(run), now);
        asked(&mut core, now)[0].cursor.is_some()
    });
    assert_eq!(kept, [false, true]);
}

/// The messages that models get when the hub assigns a run of a restored log to a core that keeps the session up to `kept`: the core
/// subscribes from there, learns of the other incarnation, and reads the log from its beginning.
fn told_after_restore(
    core: &mut Core,
    restored: &Log,
    run: RunId,
    kept: Seq,
    now: Instant,
) -> Vec<Vec<ModelMessage>> {
    core.frame(restored.assigned(run), now);
    core.tick(now);
    assert_eq!(asked(core, now)[0].cursor, Some(kept));
    let missing = HubFrame::Missing {
        log: LogId::Session(restored.session),
        incarnation: Some(restored.incarnation),
    };
    core.frame(missing, now);
    assert_eq!(asked(core, now), [from_nothing(None)]);
    core.frame(restored.behind(Seq::ZERO), now);
    told(core)
}

/// The hub was restored from a copy: its log is shorter than the kept session, and has a run that the kept session lacks. Found by the
/// simulation (seed 121).
#[test]
fn a_log_of_another_incarnation_is_read_from_its_beginning() {
    let (now, instance) = (Instant::now(), RunnerInstanceId::mint());
    let (mut core, mut log) = (core(instance), Log::new(instance));
    after_first_run(&mut core, &mut log, now);
    let mut restored = Log {
        session: log.session,
        ..Log::new(instance)
    };
    let run = restored.ask("after the restore");
    assert!(restored.state.head() < log.state.head());
    let kept = log.state.head();
    let told = told_after_restore(&mut core, &restored, run, kept, now);
    assert_eq!(texts(&told[0]), ["after the restore"]);
}

/// The hub was restored from a copy in which the run is still active: the kept session says that it ended, and the hub assigns it again.
/// Found by the simulation (seed 433).
#[test]
fn a_run_that_ended_before_a_restore_is_on_again_after_it() {
    let (now, instance) = (Instant::now(), RunnerInstanceId::mint());
    let (mut core, mut log) = (core(instance), Log::new(instance));
    after_first_run(&mut core, &mut log, now);
    let restored = log.before_the_last_end();
    let run = restored.state.active_runs().next().expect("on").run;
    core.disconnected();
    core.connected(now);
    let kept = log.state.head();
    let told = told_after_restore(&mut core, &restored, run, kept, now);
    assert_eq!(texts(&told[0]), ["first"]);
}

/// The hub's count was far off: the runner asks for more, and in the end for everything.
#[test]
fn a_runner_that_got_too_little_reads_from_further_back() {
    let (now, instance) = (Instant::now(), RunnerInstanceId::mint());
    let (mut core, mut log) = (core(instance), Log::new(instance));
    core.connected(now);
    log.turn("long ago");
    let checkpoint = log.state.clone();
    log.turn("before");
    let run = log.ask("now");
    core.frame(log.assigned(run), now);
    for newest in [Some(NEWEST), Some(8 * NEWEST)] {
        assert_eq!(asked(&mut core, now), [from_nothing(newest)]);
        core.frame(log.snapshot(&checkpoint), now);
        core.frame(log.behind(checkpoint.head()), now);
        assert_eq!(told(&mut core).len(), 0);
    }
    assert_eq!(asked(&mut core, now), [from_nothing(None)]);
    core.frame(log.behind(Seq::ZERO), now);
    let told = told(&mut core);
    assert_eq!(texts(&told[0]), ["long ago\n\nbefore\n\nnow"]);
}

#[test]
fn a_runner_that_got_enough_asks_the_model_at_once() {
    let (now, instance) = (Instant::now(), RunnerInstanceId::mint());
    let (mut core, mut log) = (core(instance), Log::new(instance));
    core.connected(now);
    log.turn("long ago");
    let checkpoint = log.state.clone();
    let run = log.ask("now");
    // An answer, so that the messages after it do not reach across the checkpoint.
    let write = |producer, write| RunWriteEntry {
        producer: ProducerSeq(producer),
        write,
    };
    let (part, kind) = (PartIndex(0), PartKind::Text);
    let text = "x".repeat(2_000);
    let writes = [
        write(1, RunWrite::OpenPart { part, kind }),
        write(
            2,
            RunWrite::AppendText {
                part,
                offset: 0,
                text,
            },
        ),
        write(
            3,
            RunWrite::EndRun {
                failure: None,
                usage: None,
                finish_reason: None,
            },
        ),
    ];
    let epoch = log.state.active_run(run).expect("on").epoch;
    let written = decide_run_write(&log.state, run, epoch, RUNNER, &writes, &[]);
    log.record(written.expect("fits"));
    let run = log.ask("and now");
    core.frame(log.assigned(run), now);
    core.frame(log.snapshot(&checkpoint), now);
    assert_eq!(
        told(&mut core).len(),
        0,
        "not before the log's head is known"
    );
    core.frame(log.behind(checkpoint.head()), now);
    assert_eq!(texts(&told(&mut core)[0]), ["and now"]);
}

/// A checkpoint never skips the events of a held run: the runner must see its end.
#[test]
fn a_reconnect_in_mid_run_reads_every_event() {
    let (now, instance) = (Instant::now(), RunnerInstanceId::mint());
    let (mut core, mut log) = (core(instance), Log::new(instance));
    core.connected(now);
    let run = log.ask("first");
    core.frame(log.assigned(run), now);
    core.frame(log.behind(Seq::ZERO), now);
    frames(&mut core, now);
    core.disconnected();
    core.connected(now);
    let cursor = Some(log.state.head());
    assert_eq!(
        asked(&mut core, now),
        [Asked {
            cursor,
            newest_chars: None
        }]
    );
}
