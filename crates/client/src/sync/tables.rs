//! Tables: (what happened) → (what is to be done).

use baton_protocol::limits::{HEARTBEAT_INTERVAL_MS, HEARTBEAT_TIMEOUT_MS, PROTOCOL_VERSION};
use baton_protocol::view::ConnectionPhase;
use baton_protocol::{
    AccountId, AgentId, Batch, ClientFrame, Command, CommandBody, CommandEffect, CommandId,
    CreateSessionCommand, Cursor, Delivery, DeviceId, ErrorCode, HubFrame, Incarnation, LogId,
    PauseQueueCommand, Principal, Receipt, ReceiptOutcome, SendPromptCommand, Seq, SessionId,
    TimestampMs,
};
use uuid::Uuid;

use super::*;
use crate::limits::{
    BACKGROUND_FETCHES_MAX, OUTBOX_IN_FLIGHT_MAX, RECONNECT_DELAY_MS_MAX, STALE_AFTER_MS,
};

fn account() -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(1))
}

fn account_log() -> LogId {
    LogId::Account(account())
}

fn session(n: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(100 + n))
}

fn log(n: u128) -> LogId {
    LogId::Session(session(n))
}

fn incarnation(n: u128) -> Incarnation {
    Incarnation::from_uuid(Uuid::from_u128(n))
}

fn command(n: u128, log: LogId, body: CommandBody) -> Command {
    let id = CommandId::from_uuid(Uuid::from_u128(1_000 + n));
    Command { id, log, body }
}

fn prompt(n: u128, log: LogId) -> Command {
    let text = format!("prompt {n}");
    let delivery = Delivery::Queue;
    let body = CommandBody::SendPrompt(SendPromptCommand { text, delivery });
    command(n, log, body)
}

fn create(n: u128, log: LogId) -> Command {
    let agent = AgentId("assistant".into());
    let create = CreateSessionCommand {
        agent,
        runner: None,
        title: None,
    };
    command(n, log, CommandBody::CreateSession(create))
}

fn queued(command: Command) -> Input {
    Input::IntentQueued(PendingIntent {
        command,
        maybe_sent: false,
    })
}

fn accepted(command: &Command) -> HubFrame {
    answer(
        command,
        ReceiptOutcome::Accepted {
            effect: CommandEffect::Applied,
        },
    )
}

fn answer(command: &Command, outcome: ReceiptOutcome) -> HubFrame {
    let receipt = Receipt {
        command: command.id,
        log: command.log,
        seq: Seq(1),
        recorded_at: TimestampMs(0),
        outcome,
    };
    HubFrame::Receipt { receipt }
}

fn batch(log: LogId, after: u64, upto: u64, head: u64) -> Batch {
    Batch {
        log,
        incarnation: incarnation(7),
        after: Seq(after),
        upto: Seq(upto),
        head: Seq(head),
        events: Vec::new(),
    }
}

fn cursor(seq: u64) -> Cursor {
    Cursor {
        incarnation: incarnation(7),
        seq: Seq(seq),
    }
}

struct Bench {
    engine: SyncEngine,
    now: Now,
}

impl Bench {
    fn with(cursors: Vec<(LogId, Cursor)>, intents: Vec<PendingIntent>) -> Self {
        let engine = SyncEngine::new(SyncConfig {
            account: account(),
            seed: 42,
            cursors,
            sessions: Vec::new(),
            intents,
        });
        let now = Now {
            mono_ms: 1_000,
            wall: TimestampMs(1_000_000),
        };
        Self { engine, now }
    }

    fn new() -> Self {
        Self::with(Vec::new(), Vec::new())
    }

    /// Connected, greeted, and level with the account's log.
    fn live() -> Self {
        let mut bench = Self::new();
        bench.connect();
        bench.hear(HubFrame::Batch(batch(account_log(), 0, 3, 3)));
        bench
    }

    fn connect(&mut self) -> Vec<Output> {
        self.give(Input::Start);
        self.open()
    }

    fn open(&mut self) -> Vec<Output> {
        self.give(Input::Connected);
        self.hear(HubFrame::Welcome {
            account: account(),
            principal: Principal::Device {
                account: account(),
                device: DeviceId::from_uuid(Uuid::from_u128(2)),
            },
            hub_name: "hub".into(),
            capabilities: Vec::new(),
        })
    }

    fn give(&mut self, input: Input) -> Vec<Output> {
        self.engine.handle(self.now, input);
        std::iter::from_fn(|| self.engine.next_output()).collect()
    }

    fn hear(&mut self, frame: HubFrame) -> Vec<Output> {
        self.give(Input::FrameReceived(Box::new(frame)))
    }

    fn pass(&mut self, ms: u64) -> Vec<Output> {
        self.now.mono_ms += ms;
        self.now.wall.0 += i64::try_from(ms).unwrap();
        self.give(Input::Tick)
    }
}

fn sent(outputs: &[Output]) -> Vec<ClientFrame> {
    let frames = outputs.iter().filter_map(|output| match output {
        Output::Send(frame) => Some(frame.clone()),
        _ => None,
    });
    frames.collect()
}

fn phase(outputs: &[Output]) -> Option<ConnectionPhase> {
    let phases = outputs.iter().filter_map(|output| match output {
        Output::Connection(status) => Some(status.phase),
        _ => None,
    });
    phases.last()
}

fn subscribe(log: LogId, cursor: Option<Cursor>) -> ClientFrame {
    ClientFrame::Subscribe { log, cursor }
}

fn lost() -> Input {
    Input::Disconnected(Problem::passing(
        ErrorCode::HeartbeatMissed.with("gone", ""),
    ))
}

#[test]
fn a_start_greets_and_follows_the_account_from_the_mirrors_cursor() {
    let mut bench = Bench::with(vec![(account_log(), cursor(5))], Vec::new());
    assert_eq!(bench.give(Input::Start)[0], Output::Connect);
    let hello = sent(&bench.give(Input::Connected));
    assert_eq!(
        hello,
        [ClientFrame::Hello {
            protocol: PROTOCOL_VERSION,
            capabilities: Vec::new(),
            runner: None
        }]
    );
    let outputs = bench.open();
    assert_eq!(sent(&outputs), [subscribe(account_log(), Some(cursor(5)))]);
    assert_eq!(phase(&outputs), Some(ConnectionPhase::CatchingUp));
    let outputs = bench.hear(HubFrame::Batch(batch(account_log(), 5, 5, 5)));
    assert_eq!(phase(&outputs), Some(ConnectionPhase::Live));
    assert!(
        !outputs
            .iter()
            .any(|output| matches!(output, Output::ApplyBatch(_)))
    );
}

#[test]
fn a_batch_is_applied_only_where_it_continues_the_cursor() {
    let mut bench = Bench::live();
    bench.give(Input::Want(log(1)));
    let first = batch(log(1), 0, 4, 9);
    let outputs = bench.hear(HubFrame::Batch(first.clone()));
    assert!(outputs.contains(&Output::ApplyBatch(first.clone())));

    let again = bench.hear(HubFrame::Batch(first));
    assert_eq!(again, []);

    let gap = bench.hear(HubFrame::Batch(batch(log(1), 6, 9, 9)));
    assert_eq!(gap, [Output::Send(subscribe(log(1), Some(cursor(4))))]);
    // What is still on the line of the earlier subscription asks no second time.
    assert_eq!(bench.hear(HubFrame::Batch(batch(log(1), 6, 9, 9))), []);

    let next = batch(log(1), 4, 9, 9);
    let outputs = bench.hear(HubFrame::Batch(next.clone()));
    assert_eq!(outputs[0], Output::ApplyBatch(next));
    let caught_up = Output::CaughtUp {
        log: log(1),
        caught_up: true,
    };
    assert!(outputs.contains(&caught_up));
}

#[test]
fn events_out_of_order_are_no_batch() {
    let mut bench = Bench::live();
    let mut wrong = batch(account_log(), 3, 2, 3);
    wrong.upto = Seq(2);
    assert_eq!(bench.hear(HubFrame::Batch(wrong))[0], Output::Close);
}

#[test]
fn a_missing_cursor_drops_the_mirror_and_begins_anew() {
    let mut bench = Bench::with(vec![(log(1), cursor(8))], Vec::new());
    bench.connect();
    bench.give(Input::Want(log(1)));
    let outputs = bench.hear(HubFrame::Missing {
        log: log(1),
        incarnation: Some(incarnation(9)),
    });
    assert_eq!(outputs[0], Output::DropLog(log(1)));
    assert_eq!(sent(&outputs), [subscribe(log(1), None)]);
    let fresh = Batch {
        incarnation: incarnation(9),
        ..batch(log(1), 0, 2, 2)
    };
    let outputs = bench.hear(HubFrame::Batch(fresh.clone()));
    assert_eq!(outputs[0], Output::ApplyBatch(fresh));
}

#[test]
fn a_session_that_is_not_there_is_asked_for_again_once_its_creation_is_answered() {
    let mut bench = Bench::live();
    bench.give(Input::Want(log(1)));
    let missing = HubFrame::Missing {
        log: log(1),
        incarnation: None,
    };
    assert_eq!(sent(&bench.hear(missing)), []);
    let begin = create(1, log(1));
    bench.give(queued(begin.clone()));
    let outputs = bench.hear(accepted(&begin));
    assert_eq!(sent(&outputs), [subscribe(log(1), None)]);
}

#[test]
fn another_incarnation_in_mid_stream_begins_anew() {
    let mut bench = Bench::live();
    bench.give(Input::Want(log(1)));
    bench.hear(HubFrame::Batch(batch(log(1), 0, 4, 4)));
    let other = Batch {
        incarnation: incarnation(9),
        ..batch(log(1), 4, 5, 5)
    };
    let outputs = bench.hear(HubFrame::Batch(other));
    assert_eq!(outputs[0], Output::DropLog(log(1)));
    assert_eq!(sent(&outputs), [subscribe(log(1), None)]);
}

#[test]
fn heartbeats_go_out_and_silence_is_first_stale_then_dead() {
    let mut bench = Bench::live();
    assert_eq!(
        sent(&bench.pass(HEARTBEAT_INTERVAL_MS)),
        [ClientFrame::Heartbeat {}]
    );
    let mut phases = Vec::new();
    for _ in 0..20 {
        let due = bench.engine.deadline_ms().unwrap();
        let outputs = bench.pass(due - bench.now.mono_ms);
        phases.extend(phase(&outputs));
        if outputs.contains(&Output::Close) {
            break;
        }
    }
    assert_eq!(
        phases,
        [ConnectionPhase::Stale, ConnectionPhase::Reconnecting]
    );
    assert_eq!(bench.now.mono_ms, 1_000 + HEARTBEAT_TIMEOUT_MS);
    const { assert!(STALE_AFTER_MS < HEARTBEAT_TIMEOUT_MS) };
}

#[test]
fn an_answer_makes_a_stale_line_live_again() {
    let mut bench = Bench::live();
    bench.pass(HEARTBEAT_INTERVAL_MS);
    bench.pass(HEARTBEAT_INTERVAL_MS);
    assert_eq!(
        phase(&bench.pass(HEARTBEAT_INTERVAL_MS / 2)),
        Some(ConnectionPhase::Stale)
    );
    assert_eq!(
        phase(&bench.hear(HubFrame::HeartbeatAck {})),
        Some(ConnectionPhase::Live)
    );
}

#[test]
fn a_lost_line_is_made_anew_within_the_limits_and_at_once_after_a_nudge() {
    let mut bench = Bench::live();
    let outputs = bench.give(lost());
    assert_eq!(phase(&outputs), Some(ConnectionPhase::Reconnecting));
    let due = bench.engine.deadline_ms().unwrap();
    assert!(due - bench.now.mono_ms <= RECONNECT_DELAY_MS_MAX);
    assert_eq!(bench.give(Input::Nudge)[0], Output::Connect);
}

#[test]
fn a_wall_clock_that_ran_ahead_is_a_sleep_and_the_line_is_made_anew() {
    let mut bench = Bench::live();
    bench.now.wall.0 += 3_600_000;
    let outputs = bench.pass(1_000);
    assert_eq!(outputs[0], Output::Close);
    assert!(outputs.contains(&Output::Connect));
}

#[test]
fn a_hub_that_does_not_want_this_device_is_not_asked_again() {
    let mut bench = Bench::live();
    let refused = ErrorCode::Revoked.with("revoked", "");
    let outputs = bench.give(Input::Disconnected(Problem::lasting(refused)));
    assert_eq!(phase(&outputs), Some(ConnectionPhase::Refused));
    assert_eq!(bench.engine.deadline_ms(), None);
}

#[test]
fn intents_are_marked_then_sent_in_order_and_again_after_each_reconnect() {
    let mut bench = Bench::new();
    let (one, two) = (prompt(1, log(1)), prompt(2, log(1)));
    bench.give(queued(one.clone()));
    bench.give(queued(two.clone()));
    let outputs = bench.connect();
    let frame = |command: &Command| ClientFrame::Command {
        command: command.clone(),
    };
    let mark = Output::MarkSent(vec![one.id, two.id]);
    let at = |output: &Output| outputs.iter().position(|given| given == output);
    assert!(at(&mark).unwrap() < at(&Output::Send(frame(&one))).unwrap());
    assert_eq!(sent(&outputs)[1..], [frame(&one), frame(&two)]);

    bench.hear(accepted(&one));
    bench.give(lost());
    bench.give(Input::Nudge);
    let outputs = bench.open();
    assert_eq!(sent(&outputs)[1..], [frame(&two)]);
    assert!(
        !outputs
            .iter()
            .any(|output| matches!(output, Output::MarkSent(_)))
    );
}

#[test]
fn a_session_is_created_before_anything_is_said_in_it() {
    let mut bench = Bench::live();
    let (begin, ask) = (create(1, log(1)), prompt(2, log(1)));
    bench.give(queued(begin.clone()));
    assert_eq!(sent(&bench.give(queued(ask.clone()))), []);
    let outputs = bench.hear(accepted(&begin));
    assert!(sent(&outputs).contains(&ClientFrame::Command { command: ask }));
}

#[test]
fn a_refused_creation_refuses_what_was_meant_for_the_session() {
    let mut bench = Bench::live();
    let (begin, ask) = (create(1, log(1)), prompt(2, log(1)));
    bench.give(queued(begin.clone()));
    bench.give(queued(ask.clone()));
    let error = ErrorCode::Forbidden.with("not allowed", "ask");
    let outputs = bench.hear(answer(&begin, ReceiptOutcome::Refused { error }));
    let refused = outputs.iter().find_map(|output| match output {
        Output::RefuseIntent { command, error } => Some((*command, error.message.clone())),
        _ => None,
    });
    let message = "the session could not be created: not allowed".to_owned();
    assert_eq!(refused, Some((ask.id, message)));
}

#[test]
fn what_the_hub_cannot_answer_now_waits_and_holds_its_log_only() {
    let mut bench = Bench::live();
    let stuck = prompt(1, log(1));
    bench.give(queued(stuck.clone()));
    bench.hear(HubFrame::Refused {
        command: Some(stuck.id),
        log: Some(log(1)),
        error: ErrorCode::StorageUnavailable.with("later", ""),
    });
    assert_eq!(sent(&bench.give(queued(prompt(2, log(1))))), []);
    let pause = CommandBody::PauseQueue(PauseQueueCommand {});
    let other = command(3, log(2), pause);
    assert_eq!(sent(&bench.give(queued(other))).len(), 1);
    let due = bench.engine.deadline_ms().unwrap();
    let outputs = bench.pass(due - bench.now.mono_ms);
    let texts: Vec<CommandId> = sent(&outputs)
        .into_iter()
        .filter_map(|frame| match frame {
            ClientFrame::Command { command } => Some(command.id),
            _ => None,
        })
        .collect();
    assert_eq!(texts, [stuck.id, prompt(2, log(1)).id]);
}

#[test]
fn only_so_many_intents_are_on_the_line_at_once() {
    let intents = (0..100).map(|n| PendingIntent {
        command: prompt(n, log(1)),
        maybe_sent: false,
    });
    let mut bench = Bench::with(Vec::new(), intents.collect());
    let outputs = bench.connect();
    assert_eq!(sent(&outputs).len(), 1 + OUTBOX_IN_FLIGHT_MAX);
    let outputs = bench.hear(accepted(&prompt(0, log(1))));
    assert_eq!(sent(&outputs).len(), 1);
}

#[test]
fn only_what_was_never_sent_can_be_taken_back() {
    let mut bench = Bench::new();
    let ask = prompt(1, log(1));
    bench.give(queued(ask.clone()));
    assert_eq!(bench.engine.cancel(ask.id), CancelOutcome::Cancelled);
    assert_eq!(bench.engine.cancel(ask.id), CancelOutcome::NotWaiting);
    bench.connect();
    bench.give(queued(ask.clone()));
    assert_eq!(bench.engine.cancel(ask.id), CancelOutcome::MaybeSent);
}

#[test]
fn sessions_that_are_behind_are_fetched_a_few_at_a_time_and_let_go() {
    let mut bench = Bench::live();
    let position = |n: u128| SessionPosition {
        session: session(n),
        seq: Seq(5),
        running: false,
        updated_at: TimestampMs(i64::try_from(n).unwrap()),
    };
    let outputs = bench.give(Input::Summaries((0..10).map(position).collect()));
    assert_eq!(sent(&outputs).len(), BACKGROUND_FETCHES_MAX);
    // The newest ones first.
    assert_eq!(sent(&outputs)[0], subscribe(log(6), None));

    let outputs = bench.hear(HubFrame::Batch(batch(log(6), 0, 5, 5)));
    assert_eq!(
        sent(&outputs),
        [
            ClientFrame::Unsubscribe { log: log(6) },
            subscribe(log(5), None)
        ]
    );
}

#[test]
fn running_sessions_are_followed_until_they_end() {
    let mut bench = Bench::live();
    let position = |running, seq| SessionPosition {
        session: session(1),
        seq: Seq(seq),
        running,
        updated_at: TimestampMs(1),
    };
    let outputs = bench.give(Input::Summaries(vec![position(true, 2)]));
    assert_eq!(sent(&outputs), [subscribe(log(1), None)]);
    assert_eq!(
        sent(&bench.hear(HubFrame::Batch(batch(log(1), 0, 9, 9)))),
        []
    );
    let outputs = bench.give(Input::Summaries(vec![position(false, 9)]));
    assert_eq!(sent(&outputs), [ClientFrame::Unsubscribe { log: log(1) }]);
}

#[test]
fn a_summary_beyond_the_logs_head_asks_once_and_not_for_ever() {
    let mut bench = Bench::live();
    let position = SessionPosition {
        session: session(1),
        seq: Seq(50),
        running: false,
        updated_at: TimestampMs(1),
    };
    bench.give(Input::Summaries(vec![position]));
    let outputs = bench.hear(HubFrame::Batch(batch(log(1), 0, 5, 5)));
    assert_eq!(sent(&outputs), [ClientFrame::Unsubscribe { log: log(1) }]);
}

#[test]
fn a_mirror_that_moved_is_followed_from_where_it_stands() {
    let mut bench = Bench::live();
    bench.give(Input::Want(log(1)));
    bench.hear(HubFrame::Batch(batch(log(1), 0, 4, 4)));
    let cursor = Some(cursor(7));
    let outputs = bench.give(Input::MirrorMoved {
        log: log(1),
        cursor,
    });
    assert_eq!(sent(&outputs), [subscribe(log(1), cursor)]);
}
