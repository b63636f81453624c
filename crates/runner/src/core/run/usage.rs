//! The tokens and calls that a run used in total.

use baton_protocol::Usage;

use crate::provider::ModelUsage;

#[derive(Default)]
pub(super) struct UsageSum {
    pub calls: u32,
    told: u32,
    empty: u32,
    sum: ModelUsage,
}

impl UsageSum {
    /// Adds the tokens of one call. A count that one call leaves out is unknown for the run.
    pub fn add(&mut self, usage: ModelUsage) {
        let add = |sum: Option<u64>, more: Option<u64>| match self.told {
            0 => more,
            _ => Some(sum? + more?),
        };
        self.sum = ModelUsage {
            input_tokens: add(self.sum.input_tokens, usage.input_tokens),
            output_tokens: add(self.sum.output_tokens, usage.output_tokens),
        };
        self.told += 1;
    }

    /// A call gave nothing, so it used no tokens.
    pub fn gave_nothing(&mut self) {
        self.empty += 1;
    }

    /// The sum for the log. Has tokens only if every call reported its own: a call that was cut for a steer did not.
    pub fn told(&self) -> Option<Usage> {
        let all_told = self.told > 0 && self.told + self.empty == self.calls;
        (self.calls > 0).then(|| Usage {
            input_tokens: self.sum.input_tokens.filter(|_| all_told),
            output_tokens: self.sum.output_tokens.filter(|_| all_told),
            model_calls: self.calls,
        })
    }
}
