//! The core alone, with more runs than it answers concurrently.

use std::time::Instant;

use baton_protocol::*;
use baton_runner::limits::RUNS_SIDE_BY_SIDE_MAX;
use baton_runner::provider::{ModelEnd, ModelEvent};
use baton_runner::{AgentSpec, CallId, Core, Effect, ModelOutput, Taken};
use baton_session::*;

use crate::fake_hub::{RUNNER, laptop};

/// A session with a prompt and a run for it.
pub struct Line {
    pub session: SessionId,
    pub run: RunId,
    pub epoch: Epoch,
    pub batch: Batch,
    pub state: SessionState,
}

pub fn line(instance: RunnerInstanceId) -> Line {
    let session = SessionId::mint();
    let mut state = SessionState::default();
    let mut events = Vec::new();
    let mut record = |state: &mut SessionState, new: Vec<NewEvent>| {
        for event in new {
            let event = event.at(state.head().next(), TimestampMs(0));
            state.apply(&event, &mut NoTranscript).expect("folds");
            events.push(event);
        }
    };
    let agent = AgentId("assistant".to_owned());
    let create = CreateSessionCommand {
        agent: agent.clone(),
        runner: None,
        title: None,
    };
    let send = SendPromptCommand {
        run: None,
        text: "hello".to_owned(),
        delivery: Delivery::Queue,
    };
    for body in [
        CommandBody::CreateSession(create),
        CommandBody::SendPrompt(send),
    ] {
        let command = Command {
            only_if: None,
            id: CommandId::mint(),
            log: LogId::Session(session),
            body,
        };
        let decision = decide(
            &state,
            &command,
            &laptop(),
            &DecideFacts { can_steer: true },
        );
        record(&mut state, decision.events);
    }
    let run = RunId::mint();
    let started = start_run(&state, run, agent, RUNNER, instance);
    record(&mut state, started);
    let epoch = state.active_run(run).expect("on").epoch;
    Line {
        session,
        run,
        epoch,
        batch: whole(session, events),
        state,
    }
}

/// A whole log, with a new incarnation.
fn whole(session: SessionId, events: Vec<Event>) -> Batch {
    let upto = events.last().expect("not empty").seq;
    Batch {
        log: LogId::Session(session),
        incarnation: Incarnation::mint(),
        after: Seq::ZERO,
        upto,
        head: upto,
        events,
    }
}

impl Line {
    /// The same session in a log that was restored from a copy, in which the run has made these writes.
    fn restored(&self, writes: &[RunWriteEntry]) -> Batch {
        let (state, mut events) = (&self.state, self.batch.events.clone());
        let more =
            decide_run_write(state, self.run, self.epoch, RUNNER, writes, &[]).expect("fits");
        for event in more {
            let seq = events.last().expect("not empty").seq.next();
            events.push(event.at(seq, TimestampMs(0)));
        }
        whole(self.session, events)
    }
}

/// The same events as two batches, the first of them up to `first_upto`.
fn in_pages(batch: &Batch, first_upto: Seq) -> [Batch; 2] {
    let (first, rest) = batch
        .events
        .iter()
        .cloned()
        .partition(|event| event.seq <= first_upto);
    let first = Batch {
        upto: first_upto,
        events: first,
        ..batch.clone()
    };
    let rest = Batch {
        after: first_upto,
        events: rest,
        ..batch.clone()
    };
    [first, rest]
}

fn opened() -> RunWriteEntry {
    let write = RunWrite::OpenPart {
        part: PartIndex(0),
        kind: PartKind::Text,
    };
    RunWriteEntry {
        producer: ProducerSeq(1),
        write,
    }
}

/// All frames that the core sends now.
pub fn frames(core: &mut Core, now: Instant) -> Vec<ClientFrame> {
    std::iter::from_fn(|| core.next_frame(now)).collect()
}

/// A core with one agent that takes a thousand characters.
pub fn core(instance: RunnerInstanceId) -> Core {
    let description = AgentDescription {
        id: AgentId("assistant".to_owned()),
        name: "A".to_owned(),
        model: "m".to_owned(),
        can_steer: true,
    };
    Core::new(
        instance,
        [AgentSpec {
            description,
            system_prompt: String::new(),
            context_chars_max: 1_000,
        }],
    )
}

pub fn assign(core: &mut Core, line: &Line, now: Instant) {
    let (session, run, epoch) = (line.session, line.run, line.epoch);
    core.frame(
        HubFrame::RunAssigned {
            session,
            run,
            epoch,
            seq: line.batch.upto,
        },
        now,
    );
    core.frame(HubFrame::Batch(line.batch.clone()), now);
}

pub fn calls(core: &mut Core) -> Vec<CallId> {
    let call = |effect| match effect {
        Effect::Call { call, .. } => Some(call),
        _ => None,
    };
    core.take_effects().into_iter().filter_map(call).collect()
}

#[test]
fn runs_beyond_the_bound_wait_for_a_place() {
    let (now, instance) = (Instant::now(), RunnerInstanceId::mint());
    let mut core = core(instance);
    core.connected(now);
    let lines: Vec<Line> = (0..RUNS_SIDE_BY_SIDE_MAX + 2)
        .map(|_| line(instance))
        .collect();
    lines.iter().for_each(|line| assign(&mut core, line, now));
    let begun = calls(&mut core);
    assert_eq!(begun.len(), RUNS_SIDE_BY_SIDE_MAX);

    assert_eq!(
        core.model(
            begun[0],
            ModelOutput::Event(ModelEvent::Done(ModelEnd::Whole)),
            now
        ),
        Taken::Yes
    );
    assert_eq!(calls(&mut core).len(), 1);
    assert_eq!(
        core.model(
            begun[0],
            ModelOutput::Event(ModelEvent::Done(ModelEnd::Whole)),
            now
        ),
        Taken::No
    );
    assert_eq!(
        core.model(begun[1], ModelOutput::Failed("no".to_owned()), now),
        Taken::Yes
    );
    assert_eq!(calls(&mut core).len(), 1);
    assert_eq!(
        core.model(
            begun[2],
            ModelOutput::Event(ModelEvent::Done(ModelEnd::Whole)),
            now
        ),
        Taken::Yes
    );
    assert_eq!(calls(&mut core).len(), 0);
}

#[test]
fn a_run_of_an_earlier_start_is_left_alone() {
    let now = Instant::now();
    let mut core = core(RunnerInstanceId::mint());
    core.connected(now);
    assign(&mut core, &line(RunnerInstanceId::mint()), now);
    assert_eq!(calls(&mut core).len(), 0);
    let frames: Vec<ClientFrame> = std::iter::from_fn(|| core.next_frame(now)).collect();
    assert!(
        matches!(
            frames[..],
            [
                ClientFrame::Subscribe { .. },
                ClientFrame::Unsubscribe { .. }
            ]
        ),
        "{frames:?}"
    );
}

#[test]
fn an_agent_that_is_not_hosted_ends_the_run_with_words() {
    let (now, instance) = (Instant::now(), RunnerInstanceId::mint());
    let mut core = Core::new(instance, []);
    core.connected(now);
    assign(&mut core, &line(instance), now);
    let frames: Vec<ClientFrame> = std::iter::from_fn(|| core.next_frame(now)).collect();
    let Some(ClientFrame::WriteRun { entries, .. }) = frames.last() else {
        panic!("{frames:?}")
    };
    let RunWrite::EndRun {
        failure: Some(message),
        ..
    } = &entries[0].write
    else {
        panic!("{entries:?}")
    };
    assert!(message.contains("does not host"), "{message}");
}

/// The hub was restored from a copy: the run is active there, and its log has less than this runner wrote.
#[test]
fn a_run_in_a_restored_log_ends_and_is_not_asked_again() {
    let (now, instance) = (Instant::now(), RunnerInstanceId::mint());
    let mut core = core(instance);
    core.connected(now);
    let line = line(instance);
    assign(&mut core, &line, now);
    let begun = calls(&mut core);
    for _ in 0..3 {
        let text = ModelEvent::Text("more".to_owned());
        core.model(begun[0], ModelOutput::Event(text), now);
    }
    frames(&mut core, now);

    // The hub assigns the run before it says that the log has another incarnation.
    let restored = line.restored(&[opened()]);
    let (session, run, epoch) = (line.session, line.run, line.epoch);
    core.disconnected();
    core.connected(now);
    let assigned = HubFrame::RunAssigned {
        session,
        run,
        epoch,
        seq: line.batch.upto,
    };
    core.frame(assigned, now);
    core.frame(
        HubFrame::Missing {
            log: LogId::Session(session),
            incarnation: Some(restored.incarnation),
        },
        now,
    );
    core.frame(HubFrame::Batch(restored), now);
    assert_eq!(calls(&mut core).len(), 0);
    let producer = ProducerSeq(1);
    let asked = frames(&mut core, now);
    let resumes = |frame: &ClientFrame| matches!(frame, ClientFrame::ResumeRun { .. });
    assert!(asked.iter().any(resumes), "{asked:?}");
    core.frame(HubFrame::RunAcked { run, producer }, now);
    let sent = frames(&mut core, now);
    let Some(ClientFrame::WriteRun { entries, .. }) = sent.last() else {
        panic!("{sent:?}")
    };
    assert_eq!(entries[0].producer, ProducerSeq(2));
    assert!(matches!(
        entries[0].write,
        RunWrite::EndRun {
            failure: Some(_),
            ..
        }
    ));
}

/// While the runner reads a replaced log page by page, a run in it looks as if nothing were written yet: the runner asks the model only at
/// the log's end. Found by the simulation (seed 901195).
#[test]
fn a_log_that_is_read_in_pages_begins_nothing_before_its_end() {
    let (now, instance) = (Instant::now(), RunnerInstanceId::mint());
    let line = line(instance);
    let ended = RunWriteEntry {
        producer: ProducerSeq(2),
        write: RunWrite::EndRun {
            failure: Some("over".to_owned()),
            usage: None,
            finish_reason: None,
        },
    };
    for (writes, is_on) in [(vec![opened()], true), (vec![opened(), ended], false)] {
        let mut core = core(instance);
        core.connected(now);
        assign(&mut core, &line, now);
        assert_eq!(calls(&mut core).len(), 1);
        frames(&mut core, now);
        let restored = line.restored(&writes);
        core.frame(
            HubFrame::Missing {
                log: LogId::Session(line.session),
                incarnation: Some(restored.incarnation),
            },
            now,
        );
        let [first, rest] = in_pages(&restored, line.batch.upto);
        core.frame(HubFrame::Batch(first), now);
        core.tick(now);
        assert_eq!(calls(&mut core).len(), 0);
        core.frame(HubFrame::Batch(rest), now);
        assert_eq!(calls(&mut core).len(), 0);
        let resumes = |frame: &ClientFrame| matches!(frame, ClientFrame::ResumeRun { .. });
        assert_eq!(frames(&mut core, now).iter().any(resumes), is_on);
    }
}

/// The same for a session that is read for the first time: the run begins only with the page that reaches the head.
#[test]
fn a_run_begins_with_the_page_that_reaches_the_head() {
    let (now, instance) = (Instant::now(), RunnerInstanceId::mint());
    let mut core = core(instance);
    core.connected(now);
    let mut line = line(instance);
    let later = NewEvent {
        by: Principal::Hub,
        command: None,
        producer: None,
        recorded_at: None,
        body: EventBody::SessionRenamed(SessionRenamedEvent {
            title: "later".to_owned(),
            source: TitleSource::Person,
        }),
    };
    let head = line.batch.head.next();
    line.batch.events.push(later.at(head, TimestampMs(0)));
    (line.batch.upto, line.batch.head) = (head, head);
    let [first, rest] = in_pages(&line.batch, line.state.head());
    line.batch = first;
    assign(&mut core, &line, now);
    core.tick(now);
    assert_eq!(calls(&mut core).len(), 0);
    core.frame(HubFrame::Batch(rest), now);
    assert_eq!(calls(&mut core).len(), 1);
}

#[test]
fn a_run_that_a_restored_log_does_not_have_is_forgotten() {
    let (now, instance) = (Instant::now(), RunnerInstanceId::mint());
    let mut core = core(instance);
    core.connected(now);
    let (old, new) = (line(instance), line(RunnerInstanceId::mint()));
    assign(&mut core, &old, now);
    calls(&mut core);
    frames(&mut core, now);
    core.frame(
        HubFrame::Missing {
            log: LogId::Session(old.session),
            incarnation: Some(new.batch.incarnation),
        },
        now,
    );
    let other = Batch {
        log: LogId::Session(old.session),
        ..new.batch
    };
    core.frame(HubFrame::Batch(other), now);
    assert_eq!(calls(&mut core).len(), 0);
    assert!(matches!(
        frames(&mut core, now).last(),
        Some(ClientFrame::Unsubscribe { .. })
    ));
}

impl Line {
    /// A person's next command, as the batch that its events make.
    fn person(&mut self, body: CommandBody) -> (CommandId, Batch) {
        let command = Command {
            only_if: None,
            id: CommandId::mint(),
            log: LogId::Session(self.session),
            body,
        };
        let facts = DecideFacts { can_steer: true };
        let decision = decide(&self.state, &command, &laptop(), &facts);
        let after = self.state.head();
        let mut events = Vec::new();
        for event in decision.events {
            let event = event.at(self.state.head().next(), TimestampMs(0));
            self.state
                .apply(&event, &mut NoTranscript)
                .expect("a decision folds");
            events.push(event);
        }
        let head = self.state.head();
        let batch = Batch {
            after,
            upto: head,
            head,
            events,
            ..self.batch.clone()
        };
        (command.id, batch)
    }
}

#[test]
fn a_steer_is_taken_in_when_nobody_edits_it_any_more() {
    let (now, instance) = (Instant::now(), RunnerInstanceId::mint());
    let mut core = core(instance);
    core.connected(now);
    let mut line = line(instance);
    assign(&mut core, &line, now);
    assert_eq!(calls(&mut core).len(), 1);
    let (steer, sent) = line.person(CommandBody::SendPrompt(SendPromptCommand {
        run: None,
        text: "shorter".to_owned(),
        delivery: Delivery::Steer,
    }));
    let prompt = PromptId(steer);
    let begin = CommandBody::BeginPromptEdit(BeginPromptEditCommand { prompt });
    let (_, began) = line.person(begin);
    // The device was quick: one batch has both.
    let both = Batch {
        upto: began.upto,
        head: began.head,
        events: sent.events.into_iter().chain(began.events).collect(),
        ..sent
    };
    core.frame(HubFrame::Batch(both), now);
    let consumes = |frames: Vec<ClientFrame>| {
        let write = |entry: &RunWriteEntry| matches!(entry.write, RunWrite::ConsumeSteer { .. });
        frames.iter().any(|frame| {
            matches!(frame, ClientFrame::WriteRun { entries, .. } if entries.iter().any(write))
        })
    };
    assert!(!consumes(frames(&mut core, now)), "a device edits it");
    let end = CommandBody::EndPromptEdit(EndPromptEditCommand { prompt });
    let (_, ended) = line.person(end);
    core.frame(HubFrame::Batch(ended), now);
    assert!(consumes(frames(&mut core, now)));
}

#[test]
fn a_run_that_is_given_up_is_named_no_more() {
    let (now, instance) = (Instant::now(), RunnerInstanceId::mint());
    let mut core = core(instance);
    core.connected(now);
    let line = line(instance);
    assign(&mut core, &line, now);
    assert_eq!(core.held_runs().collect::<Vec<_>>(), [line.run]);
    let log = Some(LogId::Session(line.session));
    // The hub has no room for the session's log for now: the runner asks again.
    core.frame(
        HubFrame::Refused {
            command: None,
            log,
            error: ErrorCode::TooLarge.with("too many", "wait"),
        },
        now,
    );
    assert_eq!(core.held_runs().count(), 1);
    let later = now + std::time::Duration::from_secs(2);
    let again = frames(&mut core, later);
    let is_subscribe = |frame: &ClientFrame| matches!(frame, ClientFrame::Subscribe { .. });
    assert!(again.iter().any(is_subscribe), "{again:?}");
    core.frame(
        HubFrame::Refused {
            command: None,
            log,
            error: ErrorCode::Forbidden.with("not yours", "stop"),
        },
        later,
    );
    assert_eq!(core.held_runs().count(), 0);
}

/// The runs whose writes are sent now.
fn written(core: &mut Core, now: Instant) -> Vec<RunId> {
    let frames = frames(core, now).into_iter();
    let runs = frames.filter_map(|frame| match frame {
        ClientFrame::WriteRun { run, .. } => Some(run),
        _ => None,
    });
    runs.collect()
}

fn resumed(core: &mut Core, lines: &[Line], now: Instant) {
    core.connected(now);
    frames(core, now);
    for line in lines {
        let (run, producer) = (line.run, ProducerSeq(0));
        core.frame(HubFrame::RunAcked { run, producer }, now);
    }
}

#[test]
fn a_run_whose_writes_the_hub_cannot_read_is_found_and_ended_and_the_others_go_on() {
    let (now, instance) = (Instant::now(), RunnerInstanceId::mint());
    let mut core = core(instance);
    core.connected(now);
    let mut lines: Vec<Line> = (0..3).map(|_| line(instance)).collect();
    lines.sort_by_key(|line| line.run);
    lines.iter().for_each(|line| assign(&mut core, line, now));
    frames(&mut core, now);
    resumed(&mut core, &lines, now);
    for call in calls(&mut core) {
        let text = ModelEvent::Text("hello".to_owned());
        core.model(call, ModelOutput::Event(text), now);
    }
    let later = now + std::time::Duration::from_secs(1);
    assert_eq!(written(&mut core, later).len(), 3, "all write at once");
    core.unreadable();
    core.disconnected();
    resumed(&mut core, &lines, later);
    assert_eq!(written(&mut core, later), [lines[0].run], "one at a time");
    let (run, producer) = (lines[0].run, ProducerSeq(2));
    core.frame(HubFrame::RunAcked { run, producer }, later);
    assert_eq!(written(&mut core, later), [lines[1].run]);
    core.unreadable();
    core.disconnected();

    // The run ends with a message, and what the hub could not read is never sent again.
    resumed(&mut core, &lines[1..], later);
    assert_eq!(written(&mut core, later), [lines[2].run], "under suspicion");
    let run = lines[2].run;
    core.frame(HubFrame::RunAcked { run, producer }, later);
    let ended = frames(&mut core, later)
        .into_iter()
        .find_map(|frame| match frame {
            ClientFrame::WriteRun { run, entries, .. } if run == lines[1].run => Some(entries),
            _ => None,
        });
    let writes: Vec<RunWrite> = ended
        .into_iter()
        .flatten()
        .map(|entry| entry.write)
        .collect();
    assert!(
        matches!(
            &writes[..],
            [RunWrite::EndRun {
                failure: Some(_),
                ..
            }]
        ),
        "{writes:?}"
    );
}
