use baton_protocol::*;
use baton_session::{AccountState, decide_account};
use uuid::Uuid;

use crate::rig::{ACCOUNT, SESSION, desk, laptop};

struct Lists {
    state: AccountState,
    next_id: u128,
}

impl Lists {
    fn new() -> Self {
        let mut lists = Self {
            state: AccountState::default(),
            next_id: 1,
        };
        lists.apply(laptop(), EventBody::SessionSummarized(summary()));
        lists
    }

    fn apply(&mut self, by: Principal, body: EventBody) {
        let seq = self.state.head().next();
        let event = Event {
            seq,
            recorded_at: TimestampMs(0),
            by,
            command: None,
            producer: None,
            body,
        };
        self.state.apply(&event).expect("folds");
    }

    fn command(&mut self, by: &Principal, body: CommandBody) -> Result<CommandEffect, ErrorCode> {
        self.next_id += 1;
        let id = CommandId::from_uuid(Uuid::from_u128(self.next_id));
        let command = Command {
            id,
            log: LogId::Account(ACCOUNT),
            only_if: None,
            body,
        };
        let decision = decide_account(&self.state, &command, by);
        for event in decision.events {
            self.apply(event.by, event.body);
        }
        match decision.outcome {
            ReceiptOutcome::Accepted { effect } => Ok(effect),
            ReceiptOutcome::Refused { error } => Err(error.code),
        }
    }

    fn save(
        &mut self,
        by: &Principal,
        text: &str,
        based_on: Seq,
    ) -> Result<CommandEffect, ErrorCode> {
        let body = SaveDraftCommand {
            session: SESSION,
            text: text.into(),
            based_on,
        };
        self.command(by, CommandBody::SaveDraft(body))
    }

    fn draft(&self) -> (&str, Seq) {
        self.state
            .draft(SESSION)
            .map_or(("", Seq::ZERO), |draft| (draft.text.as_str(), draft.seq))
    }
}

fn summary() -> SessionSummarizedEvent {
    SessionSummarizedEvent {
        session: SESSION,
        summary: SessionSummary {
            seq: Seq(3),
            title: None,
            preview: String::new(),
            agent: AgentId("assistant".into()),
            created_at: TimestampMs(0),
            updated_at: TimestampMs(0),
            activity: SessionActivity::Idle,
            finished_seq: Seq(0),
            queued: 0,
            open_approvals: 0,
        },
    }
}

#[test]
fn a_newer_draft_is_never_replaced_by_an_older_one() {
    let mut lists = Lists::new();
    assert_eq!(
        lists.save(&laptop(), "a", Seq(0)),
        Ok(CommandEffect::Applied)
    );
    assert_eq!(
        lists.save(&laptop(), "ab", Seq(0)),
        Ok(CommandEffect::Applied),
        "its own, one after the other"
    );
    let (_, seen) = lists.draft();
    assert_eq!(
        lists.save(&desk(), "abc", seen),
        Ok(CommandEffect::Applied),
        "goes on from what it saw"
    );
    assert_eq!(
        lists.save(&laptop(), "ab!", seen),
        Err(ErrorCode::DraftConflict),
        "was written before it saw that"
    );
    assert_eq!(lists.draft().0, "abc");
    let (_, seen) = lists.draft();
    assert_eq!(
        lists.save(&laptop(), "", seen),
        Ok(CommandEffect::Applied),
        "sent"
    );
    assert_eq!(
        lists.save(&laptop(), "", seen),
        Ok(CommandEffect::Unchanged)
    );
}

#[test]
fn a_draft_may_come_before_its_session_and_goes_with_it() {
    let mut lists = Lists::new();
    let session = SessionId::from_uuid(Uuid::from_u128(0xaa));
    let body = SaveDraftCommand {
        session,
        text: "soon".into(),
        based_on: Seq(0),
    };
    assert_eq!(
        lists.command(&desk(), CommandBody::SaveDraft(body)),
        Ok(CommandEffect::Applied)
    );
    lists.save(&desk(), "x", Seq(0)).expect("saved");
    let delete = CommandBody::DeleteSession(DeleteSessionCommand { session: SESSION });
    assert_eq!(
        lists.command(&desk(), delete.clone()),
        Ok(CommandEffect::Applied)
    );
    assert_eq!(lists.command(&desk(), delete), Ok(CommandEffect::Unchanged));
    assert_eq!(lists.draft().0, "");
    assert_eq!(
        lists.save(&desk(), "x", Seq(0)),
        Err(ErrorCode::SessionNotFound)
    );
    lists.apply(laptop(), EventBody::SessionSummarized(summary()));
    assert!(
        lists.state.sessions().is_empty(),
        "a late summary does not bring it back"
    );
}

#[test]
fn sessions_are_pinned_archived_and_filed_and_a_removed_folder_lets_go() {
    let mut lists = Lists::new();
    let folder = FolderId::from_uuid(Uuid::from_u128(0xf));
    let file = CommandBody::FileSession(FileSessionCommand {
        session: SESSION,
        folder: Some(folder),
    });
    assert_eq!(
        lists.command(&desk(), file.clone()),
        Err(ErrorCode::FolderNotFound)
    );
    let name = |name: &str| {
        CommandBody::NameFolder(NameFolderCommand {
            folder,
            name: name.into(),
        })
    };
    assert_eq!(
        lists.command(&desk(), name("  ")),
        Err(ErrorCode::TextEmpty)
    );
    assert_eq!(
        lists.command(&desk(), name("Work")),
        Ok(CommandEffect::Applied)
    );
    assert_eq!(
        lists.command(&desk(), name("Work")),
        Ok(CommandEffect::Unchanged)
    );
    assert_eq!(lists.command(&desk(), file), Ok(CommandEffect::Applied));
    let pin = CommandBody::PinSession(PinSessionCommand {
        session: SESSION,
        pinned: true,
    });
    assert_eq!(
        lists.command(&desk(), pin.clone()),
        Ok(CommandEffect::Applied)
    );
    assert_eq!(lists.command(&desk(), pin), Ok(CommandEffect::Unchanged));
    let archive = CommandBody::ArchiveSession(ArchiveSessionCommand {
        session: SESSION,
        archived: true,
    });
    assert_eq!(lists.command(&desk(), archive), Ok(CommandEffect::Applied));
    let place = lists.state.place_of(SESSION);
    assert!(place.pinned && place.archived && place.folder == Some(folder));
    let remove = CommandBody::RemoveFolder(RemoveFolderCommand { folder });
    assert_eq!(lists.command(&desk(), remove), Ok(CommandEffect::Applied));
    assert_eq!(lists.state.place_of(SESSION).folder, None);
}

fn draft_of(session: SessionId, text: &str, based_on: Seq) -> CommandBody {
    CommandBody::SaveDraft(SaveDraftCommand {
        session,
        text: text.into(),
        based_on,
    })
}

fn new_id(n: usize) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(0xd000 + n as u128))
}

#[test]
fn a_device_has_a_bounded_number_of_drafts_of_sessions_that_are_not_created() {
    let mut lists = Lists::new();
    let full = limits::NEW_DRAFTS_PER_DEVICE_MAX;
    for n in 0..full {
        let saved = lists.command(&laptop(), draft_of(new_id(n), "begun", Seq(0)));
        assert_eq!(saved, Ok(CommandEffect::Applied));
    }
    let more = draft_of(new_id(full), "begun", Seq(0));
    assert_eq!(
        lists.command(&laptop(), more.clone()),
        Err(ErrorCode::TooMany)
    );
    let goes_on = draft_of(new_id(0), "begun, and on", Seq(0));
    assert_eq!(
        lists.command(&laptop(), goes_on),
        Ok(CommandEffect::Applied)
    );
    assert_eq!(
        lists.save(&laptop(), "in a session that is there", Seq(0)),
        Ok(CommandEffect::Applied)
    );
    let other = draft_of(new_id(full + 1), "mine", Seq(0));
    assert_eq!(
        lists.command(&desk(), other),
        Ok(CommandEffect::Applied),
        "each device has its own room"
    );
    let given_up = draft_of(new_id(0), "", Seq(0));
    lists.command(&laptop(), given_up).expect("is shorter");
    assert_eq!(lists.command(&laptop(), more), Ok(CommandEffect::Applied));
}

#[test]
fn drafts_that_come_and_go_leave_a_bounded_trace() {
    let mut lists = Lists::new();
    for n in 0..limits::EMPTY_DRAFTS_KEPT + 50 {
        for text in ["begun", ""] {
            let saved = lists.command(&laptop(), draft_of(new_id(n), text, Seq(0)));
            assert_eq!(saved, Ok(CommandEffect::Applied));
        }
    }
    assert_eq!(lists.state.drafts().len(), limits::EMPTY_DRAFTS_KEPT);
    assert!(
        lists.state.draft(new_id(0)).is_none(),
        "the oldest are gone"
    );
}

#[test]
fn the_drafts_of_an_account_have_a_bounded_size() {
    let mut lists = Lists::new();
    let text = "x".repeat(limits::PROMPT_BYTES_MAX);
    let full = limits::DRAFTS_BYTES_MAX / text.len();
    for n in 0..=full {
        let mut listed = summary();
        listed.session = new_id(n);
        lists.apply(laptop(), EventBody::SessionSummarized(listed));
        let saved = lists.command(&laptop(), draft_of(new_id(n), &text, Seq(0)));
        let expected = match n < full {
            true => Ok(CommandEffect::Applied),
            false => Err(ErrorCode::TooMany),
        };
        assert_eq!(saved, expected);
    }
    let shorter = draft_of(new_id(0), "short", Seq(0));
    assert_eq!(
        lists.command(&laptop(), shorter),
        Ok(CommandEffect::Applied)
    );
}
