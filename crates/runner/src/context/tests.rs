//! Compares the builder with a reference that reads everything, over sessions as people, agents and branches make them.

use baton_protocol::*;
use baton_session::*;
use proptest::prelude::*;

use super::{Context, build, oracle};
use crate::provider::ModelMessage;

const AGENT: &str = "assistant";
const SYSTEM: &str = "Be brief.";

/// One step of a session.
#[derive(Clone, Debug)]
enum Step {
    Ask(usize),
    Steer(usize),
    Say(usize),
    Think(usize),
    Complete,
    Fail,
    Retry,
    Resend(usize),
    Choose(usize),
    Child(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let length = 0_usize..60;
    prop_oneof![
        6 => length.clone().prop_map(Step::Ask),
        1 => length.clone().prop_map(Step::Steer),
        6 => length.clone().prop_map(Step::Say),
        1 => length.clone().prop_map(Step::Think),
        4 => Just(Step::Complete),
        2 => Just(Step::Fail),
        1 => Just(Step::Retry),
        1 => any::<usize>().prop_map(Step::Resend),
        1 => any::<usize>().prop_map(Step::Choose),
        1 => length.prop_map(Step::Child),
    ]
}

/// A session with its log.
struct Session {
    state: SessionState,
    transcript: Transcript,
    log: Vec<Event>,
    prompts: Vec<PromptId>,
    said: usize,
}

impl Session {
    fn of(steps: &[Step]) -> Self {
        let mut session = Self {
            state: SessionState::default(),
            transcript: Transcript::default(),
            log: Vec::new(),
            prompts: Vec::new(),
            said: 0,
        };
        session.command(CommandBody::CreateSession(CreateSessionCommand {
            agent: AgentId(AGENT.to_owned()),
            runner: None,
            title: None,
        }));
        steps.iter().for_each(|step| session.take(step));
        session
    }

    fn record(&mut self, events: Vec<NewEvent>) {
        for new in events {
            let event = new.at(self.state.head().next(), TimestampMs(0));
            self.state
                .apply(&event, &mut self.transcript)
                .expect("folds");
            self.log.push(event);
        }
    }

    fn command(&mut self, body: CommandBody) -> CommandId {
        let by = Principal::Device {
            account: AccountId::from_uuid(uuid::Uuid::from_u128(1)),
            device: DeviceId::from_uuid(uuid::Uuid::from_u128(2)),
        };
        let command = Command {
            only_if: None,
            id: CommandId::mint(),
            log: LogId::Session(SessionId::from_uuid(uuid::Uuid::from_u128(3))),
            body,
        };
        let facts = DecideFacts { can_steer: true };
        let decision = decide(&self.state, &command, &by, &facts);
        self.record(decision.events);
        command.id
    }

    fn send(&mut self, delivery: Delivery, length: usize) {
        self.said += 1;
        let text = format!("{}{}", self.said, "ä".repeat(length));
        let body = CommandBody::SendPrompt(SendPromptCommand {
            run: None,
            text,
            delivery,
        });
        let prompt = PromptId(self.command(body));
        self.prompts.push(prompt);
    }

    fn start(&mut self) {
        let (runner, instance) = (RunnerId::mint(), RunnerInstanceId::mint());
        let agent = AgentId(AGENT.to_owned());
        let started = start_run(&self.state, RunId::mint(), agent, runner, instance);
        self.record(started);
    }

    fn write(&mut self, run: RunId, writes: Vec<RunWrite>) {
        let active = self.state.active_run(run).expect("on");
        let entries: Vec<RunWriteEntry> = (active.last_producer.0 + 1..)
            .zip(writes)
            .map(|(producer, write)| RunWriteEntry {
                producer: ProducerSeq(producer),
                write,
            })
            .collect();
        let (epoch, runner) = (active.epoch, active.runner);
        let events = decide_run_write(&self.state, run, epoch, runner, &entries, &[]);
        self.record(events.expect("fits"));
    }

    fn say(&mut self, run: RunId, kind: PartKind, length: usize) {
        self.said += 1;
        let parts = self.state.active_run(run).expect("on").parts.len();
        let part = PartIndex(parts as u32);
        let text = format!("{}{}", self.said, "b".repeat(length));
        let (offset, end) = (0, PartEnd::Complete);
        self.write(
            run,
            vec![
                RunWrite::OpenPart { part, kind },
                RunWrite::AppendText { part, offset, text },
                RunWrite::ClosePart { part, end },
            ],
        );
    }

    fn end(&mut self, run: RunId, failure: Option<&str>) {
        let failure = failure.map(str::to_owned);
        self.write(
            run,
            vec![RunWrite::EndRun {
                failure,
                usage: None,
                finish_reason: None,
            }],
        );
    }

    fn child(&mut self, parent: RunId, length: usize) {
        let (run, prompt) = (RunId::mint(), PromptId(CommandId::mint()));
        let (agent, task) = (AgentId(AGENT.to_owned()), format!("task{length}"));
        self.write(
            parent,
            vec![RunWrite::StartChild {
                run,
                prompt,
                agent,
                task,
            }],
        );
        self.say(run, PartKind::Text, length);
        self.end(run, None);
    }

    fn take(&mut self, step: &Step) {
        let prompt = |n: usize| {
            let count = self.prompts.len().max(1);
            self.prompts.get(n % count).copied()
        };
        match (step, self.state.root_run().map(|run| run.run)) {
            (Step::Ask(length), _) => self.send(Delivery::Queue, *length),
            (Step::Steer(length), Some(run)) => {
                self.send(Delivery::Steer, *length);
                let steers = self.state.steers().iter();
                let prompts = steers.map(|steer| steer.prompt).collect();
                self.write(run, vec![RunWrite::ConsumeSteer { prompts }]);
            }
            (Step::Say(length), Some(run)) => self.say(run, PartKind::Text, *length),
            (Step::Think(length), Some(run)) => self.say(run, PartKind::Reasoning, *length),
            (Step::Complete, Some(run)) => self.end(run, None),
            (Step::Fail, Some(run)) => {
                self.end(run, Some("no"));
                self.command(CommandBody::ResumeQueue(ResumeQueueCommand {}));
            }
            (Step::Child(length), Some(run)) => self.child(run, *length),
            (Step::Retry, None) => {
                if let Some(run) = self.state.last_root_run() {
                    self.command(CommandBody::RetryRun(RetryRunCommand { run }));
                }
            }
            (Step::Resend(n), _) => {
                if let Some(prompt) = prompt(*n) {
                    let body = ResendPromptCommand {
                        prompt,
                        text: "again".to_owned(),
                        delivery: Delivery::Queue,
                    };
                    self.command(CommandBody::ResendPrompt(body));
                }
            }
            (Step::Choose(n), None) => {
                if let Some(prompt) = prompt(*n) {
                    self.command(CommandBody::ChooseBranch(ChooseBranchCommand { prompt }));
                }
            }
            _ => {}
        }
        self.start();
    }

    /// The messages that the reference builder gives.
    fn whole(&self, run: RunId, chars_max: usize) -> Vec<ModelMessage> {
        oracle::messages(&self.transcript, &self.state, run, SYSTEM, chars_max)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_model_sees_what_a_reader_of_everything_would_tell_it(
        steps in prop::collection::vec(step(), 1..60),
        chars_max in 0_usize..600,
    ) {
        let session = Session::of(&steps);
        let runs: Vec<RunId> = session.transcript.rows.iter().filter_map(|row| row.run).collect();
        for run in runs {
            let built = build(&session.transcript, &session.state, run, SYSTEM, chars_max);
            prop_assert_eq!(built, Context::Messages(session.whole(run, chars_max)));
        }
    }

    /// From any checkpoint, the builder gives the same messages or says that it has too little.
    #[test]
    fn from_a_checkpoint_the_model_sees_the_same_or_more_is_read(
        steps in prop::collection::vec(step(), 1..60),
        from in any::<prop::sample::Index>(),
        chars_max in 0_usize..300,
    ) {
        let session = Session::of(&steps);
        let mut state = SessionState::default();
        let mut beginnings = Vec::new();
        for event in &session.log {
            state.apply(event, &mut NoTranscript).expect("folds");
            beginnings.extend(state.without_past());
        }
        let mut begun = beginnings[from.index(beginnings.len())].clone();
        let (head, mut transcript) = (begun.head(), Transcript::default());
        for event in session.log.iter().filter(|event| event.seq > head) {
            match begun.apply(event, &mut transcript) {
                Ok(()) => {}
                Err(FoldError::BehindHorizon { .. }) => return Ok(()),
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
        let runs: Vec<RunId> = begun.active_runs().map(|run| run.run).collect();
        for run in runs {
            match build(&transcript, &begun, run, SYSTEM, chars_max) {
                Context::TooShort => {}
                built => prop_assert_eq!(built, Context::Messages(session.whole(run, chars_max))),
            }
        }
    }
}

fn long(turns: usize) -> Session {
    let turn = [Step::Ask(200), Step::Say(200), Step::Complete];
    let mut steps: Vec<Step> = turn.iter().cycle().take(3 * turns).cloned().collect();
    steps.push(Step::Ask(20));
    Session::of(&steps)
}

#[test]
fn a_checkpoint_with_enough_behind_it_is_enough() {
    let session = long(100);
    let mut checkpoint = SessionState::default();
    for event in &session.log[..session.log.len() / 2] {
        checkpoint.apply(event, &mut NoTranscript).expect("folds");
    }
    let mut begun = checkpoint.without_past().expect("nothing runs there");
    let (head, mut transcript) = (begun.head(), Transcript::default());
    for event in session.log.iter().filter(|event| event.seq > head) {
        begun.apply(event, &mut transcript).expect("folds");
    }
    let run = begun.root_run().expect("on").run;
    let build = |chars_max| build(&transcript, &begun, run, SYSTEM, chars_max);
    assert_eq!(build(10_000), Context::Messages(session.whole(run, 10_000)));
    assert_eq!(build(100_000), Context::TooShort);
}

#[test]
fn the_oldest_go_first_and_a_user_begins() {
    let session = long(2);
    let run = session.state.root_run().expect("on").run;
    let lengths = |chars_max| match build(&session.transcript, &session.state, run, "", chars_max) {
        Context::Messages(messages) => {
            let lengths = messages.iter().map(|message| message.text.chars().count());
            lengths.collect::<Vec<_>>()
        }
        Context::TooShort => Vec::new(),
    };
    let all = [201, 201, 201, 201, 21];
    assert_eq!(lengths(all.iter().sum()), all);
    assert_eq!(lengths(all.iter().sum::<usize>() - 1), all[2..]);
    assert_eq!(
        lengths(222 + 201 - 1),
        all[4..],
        "no answer without its prompt"
    );
    assert_eq!(lengths(0), all[4..], "what was just asked is always sent");
}
