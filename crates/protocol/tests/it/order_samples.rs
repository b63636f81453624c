//! The second set of samples: approvals, sub-agents, branches, forks, edits, an account's pins, folders and drafts, attention.

use baton_protocol::*;
use uuid::Uuid;

use crate::samples::{command_id, device, incarnation, prompt, run, session};

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0100 + n)
}

pub fn approval() -> ApprovalId {
    ApprovalId::from_uuid(uuid(1))
}

fn folder() -> FolderId {
    FolderId::from_uuid(uuid(2))
}

fn call() -> CallId {
    CallId("call_1".into())
}

fn wanted() -> ToolUse {
    ToolUse {
        tool: "shell".into(),
        tool_digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        arguments: r#"{"argv":["make","🌊"]}"#.into(),
    }
}

fn digest() -> String {
    "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824".into()
}

pub fn part_kinds() -> Vec<PartKind> {
    vec![
        PartKind::ToolCall(ToolCallPart {
            call: call(),
            tool: "shell".into(),
        }),
        PartKind::ToolResult(ToolResultPart {
            call: call(),
            is_error: true,
        }),
    ]
}

/// Every kind of event body, in the order of the enum.
pub fn bodies() -> Vec<EventBody> {
    let mut bodies = session_bodies();
    bodies.extend(account_bodies());
    bodies
}

fn session_bodies() -> Vec<EventBody> {
    vec![
        EventBody::ApprovalRequested(ApprovalRequestedEvent {
            approval: approval(),
            run: run(),
            call: call(),
            wanted: wanted(),
            pattern: "make *".into(),
            place: "build-box".into(),
            reason: Some("to see whether it builds".into()),
            digest: digest(),
        }),
        EventBody::ApprovalAnswered(ApprovalAnsweredEvent {
            approval: approval(),
            run: run(),
            answer: ApprovalAnswer::Deny,
            scope: ApprovalScope::Once,
            reason: Some("not now".into()),
        }),
        EventBody::ApprovalCancelled(ApprovalCancelledEvent {
            approval: approval(),
            run: run(),
        }),
        EventBody::PromptEditBegan(PromptEditBeganEvent { prompt: prompt() }),
        EventBody::PromptEditEnded(PromptEditEndedEvent {
            prompt: prompt(),
            reason: EditEndReason::Expired,
        }),
        EventBody::BranchChosen(BranchChosenEvent { prompt: prompt() }),
        EventBody::SessionForked(SessionForkedEvent {
            from: session(),
            at: ForkPoint::After { run: run() },
            seq: Seq(9),
        }),
    ]
}

fn account_bodies() -> Vec<EventBody> {
    let session = session();
    vec![
        EventBody::SessionPinned(SessionPinnedEvent {
            session,
            pinned: true,
        }),
        EventBody::SessionArchived(SessionArchivedEvent {
            session,
            archived: true,
        }),
        EventBody::SessionFiled(SessionFiledEvent {
            session,
            folder: Some(folder()),
        }),
        EventBody::SessionDeleted(SessionDeletedEvent { session }),
        EventBody::FolderNamed(FolderNamedEvent {
            folder: folder(),
            name: "Sea".into(),
        }),
        EventBody::FolderRemoved(FolderRemovedEvent { folder: folder() }),
        EventBody::DraftSaved(DraftSavedEvent {
            session,
            text: "And at full moon".into(),
        }),
        EventBody::ApprovalGranted(ApprovalGrantedEvent {
            grant: approval(),
            by: device(),
            covers: ApprovalPattern {
                tool: "shell".into(),
                tool_digest: wanted().tool_digest,
                pattern: "make *".into(),
            },
        }),
        EventBody::ApprovalGrantRevoked(ApprovalGrantRevokedEvent { grant: approval() }),
    ]
}

pub fn commands() -> Vec<Command> {
    let session = session();
    let prompt = prompt();
    let bodies = vec![
        CommandBody::AnswerApproval(AnswerApprovalCommand {
            approval: approval(),
            digest: digest(),
            answer: ApprovalAnswer::Allow,
            scope: ApprovalScope::Always,
            reason: None,
        }),
        CommandBody::BeginPromptEdit(BeginPromptEditCommand { prompt }),
        CommandBody::EndPromptEdit(EndPromptEditCommand { prompt }),
        CommandBody::ResendPrompt(ResendPromptCommand {
            prompt,
            text: "Why so?".into(),
            delivery: Delivery::Interrupt,
        }),
        CommandBody::ChooseBranch(ChooseBranchCommand { prompt }),
        CommandBody::ForkSession(ForkSessionCommand {
            from: session,
            at: ForkPoint::Before { prompt },
            title: None,
        }),
        CommandBody::PinSession(PinSessionCommand {
            session,
            pinned: true,
        }),
        CommandBody::ArchiveSession(ArchiveSessionCommand {
            session,
            archived: false,
        }),
        CommandBody::FileSession(FileSessionCommand {
            session,
            folder: None,
        }),
        CommandBody::DeleteSession(DeleteSessionCommand { session }),
        CommandBody::NameFolder(NameFolderCommand {
            folder: folder(),
            name: "Sea".into(),
        }),
        CommandBody::RemoveFolder(RemoveFolderCommand { folder: folder() }),
        CommandBody::SaveDraft(SaveDraftCommand {
            session,
            text: "And at full moon".into(),
            based_on: Seq(7),
        }),
        CommandBody::RevokeApprovalGrant(RevokeApprovalGrantCommand { grant: approval() }),
        CommandBody::SendPrompt(SendPromptCommand {
            text: "Only the first page".into(),
            delivery: Delivery::Steer,
            run: Some(run()),
        }),
    ];
    let command = |body| Command {
        id: command_id(),
        log: LogId::Session(session),
        only_if: Some(CommandCondition::Idle),
        body,
    };
    bodies.into_iter().map(command).collect()
}

pub fn writes() -> Vec<RunWrite> {
    vec![
        RunWrite::StartChild {
            run: run(),
            prompt: prompt(),
            agent: AgentId("helper".into()),
            task: "Look at the tide tables".into(),
        },
        RunWrite::RequestApproval {
            approval: approval(),
            call: call(),
            wanted: wanted(),
            pattern: "make *".into(),
            place: "build-box".into(),
            reason: None,
        },
    ]
}

pub fn attention() -> (ClientFrame, HubFrame) {
    let Principal::Device { device, .. } = device() else {
        unreachable!("the sample is a device")
    };
    let attend = ClientFrame::Attend {
        session: Some(session()),
        typing: true,
        in_use: true,
    };
    let devices = vec![DeviceAttention {
        device,
        session: Some(session()),
        typing: true,
        in_use: true,
    }];
    (attend, HubFrame::Attention { devices })
}

/// A reader that needs only the end of a session.
pub fn newest() -> Vec<ClientFrame> {
    vec![ClientFrame::Subscribe {
        log: LogId::Session(session()),
        cursor: None,
        state_format: Some(1),
        newest_chars: Some(48_001),
    }]
}

pub fn saved_states() -> (Vec<ClientFrame>, Vec<HubFrame>) {
    let log = LogId::Session(session());
    let asked = vec![
        ClientFrame::Subscribe {
            log,
            cursor: None,
            state_format: Some(1),
            newest_chars: None,
        },
        ClientFrame::ReadHistory {
            log,
            incarnation: incarnation(),
            after: Seq(0),
            upto: Seq(9),
        },
    ];
    let given = vec![
        HubFrame::Snapshot(SnapshotPiece {
            log,
            incarnation: incarnation(),
            after: Seq(0),
            seq: Seq(9),
            format: 1,
            piece: 0,
            pieces: 2,
            text: "{\"head\"".into(),
        }),
        HubFrame::History(Batch {
            log,
            incarnation: incarnation(),
            after: Seq(0),
            upto: Seq(9),
            head: Seq(12),
            events: Vec::new(),
        }),
    ];
    (asked, given)
}
