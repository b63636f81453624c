//! What models are told: from wherever a runner reads a session, what a reader of all of it would tell them.

use baton_protocol::{LogId, RunId, SessionId};
use baton_runner::provider::ModelMessage;
use baton_runner::{AgentSpec, whole_context};
use baton_session::{SessionState, Transcript};

use super::Checker;

impl Checker {
    /// A runner asks a model: at some seq since the run began, this is the session's context. Of a hub that was restored nothing is
    /// said: the runner may stand in the log that was replaced.
    pub fn context_holds(
        &mut self,
        (session, run): (SessionId, RunId),
        agent: &AgentSpec,
        asked: &[ModelMessage],
    ) {
        let Some(log) = self.truth.log(LogId::Session(session)) else {
            return;
        };
        if self.was_restored {
            return;
        }
        let (mut state, mut transcript) = (SessionState::default(), Transcript::default());
        let holds = log.events().iter().any(|event| {
            let folds = state.apply(event, &mut transcript).is_ok();
            folds
                && state.active_run(run).is_some()
                && whole_context(&transcript, &state, run, agent) == asked
        });
        self.check(holds, || {
            format!("the model is asked for run `{run}` and not told what stands in its session")
        });
    }
}
