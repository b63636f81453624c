//! What the model said and how often it was asked, against what stands in the log.

use std::collections::BTreeMap;

use baton_protocol::{Event, EventBody, PartIndex, PartKind, RunId, RunOutcome};

use super::truth::Truth;

/// What a model says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Said {
    /// More of the answer.
    Text,
    /// More of what it thinks.
    Reasoning,
}

/// All runs.
#[derive(Debug, Default)]
pub(super) struct Runs {
    known: BTreeMap<RunId, Witness>,
}

#[derive(Debug, Default)]
struct Witness {
    calls: u64,
    /// Steers that the run took in, and ones that the hub refused because they waited no longer.
    steers: u64,
    refused: u64,
    /// Calls that gave nothing, and retries that the log has.
    given_nothing: u64,
    retries: u64,
    said: BTreeMap<Said, String>,
    written: BTreeMap<Said, usize>,
    kinds: BTreeMap<PartIndex, Said>,
    end: Option<Result<(), String>>,
    /// The run was on in a copy that was restored: what came after the copy is gone.
    is_restored: bool,
}

impl Runs {
    /// The runner asks a model.
    pub fn called(&mut self, run: RunId) -> Result<(), String> {
        let witness = self.known.entry(run).or_default();
        witness.calls += 1;
        let asked_again = witness.retries.min(witness.given_nothing);
        let allowed = 1 + witness.steers + witness.refused + asked_again;
        let calls = witness.calls;
        if calls > allowed && !witness.is_restored {
            return Err(format!(
                "run `{run}` asked the model {calls} times, and may {allowed} times"
            ));
        }
        Ok(())
    }

    /// The runner took this from the model.
    pub fn said(&mut self, run: RunId, what: Said, text: &str) {
        let witness = self.known.entry(run).or_default();
        witness.said.entry(what).or_default().push_str(text);
    }

    /// The model's answer is over.
    pub fn ended(&mut self, run: RunId, end: Result<(), String>) {
        self.known.entry(run).or_default().end = Some(end);
    }

    /// A call gave nothing. The run may call again once the log says so.
    pub fn model_refused(&mut self, run: RunId, why: String) {
        let witness = self.known.entry(run).or_default();
        witness.given_nothing += 1;
        witness.end = Some(Err(why));
    }

    /// The hub refused a steer.
    pub fn steer_refused(&mut self, run: RunId) {
        self.known.entry(run).or_default().refused += 1;
    }

    pub fn recorded(&mut self, event: &Event) -> Result<(), String> {
        match &event.body {
            EventBody::SteerConsumed(body) => {
                self.known.entry(body.run).or_default().steers += 1;
                Ok(())
            }
            EventBody::ModelRetry(body) => {
                self.known.entry(body.run).or_default().retries += 1;
                Ok(())
            }
            EventBody::PartOpened(body) => {
                let kind = match body.kind {
                    PartKind::Reasoning => Said::Reasoning,
                    _ => Said::Text,
                };
                let witness = self.known.entry(body.run).or_default();
                witness.kinds.insert(body.part, kind);
                Ok(())
            }
            EventBody::PartAppended(body) => {
                let witness = self.known.entry(body.run).or_default();
                witness.append(body.run, body.part, &body.text)
            }
            EventBody::RunEnded(body) => {
                let witness = self.known.entry(body.run).or_default();
                witness.judge(body.run, &body.outcome)
            }
            _ => Ok(()),
        }
    }

    /// What was on in the copy goes on from there, without what came after it.
    pub fn restored(&mut self, truth: &Truth) {
        for (_, log) in truth.logs() {
            for run in log.session().active_runs() {
                self.known.entry(run.run).or_default().is_restored = true;
            }
        }
    }
}

impl Witness {
    fn append(&mut self, run: RunId, part: PartIndex, text: &str) -> Result<(), String> {
        if self.is_restored {
            return Ok(());
        }
        let Some(kind) = self.kinds.get(&part).copied() else {
            return Err(format!(
                "part {part} of run `{run}` grows and was never opened"
            ));
        };
        let written = self.written.entry(kind).or_default();
        let said = self.said.get(&kind).map_or("", String::as_str);
        let fits = said
            .get(*written..)
            .is_some_and(|rest| rest.starts_with(text));
        *written += text.len();
        if fits {
            Ok(())
        } else {
            Err(format!(
                "the log has text of run `{run}` that the model never said there"
            ))
        }
    }

    fn judge(&self, run: RunId, outcome: &RunOutcome) -> Result<(), String> {
        if self.is_restored {
            return Ok(());
        }
        let is_whole = self
            .said
            .iter()
            .all(|(kind, said)| self.written.get(kind).copied().unwrap_or(0) == said.len());
        let fits = match (outcome, &self.end) {
            (RunOutcome::Completed, Some(Ok(()))) => is_whole,
            // Behind the reason may stand how often the model was asked, or how long it wants to be left alone.
            (RunOutcome::Failed { message }, Some(Err(why))) => {
                let rest = message.strip_prefix(why.as_str());
                is_whole && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
            }
            (RunOutcome::Completed | RunOutcome::Failed { .. }, _) => false,
            _ => true,
        };
        if fits {
            return Ok(());
        }
        let end = &self.end;
        Err(format!(
            "run `{run}` ended as {outcome:?}, whole: {is_whole}, and the model ended as {end:?}"
        ))
    }
}
