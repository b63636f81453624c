//! Law 5 as a property, checked with the fold that devices use.
//!
//! A plan is a conversation of a root run and its sub-agents whose parts interleave freely, with seals at any moment. While writing it,
//! the test keeps the state and the transcript at every seq, folded from the events as recorded. A reader at any k then reads batches of
//! any size, and at every m at which a batch ends it must have the state and the transcript that the writer had.

use std::future::Future;

use baton_protocol::{Batch, CommandId, PromptId, RunId, Seq};
use baton_session::{NewEvent, NoTranscript, SessionState, Transcript, lose_run};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

use super::LogUnderTest;
use super::fixtures::*;
use crate::ReadLimit;

/// Enough plans to meet each kind of overlap many times, few enough for a backend that flushes.
const CASES: u32 = 48;

const RUNS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Open {
        run: usize,
    },
    Append {
        run: usize,
        part: Index,
        text: String,
    },
    Close {
        run: usize,
        part: Index,
    },
    Cut {
        run: usize,
        part: Index,
    },
    Lose {
        run: usize,
    },
    Prompt,
    Seal,
    Read {
        reader: Reader,
    },
}

#[derive(Clone, Debug)]
struct Reader {
    at: Index,
    limit: (usize, usize),
}

/// Runs the property against a backend.
pub fn the_sealing_law_holds<L, F>(empty_log: impl Fn() -> F)
where
    L: LogUnderTest,
    F: Future<Output = L>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime for the test");
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let plans = (
        proptest::collection::vec(step(), 1..50),
        proptest::collection::vec(reader(), 4..12),
    );
    let outcome = TestRunner::new(config).run(&plans, |(steps, readers)| {
        runtime.block_on(async {
            let subject = empty_log().await;
            let mut story = Story::begin(&subject).await;
            for step in steps {
                story.take(step).await;
            }
            for reader in &readers {
                story.read(reader).await;
            }
            subject.seal_closed_parts().await;
            for reader in &readers {
                story.read(reader).await;
            }
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

fn step() -> impl Strategy<Value = Step> {
    let text = prop_oneof![4 => "[a-z ]{1,6}", 1 => "\\PC{1,4}", 1 => "[\"\\\\\n\u{1}é𝄞]{1,3}"];
    let run = || 0..RUNS;
    prop_oneof![
        4 => run().prop_map(|run| Step::Open { run }),
        12 => (run(), any::<Index>(), text).prop_map(|(run, part, text)| Step::Append { run, part, text }),
        3 => (run(), any::<Index>()).prop_map(|(run, part)| Step::Close { run, part }),
        1 => (run(), any::<Index>()).prop_map(|(run, part)| Step::Cut { run, part }),
        1 => (1..RUNS).prop_map(|run| Step::Lose { run }),
        1 => Just(Step::Prompt),
        2 => Just(Step::Seal),
        2 => reader().prop_map(|reader| Step::Read { reader }),
    ]
}

fn reader() -> impl Strategy<Value = Reader> {
    let bytes = prop_oneof![Just(1_usize), 200..2_000_usize, Just(1_000_000_usize)];
    (any::<Index>(), (1..8_usize, bytes)).prop_map(|(at, limit)| Reader { at, limit })
}

/// A conversation while it is being written.
struct Story<'a, L> {
    subject: &'a L,
    log: Conversation<'a>,
    runs: Vec<RunScript>,
    open: Vec<Vec<u32>>,
    parts: Vec<u32>,
    prompts: u128,
    /// State and transcript at each seq, from 0 on.
    at: Vec<(SessionState, Transcript)>,
}

impl<'a, L: LogUnderTest> Story<'a, L> {
    async fn begin(subject: &'a L) -> Self {
        let log = Conversation::create(subject.log()).await;
        let mut story = Self {
            subject,
            log,
            runs: (0..RUNS).map(|run| RunScript::new(run as u128)).collect(),
            open: vec![Vec::new(); RUNS],
            parts: vec![0; RUNS],
            prompts: 0,
            at: vec![(SessionState::default(), Transcript::default())],
        };
        let first = read_all(subject.log(), story.log.id, Seq::ZERO, ReadLimit::default()).await;
        story.keep(&events_of(first));
        for run in 0..RUNS {
            let prompt = story.prompt().await;
            let root = story.runs[0].run;
            let parent: Option<RunId> = (run > 0).then_some(root);
            let start = story.runs[run].start(prompt, parent);
            story.write(vec![start]).await;
        }
        story
    }

    async fn prompt(&mut self) -> PromptId {
        self.prompts += 1;
        let id = CommandId::from_uuid(uuid::Uuid::from_u128(9_000 + self.prompts));
        self.write(vec![prompt_named(id, "go on")]).await;
        PromptId(id)
    }

    async fn write(&mut self, events: Vec<NewEvent>) {
        let recorded = self.log.append(events).await.events;
        self.keep(&recorded);
    }

    fn keep(&mut self, events: &[baton_protocol::Event]) {
        for event in events {
            let (mut state, mut transcript) = self.at.last().expect("never empty").clone();
            state
                .apply(event, &mut transcript)
                .expect("the plan is a valid conversation");
            self.at.push((state, transcript));
            assert_eq!(self.at.len() as u64, event.seq.0 + 1);
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Open { run } if self.is_on(run) => {
                self.open[run].push(self.parts[run]);
                self.parts[run] += 1;
                let event = self.runs[run].open();
                self.write(vec![event]).await;
            }
            Step::Append { run, part, text } => {
                if let Some(part) = self.pick(run, part) {
                    let event = self.runs[run].append(part, &text);
                    self.write(vec![event]).await;
                }
            }
            Step::Close { run, part } => {
                if let Some(part) = self.pick(run, part) {
                    self.open[run].retain(|open| *open != part);
                    let event = self.runs[run].close(part);
                    self.write(vec![event]).await;
                }
            }
            Step::Cut { run, part } => {
                if let Some(part) = self.pick(run, part) {
                    self.open[run].retain(|open| *open != part);
                    let event = self.runs[run].cut(part);
                    self.write(vec![event]).await;
                }
            }
            Step::Lose { run } if self.is_on(run) => {
                self.open[run].clear();
                let (state, _) = self.at.last().expect("never empty");
                let events = lose_run(state, self.runs[run].run);
                self.write(events).await;
            }
            Step::Open { .. } | Step::Lose { .. } => {}
            Step::Prompt => drop(self.prompt().await),
            Step::Seal => self.subject.seal_closed_parts().await,
            Step::Read { reader } => self.read(&reader).await,
        }
    }

    fn is_on(&self, run: usize) -> bool {
        let (state, _) = self.at.last().expect("never empty");
        state.active_run(self.runs[run].run).is_some()
    }

    fn pick(&self, run: usize, part: Index) -> Option<u32> {
        let open = &self.open[run];
        (!open.is_empty()).then(|| *part.get(open))
    }

    /// Reads from k on, and compares the state and the transcript at each m.
    async fn read(&self, reader: &Reader) {
        let k = reader.at.index(self.at.len());
        let (events, bytes) = reader.limit;
        let limit = ReadLimit { events, bytes };
        let batches = read_all(self.subject.log(), self.log.id, Seq(k as u64), limit).await;
        let (mut state, mut transcript) = self.at[k].clone();
        let mut without_rows = state.clone();
        for batch in &batches {
            fold(&mut state, batch, &mut transcript);
            fold(&mut without_rows, batch, &mut NoTranscript);
            let (expected, rows) = &self.at[batch.upto.0 as usize];
            assert_eq!(
                (&state, &transcript),
                (expected, rows),
                "from {k} to {}",
                batch.upto
            );
            assert_eq!(&without_rows, expected);
        }
    }
}

fn fold(state: &mut SessionState, batch: &Batch, sink: &mut dyn baton_session::TranscriptSink) {
    for event in &batch.events {
        state
            .apply(event, sink)
            .expect("a batch continues its reader's state");
    }
    state.set_head(batch.upto);
}
