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
