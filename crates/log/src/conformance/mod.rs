//! The conformance suite for event logs.
//!
//! A backend's tests name a function that makes an empty log, and call [`conformance!`](crate::conformance!), which generates one test for
//! each law. The suite knows only the trait and [`LogUnderTest`], never a backend.

mod appends;
mod deletion;
mod fixtures;
mod identity;
mod reads;
mod receipts;
mod saved_states;
mod sealing;
mod sealing_law;

pub use appends::*;
pub use deletion::*;
pub use fixtures::{Conversation, RunScript, accepted, command, prompt, read_all, session_log};
pub use identity::*;
pub use reads::*;
pub use receipts::*;
pub use saved_states::*;
pub use sealing::*;
pub use sealing_law::the_sealing_law_holds;

use async_trait::async_trait;

use crate::EventLog;

/// A log that the suite tests. It must seal only on request, so that a test controls when that happens.
#[async_trait]
pub trait LogUnderTest: Send + Sync + Sized + 'static {
    /// The log to test.
    fn log(&self) -> &dyn EventLog;

    /// Seals every closed part, and returns when all are sealed.
    async fn seal_closed_parts(&self);

    /// Closes the log and opens its storage again; `None` if nothing survives the process.
    async fn reopened(self) -> Option<Self>;
}

/// Generates the tests for a backend: `baton_log::conformance!(empty_log)`, where `empty_log` is an
/// `async fn() -> impl LogUnderTest`. The caller's crate needs `tokio` for its tests.
#[macro_export]
macro_rules! conformance {
    ($factory:path) => {
        $crate::conformance!(@tests $factory;
            a_log_begins_at_seq_one_with_its_first_events,
            a_log_is_created_once,
            a_log_that_is_not_there_is_said_to_be_absent,
            a_receipt_alone_creates_no_log,
            appends_continue_at_the_expected_head,
            a_moved_head_is_told_and_nothing_is_recorded,
            an_event_beyond_the_limit_is_refused_with_its_whole_request,
            concurrent_writers_get_one_order,
            writers_of_many_logs_do_not_disturb_each_other,
            a_receipt_stands_with_its_events,
            a_refused_command_has_a_receipt_and_no_events,
            a_receipt_is_not_recorded_where_its_events_are_not,
            a_command_is_answered_once_whatever_else_is_expected,
            a_command_known_in_one_log_is_new_in_another,
            one_of_many_retries_at_once_is_recorded,
            a_reader_at_the_head_gets_an_empty_batch,
            a_reader_ahead_of_the_head_is_told,
            batches_of_any_size_cover_the_log_without_gaps,
            a_batch_ends_at_its_bytes_and_holds_at_least_one_event,
            unknown_kinds_come_back_as_they_were,
            a_growing_part_is_read_as_one_append,
            a_closed_part_is_sealed_at_its_close,
            a_part_without_text_or_without_end_is_not_sealed,
            a_reader_inside_a_sealed_part_gets_the_whole_text,
            no_batch_ends_inside_a_sealed_part,
            no_batch_ends_inside_interleaved_sealed_parts,
            a_batch_ends_before_a_sealed_part_rather_than_beyond_its_limit,
            parts_that_interleave_for_ever_never_make_a_batch_too_large_for_a_frame,
            sealing_drops_what_the_appends_took,
            every_log_has_an_incarnation_of_its_own,
            all_logs_are_listed,
            a_state_is_kept_with_the_append_that_carried_it,
            the_newest_states_of_one_format_are_kept,
            states_of_two_kinds_are_kept_beside_each_other,
            a_refused_append_saves_no_state,
            what_was_acknowledged_is_there_after_reopening,
            a_deleted_log_reads_as_one_that_never_was,
            a_deleted_logs_id_is_never_used_again,
            deleting_again_or_what_is_not_there_changes_nothing,
            a_deletion_stops_writers_and_readers_between_two_steps,
            a_log_that_was_deleted_while_it_grew_leaves_the_others_whole,
        );

        #[test]
        fn the_sealing_law_holds() {
            $crate::conformance::the_sealing_law_holds($factory);
        }
    };
    (@tests $factory:path; $($name:ident,)*) => {$(
        #[tokio::test]
        async fn $name() {
            $crate::conformance::$name($factory().await).await;
        }
    )*};
}
