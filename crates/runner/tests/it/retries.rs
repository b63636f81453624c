//! Retries of a model call that gave nothing: how often, when, and what the log says meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use baton_protocol::view::RowBody;
use baton_protocol::*;
use baton_runner::provider::{self, ModelEnd, ModelEvent, RetryAdvice};
use baton_runner::{CallId, Core, ModelOutput, Runner, RunnerConfig};
use baton_session::*;
use baton_testkit::{FakeModel, RawAnswer, RawModel, Reply, TcpCutter};

use crate::core::{Line, assign, calls, core, frames, line};
use crate::fake_hub::{FakeHub, RUNNER, State, laptop};
use crate::scene::{Scene, config, provider};

/// Longer than any pause.
const LONG: Duration = Duration::from_secs(61);

/// A core and the log that it writes.
struct Talk {
    core: Core,
    line: Line,
    now: Instant,
    log: Vec<Event>,
}

impl Talk {
    fn begin(capabilities: &[String]) -> (Self, CallId) {
        let (now, instance) = (Instant::now(), RunnerInstanceId::mint());
        let mut core = core(instance);
        core.hub_can(capabilities);
        core.connected(now);
        let line = line(instance);
        assign(&mut core, &line, now);
        let call = calls(&mut core)[0];
        let log = Vec::new();
        (
            Self {
                core,
                line,
                now,
                log,
            },
            call,
        )
    }

    fn with_records() -> (Self, CallId) {
        Self::begin(&[limits::MODEL_RETRY_CAPABILITY.to_owned()])
    }

    fn record(&mut self, new: Vec<NewEvent>) {
        let after = self.line.state.head();
        let mut events = Vec::new();
        for event in new {
            let event = event.at(self.line.state.head().next(), TimestampMs(0));
            self.line
                .state
                .apply(&event, &mut NoTranscript)
                .expect("folds");
            events.push(event);
        }
        let upto = self.line.state.head();
        self.log.extend(events.clone());
        let batch = Batch {
            after,
            upto,
            head: upto,
            events,
            ..self.line.batch.clone()
        };
        self.core.frame(HubFrame::Batch(batch), self.now);
    }

    /// The hub records all frames that the core sends.
    fn exchange(&mut self) {
        for frame in frames(&mut self.core, self.now) {
            let ClientFrame::WriteRun {
                run,
                epoch,
                entries,
                ..
            } = frame
            else {
                continue;
            };
            let new = decide_run_write(&self.line.state, run, epoch, RUNNER, &entries, &[]);
            self.record(new.expect("fits"));
            let producer = entries.last().expect("not empty").producer;
            self.core
                .frame(HubFrame::RunAcked { run, producer }, self.now);
        }
    }

    fn give_nothing(&mut self, call: CallId, after: Option<Duration>) {
        let why = provider::RetryReason::Busy;
        let output = ModelOutput::NotBegun {
            message: "503: loading".to_owned(),
            retry: Some(RetryAdvice { after, why }),
        };
        self.core.model(call, output, self.now);
    }

    fn wait(&mut self, time: Duration) -> Vec<CallId> {
        self.now += time;
        self.core.tick(self.now);
        calls(&mut self.core)
    }

    fn command(&mut self, body: CommandBody) {
        let command = Command {
            only_if: None,
            id: CommandId::mint(),
            log: LogId::Session(self.line.session),
            body,
        };
        let facts = DecideFacts { can_steer: true };
        let decision = decide(&self.line.state, &command, &laptop(), &facts);
        self.record(decision.events);
    }

    fn retries(&self) -> Vec<(u32, u32)> {
        let retry = |event: &Event| match &event.body {
            EventBody::ModelRetry(body) => Some((body.attempt, body.delay_ms)),
            _ => None,
        };
        self.log.iter().filter_map(retry).collect()
    }

    fn end(&self) -> Option<RunEndedEvent> {
        self.log.iter().find_map(|event| match &event.body {
            EventBody::RunEnded(body) => Some(body.clone()),
            _ => None,
        })
    }
}

#[test]
fn a_busy_model_is_asked_again_when_the_log_says_so_and_the_pause_is_over() {
    let (mut talk, first) = Talk::with_records();
    talk.give_nothing(first, None);
    assert!(talk.wait(LONG).is_empty(), "the log does not say so yet");
    talk.exchange();
    let [(1, delay_ms)] = talk.retries()[..] else {
        panic!("{:?}", talk.retries())
    };
    assert!((500..=1_000).contains(&delay_ms), "{delay_ms}");
    let second = calls(&mut talk.core);
    assert_eq!(second.len(), 1, "the pause was over");

    talk.give_nothing(second[0], Some(Duration::from_secs(7)));
    talk.exchange();
    assert!(
        talk.core
            .wake_at()
            .is_some_and(|at| at >= talk.now + Duration::from_secs(7))
    );
    assert!(talk.wait(Duration::from_millis(6_999)).is_empty());
    let third = talk.wait(Duration::from_secs(1));
    assert_eq!(third.len(), 1);
    let text = ModelEvent::Text("here".to_owned());
    talk.core
        .model(third[0], ModelOutput::Event(text), talk.now);
    let done = ModelEvent::Done(ModelEnd::LengthLimit);
    talk.core
        .model(third[0], ModelOutput::Event(done), talk.now);
    talk.exchange();
    let end = talk.end().expect("it ended");
    assert_eq!(end.outcome, RunOutcome::Completed);
    assert_eq!(end.finish_reason, Some(FinishReason::LengthLimit));
    assert_eq!(end.usage.map(|usage| usage.model_calls), Some(3));
}

#[test]
fn after_four_further_calls_the_run_fails() {
    let (mut talk, mut call) = Talk::with_records();
    for attempt in 1..=4 {
        talk.give_nothing(call, None);
        talk.exchange();
        assert_eq!(talk.retries().len(), attempt);
        call = talk.wait(LONG)[0];
    }
    talk.give_nothing(call, None);
    talk.exchange();
    assert!(talk.wait(LONG).is_empty());
    let message = "503: loading (asked 5 times)".to_owned();
    let end = talk.end().expect("it ended");
    assert_eq!(end.outcome, RunOutcome::Failed { message });
    assert_eq!(end.usage.map(|usage| usage.model_calls), Some(5));
}

#[test]
fn a_server_that_asks_for_more_than_a_minute_ends_the_run() {
    let (mut talk, call) = Talk::with_records();
    talk.give_nothing(call, Some(Duration::from_secs(90)));
    talk.exchange();
    assert_eq!((talk.wait(LONG * 2), talk.retries()), (vec![], vec![]));
    let message = "503: loading (the server asks to wait 90 s: try again then)".to_owned();
    let outcome = talk.end().expect("it ended").outcome;
    assert_eq!(outcome, RunOutcome::Failed { message });
}

#[test]
fn an_answer_that_broke_off_is_not_asked_for_again() {
    let (mut talk, call) = Talk::with_records();
    let text = ModelEvent::Text("half".to_owned());
    talk.core.model(call, ModelOutput::Event(text), talk.now);
    let failed = ModelOutput::Failed("cut".to_owned());
    talk.core.model(call, failed, talk.now);
    talk.exchange();
    assert_eq!((talk.wait(LONG), talk.retries()), (vec![], vec![]));
    assert!(talk.end().is_some());
}

#[test]
fn a_stop_and_a_lost_lease_end_a_pause_at_once() {
    let stop = |talk: &mut Talk| {
        let target = StopTarget::Run { run: talk.line.run };
        let scope = StopScope::Run;
        talk.command(CommandBody::StopRun(StopRunCommand { target, scope }));
    };
    let lose = |talk: &mut Talk| {
        let lost = lose_run(&talk.line.state, talk.line.run);
        talk.record(lost);
    };
    for end in [&stop as &dyn Fn(&mut Talk), &lose] {
        let (mut talk, call) = Talk::with_records();
        talk.give_nothing(call, None);
        talk.exchange();
        end(&mut talk);
        assert!(talk.wait(LONG).is_empty(), "no further call is made");
        assert!(talk.end().is_some());
    }
}

#[test]
fn a_steer_ends_a_pause_and_the_next_call_has_it() {
    let (mut talk, call) = Talk::with_records();
    talk.give_nothing(call, Some(Duration::from_secs(50)));
    talk.exchange();
    talk.command(CommandBody::SendPrompt(SendPromptCommand {
        run: None,
        text: "faster".to_owned(),
        delivery: Delivery::Steer,
    }));
    talk.exchange();
    assert_eq!(calls(&mut talk.core).len(), 1);
}

#[test]
fn a_hub_that_records_no_retries_is_not_told_of_them() {
    let (mut talk, call) = Talk::begin(&[]);
    talk.give_nothing(call, None);
    talk.exchange();
    assert!(talk.retries().is_empty());
    assert_eq!(talk.wait(LONG).len(), 1);
}

fn retries(state: &State) -> Vec<(u32, RetryReason)> {
    let retry = |event: &Event| match &event.body {
        EventBody::ModelRetry(body) => Some((body.attempt, body.reason.clone())),
        _ => None,
    };
    state.log.iter().filter_map(retry).collect()
}

#[tokio::test]
async fn an_endpoint_that_refuses_twice_answers_in_the_end() {
    let scene = Scene::start().await;
    scene.model.reply(Reply::error(503, "loading model"));
    scene.model.reply(Reply::error(429, "slow down"));
    scene.model.reply(Reply::text("here I am"));
    let (run, outcome) = scene.ask_to_the_end("?").await;
    assert_eq!(outcome, RunOutcome::Completed);
    assert_eq!(scene.text(run), "here I am");
    assert_eq!(scene.model.request_count(), 3);
    assert_eq!(scene.usage(run).map(|usage| usage.model_calls), Some(3));
    let busy = RetryReason::Busy;
    assert_eq!(retries(&scene.hub.state()), [(1, busy.clone()), (2, busy)]);
}

#[tokio::test]
async fn a_stop_in_the_pause_is_confirmed_and_the_endpoint_gets_no_further_call() {
    let (hub, model) = (FakeHub::start().await, FakeModel::start().await);
    model.reply_to_the_rest(Reply::error(503, "loading model"));
    let cutter = TcpCutter::start(hub.addr).await;
    let authority = cutter.addr().to_string();
    let runner = Runner::start(RunnerConfig {
        model_retry_ms_min: 30_000,
        ..config(&authority, model.model(), provider(&model.base_url()))
    });
    hub.send("?", Delivery::Queue);
    let run = hub.started().await;
    let waits = |state: &State| (retries(state).len() == 1).then_some(());
    hub.wait("the pause", waits).await;
    hub.stop(run);
    let confirmed = |state: &State| {
        let has = |row: &view::TranscriptRow| matches!(&row.body, RowBody::RunEnd { teardown, .. } if teardown.is_some());
        state.transcript.rows.iter().any(has).then_some(())
    };
    hub.wait("the host's word", confirmed).await;
    assert_eq!(model.request_count(), 1);
    runner.stop().await;
}

/// Milliseconds in the header keep the test short; `Retry-After` counts in seconds.
#[tokio::test]
async fn the_pause_is_as_long_as_the_server_asks_for() {
    let hub = FakeHub::start().await;
    let calls = AtomicUsize::new(0);
    let model = RawModel::start(move |_| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => RawAnswer::new(429, "application/json", "{\"error\":\"slow down\"}")
            .field("retry-after-ms", "70"),
        _ => RawAnswer::stream("data: {\"choices\":[{\"delta\":{\"content\":\"yes\"},\"finish_reason\":\"stop\"}]}\n\n"),
    })
    .await;
    let cutter = TcpCutter::start(hub.addr).await;
    let runner = Runner::start(RunnerConfig {
        // Without the server's header the pause would be longer than the test.
        model_retry_ms_min: 3_600_000,
        ..config(&cutter.addr().to_string(), "m", provider(&model.base_url()))
    });
    hub.send("?", Delivery::Queue);
    let ended = |state: &State| {
        let outcome = |row: &view::TranscriptRow| match &row.body {
            RowBody::RunEnd { outcome, .. } => Some(outcome.clone()),
            _ => None,
        };
        state.transcript.rows.iter().find_map(outcome)
    };
    assert_eq!(hub.wait("the end", ended).await, RunOutcome::Completed);
    let said = |event: &Event| match &event.body {
        EventBody::ModelRetry(body) => Some(body.delay_ms),
        _ => None,
    };
    let delays: Vec<_> = hub.state().log.iter().filter_map(said).collect();
    // The runner adds at most an eighth, so that runners that were refused together do not come back together.
    assert!(matches!(delays[..], [70..=79]), "{delays:?}");
    assert_eq!(model.requests().len(), 2);
    runner.stop().await;
}
