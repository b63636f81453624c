//! Branches. A turn is a prompt of the queue with its runs. Turns form a tree, of which one path is shown.

use std::collections::{BTreeMap, BTreeSet};

use baton_protocol::PromptId;
use serde::{Deserialize, Serialize};

/// The tree of turns, and the end of the shown path.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Turns {
    turns: BTreeMap<PromptId, Turn>,
    tip: Option<PromptId>,
    /// Whether any turn has two successors. If none has, every turn is shown.
    branched: bool,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Turn {
    /// The preceding turn; absent for the first.
    parent: Option<PromptId>,
    /// How many turns began before it.
    order: usize,
}

/// How the shown path changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PathChange {
    /// The path got longer or stayed the same: everything shown before still is.
    Grew,
    /// A different path is shown.
    Other,
}

impl Turns {
    /// Adds the turn of a queued prompt that a run has taken. The turn follows the shown path, or the turn before `branch_of`, and becomes
    /// the end of the shown path. A retried turn keeps its position.
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
        // The turns that `without_past` left out began before the tip, which it kept.
        let tip = self.tip.and_then(|tip| self.turns.get(&tip));
        self.turns.len().max(tip.map_or(0, |tip| tip.order + 1))
    }

    /// Shows the branch through `prompt`, down to the newest turn on it.
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

    /// Only the end of the shown path. No turn follows that end, so a later turn either follows it or branches off from what was left out.
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

    /// Whether this turn is known.
    pub fn contains(&self, prompt: PromptId) -> bool {
        self.turns.contains_key(&prompt)
    }

    /// The path from the first turn to this one, both included.
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

    /// The shown turns, first one first.
    pub fn shown(&self) -> Vec<PromptId> {
        self.tip.map_or_else(Vec::new, |tip| self.path_to(tip))
    }

    /// The hidden turns.
    pub fn hidden(&self) -> BTreeSet<PromptId> {
        if !self.branched {
            return BTreeSet::new();
        }
        let shown: BTreeSet<_> = self.shown().into_iter().collect();
        let all = self.turns.keys().copied();
        all.filter(|prompt| !shown.contains(prompt)).collect()
    }

    /// All turns with the same predecessor as this one, itself included, oldest first.
    pub fn beside(&self, prompt: PromptId) -> Vec<PromptId> {
        let Some(turn) = self.turns.get(&prompt) else {
            return Vec::new();
        };
        if !self.branched {
            // Called for each row of a page: do not search a long session that has no branches.
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
