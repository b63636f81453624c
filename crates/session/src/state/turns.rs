//! Branches: a turn is a prompt of the queue with its runs. Turns form a tree, and one path through it is shown.

use std::collections::{BTreeMap, BTreeSet};

use baton_protocol::PromptId;
use serde::{Deserialize, Serialize};

/// Which turn follows which, and where the shown path ends.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Turns {
    turns: BTreeMap<PromptId, Turn>,
    tip: Option<PromptId>,
    /// Whether one turn is followed by two anywhere. Where none is, everything is shown.
    branched: bool,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Turn {
    /// The one before it; absent: it is the first.
    parent: Option<PromptId>,
    /// How many began before it.
    order: usize,
}

/// What became of the shown path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PathChange {
    /// It is longer, or as it was: everything that was shown still is.
    Grew,
    /// Another one is shown.
    Other,
}

impl Turns {
    /// A prompt of the queue was taken by a run: it follows the shown path, or the turn before `branch_of`. It is the shown end now.
    /// A turn that is tried again keeps its place.
    pub(crate) fn begin(&mut self, prompt: PromptId, branch_of: Option<PromptId>) -> PathChange {
        if self.turns.contains_key(&prompt) {
            return if self.shown().contains(&prompt) {
                PathChange::Grew
            } else {
                self.show(prompt)
            };
        }
        let beside = branch_of.and_then(|of| self.turns.get(&of));
        let parent = beside.map_or(self.tip, |turn| turn.parent);
        let order = self.next_order();
        self.branched |= beside.is_some();
        self.turns.insert(prompt, Turn { parent, order });
        if self.tip.replace(prompt) == parent {
            PathChange::Grew
        } else {
            PathChange::Other
        }
    }

    fn next_order(&self) -> usize {
        // Turns that were left out began before the tip that stayed.
        let tip = self.tip.and_then(|tip| self.turns.get(&tip));
        self.turns.len().max(tip.map_or(0, |tip| tip.order + 1))
    }

    /// Shows the branch through a turn, down to its newest end.
    pub(crate) fn show(&mut self, prompt: PromptId) -> PathChange {
        let mut newest: BTreeMap<PromptId, (usize, PromptId)> = BTreeMap::new();
        for (child, turn) in &self.turns {
            if let Some(parent) = turn.parent {
                let known = newest.entry(parent).or_insert((turn.order, *child));
                *known = (*known).max((turn.order, *child));
            }
        }
        let mut end = prompt;
        while let Some((_, next)) = newest.get(&end) {
            end = *next;
        }
        if self.tip.replace(end) == Some(end) {
            PathChange::Grew
        } else {
            PathChange::Other
        }
    }

    /// The end of the shown path alone. No turn follows it, so whatever begins later hangs on it or is a branch of what was left out.
    pub(crate) fn without_past(&self) -> Self {
        let tip = self.tip.and_then(|tip| Some((tip, self.turns.get(&tip)?)));
        let turns = tip.map(|(tip, turn)| {
            let order = turn.order;
            let parent = None;
            (tip, Turn { parent, order })
        });
        Self {
            turns: turns.into_iter().collect(),
            tip: self.tip,
            branched: self.branched,
        }
    }

    /// Whether there is such a turn.
    pub fn contains(&self, prompt: PromptId) -> bool {
        self.turns.contains_key(&prompt)
    }

    /// The turns from the first one down to this one, which is the last.
    pub fn path_to(&self, prompt: PromptId) -> Vec<PromptId> {
        let mut path = Vec::new();
        let mut next = self.turns.contains_key(&prompt).then_some(prompt);
        while let Some(turn) = next {
            path.push(turn);
            next = self.turns.get(&turn).and_then(|turn| turn.parent);
        }
        path.reverse();
        path
    }

    /// The turns that are shown, the first one first.
    pub fn shown(&self) -> Vec<PromptId> {
        self.tip.map_or_else(Vec::new, |tip| self.path_to(tip))
    }

    /// The turns that are not.
    pub fn hidden(&self) -> BTreeSet<PromptId> {
        if !self.branched {
            return BTreeSet::new();
        }
        let shown: BTreeSet<_> = self.shown().into_iter().collect();
        let all = self.turns.keys().copied();
        all.filter(|prompt| !shown.contains(prompt)).collect()
    }

    /// The turns that follow the same one as this does, this one included, the oldest first.
    pub fn beside(&self, prompt: PromptId) -> Vec<PromptId> {
        let Some(turn) = self.turns.get(&prompt) else {
            return Vec::new();
        };
        if !self.branched {
            // Asked for each row of a page: a long session without a branch is not searched through.
            return vec![prompt];
        }
        let mut beside: Vec<_> = self
            .turns
            .iter()
            .filter(|(_, other)| other.parent == turn.parent)
            .map(|(prompt, other)| (other.order, *prompt))
            .collect();
        beside.sort();
        beside.into_iter().map(|(_, prompt)| prompt).collect()
    }
}
