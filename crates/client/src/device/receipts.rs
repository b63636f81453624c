//! The hub's answers to intents.

use baton_protocol::{CommandId, ErrorBody, Receipt, ReceiptOutcome};

use super::driver::Driver;
use super::intents::IntentOutcome;
use crate::mirror::{OutboxState, Store, keeps_refusal};
use crate::sync::Input;
use crate::view::unsent_draft;

impl Driver {
    /// Stores a receipt and tells the waiting callers. The writer's thread does both, so that callers do not also wait for this task.
    pub(super) async fn store_receipt(&mut self, receipt: Receipt) {
        let command = receipt.command;
        self.trail.answered(&receipt, self.clock.now().mono_ms);
        let keeps = self.keeps_refusal(command);
        let settled = match &receipt.outcome {
            ReceiptOutcome::Accepted { .. } => self.take_entry(command),
            ReceiptOutcome::Refused { error } => {
                self.note_refusal(command, keeps, error);
                None
            }
        };
        let outcome = IntentOutcome::Answered(receipt.clone());
        let told = outcome.clone();
        let (views, waiters) = (self.views.clone(), self.waiters.clone());
        let outbox = self.outbox.clone();
        let store = move |store: &mut Store| {
            let stored = store.store_receipt(&receipt, keeps);
            if let Some(entry) = settled {
                views.settle(entry, receipt.seq);
            }
            views.set_outbox(outbox);
            waiters.tell(command, &told);
            stored
        };
        if let Err(error) = self.mirror.write(store).await {
            // The intent is sent again after a restart, and the hub gives the same receipt.
            self.report(&error);
            self.show_outbox();
            self.waiters.tell(command, &outcome);
        }
    }

    pub(super) async fn refuse(&mut self, command: CommandId, error: ErrorBody) {
        let keeps = self.keeps_refusal(command);
        let why = error.clone();
        let refuse = move |store: &mut Store| store.refuse_intent(command, &why, keeps);
        if let Err(error) = self.mirror.write(refuse).await {
            // A caller that was told "refused" must not see the intent succeed after a restart.
            self.report(&error);
            return self.feed(Input::RefusalUnnoted(command));
        }
        self.feed(Input::RefusalNoted(command));
        self.note_refusal(command, keeps, &error);
        self.show_outbox();
        self.waiters.tell(command, &IntentOutcome::Refused(error));
    }

    fn keeps_refusal(&self, command: CommandId) -> bool {
        let mut from_it = self
            .outbox
            .iter()
            .skip_while(|entry| entry.command.id != command);
        let Some(entry) = from_it.next() else {
            return false;
        };
        // A newer text of the same draft contains it, or sent it.
        let is_older = unsent_draft(entry).is_some_and(|draft| {
            let mut newer = from_it.filter_map(unsent_draft);
            newer.any(|newer| newer.session == draft.session)
        });
        !is_older && keeps_refusal(&entry.command.body)
    }

    fn note_refusal(&mut self, command: CommandId, keeps: bool, error: &ErrorBody) {
        if !keeps {
            self.take_entry(command);
            return;
        }
        let entry = self
            .outbox
            .iter_mut()
            .find(|entry| entry.command.id == command);
        if let Some(entry) = entry {
            entry.state = OutboxState::Refused(error.clone());
        }
    }
}
