//! The first set of samples: one of everything, with fixed ids.

use baton_protocol::*;
use serde_json::json;
use uuid::Uuid;

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 + n)
}

pub fn session() -> SessionId {
    SessionId::from_uuid(uuid(1))
}

pub fn account() -> AccountId {
    AccountId::from_uuid(uuid(2))
}

pub fn device() -> Principal {
    Principal::Device {
        account: account(),
        device: DeviceId::from_uuid(uuid(3)),
    }
}

pub fn runner() -> RunnerId {
    RunnerId::from_uuid(uuid(4))
}

pub fn run() -> RunId {
    RunId::from_uuid(uuid(5))
}

pub fn command_id() -> CommandId {
    CommandId::from_uuid(uuid(6))
}

pub fn prompt() -> PromptId {
    PromptId(command_id())
}

pub fn instance() -> RunnerInstanceId {
    RunnerInstanceId::from_uuid(uuid(7))
}

pub fn incarnation() -> Incarnation {
    Incarnation::from_uuid(uuid(8))
}

fn assistant() -> AgentId {
    AgentId("assistant".into())
}

fn agent() -> AgentDescription {
    AgentDescription {
        id: assistant(),
        name: "Assistant".into(),
        model: "smollm2".into(),
        can_steer: true,
    }
}

fn usage() -> Usage {
    Usage {
        input_tokens: Some(12),
        output_tokens: Some(34),
        model_calls: 1,
    }
}

/// Every kind of event body, in the order of the enum.
pub fn bodies() -> Vec<EventBody> {
    let part = PartIndex(0);
    vec![
        EventBody::SessionCreated(SessionCreatedEvent {
            session: session(),
            account: account(),
            agent: assistant(),
            runner: Some(runner()),
            title: Some("Tides".into()),
        }),
        EventBody::SessionRenamed(SessionRenamedEvent {
            title: "Tides".into(),
            source: TitleSource::Automatic,
        }),
        EventBody::PromptSent(PromptSentEvent {
            branch_of: None,
            prompt: prompt(),
            text: "Why is there high tide twice a day?".into(),
            delivery: Delivery::Steer,
            requested: Delivery::Steer,
            run: Some(run()),
        }),
        EventBody::PromptEdited(PromptEditedEvent {
            prompt: prompt(),
            text: "Why twice?".into(),
        }),
        EventBody::PromptWithdrawn(PromptWithdrawnEvent { prompt: prompt() }),
        EventBody::PromptRequeued(PromptRequeuedEvent {
            prompt: prompt(),
            text: "Why twice?".into(),
            reason: RequeueReason::SteerMissed,
        }),
        EventBody::PromptMoved(PromptMovedEvent {
            prompt: prompt(),
            before: None,
        }),
        EventBody::QueuePaused(QueuePausedEvent {
            reason: PauseReason::Stopped,
        }),
        EventBody::QueueResumed(QueueResumedEvent {}),
        EventBody::RunStarted(RunStartedEvent {
            run: run(),
            prompt: prompt(),
            agent: assistant(),
            runner: runner(),
            instance: instance(),
            epoch: Epoch(3),
            parent: None,
        }),
        EventBody::SteerConsumed(SteerConsumedEvent {
            run: run(),
            prompts: vec![prompt()],
        }),
        EventBody::PartOpened(PartOpenedEvent {
            run: run(),
            part,
            kind: PartKind::Reasoning,
        }),
        EventBody::PartAppended(PartAppendedEvent {
            run: run(),
            part,
            offset: 5,
            text: " 🌊 漢".into(),
        }),
        EventBody::PartClosed(PartClosedEvent {
            run: run(),
            part,
            end: PartEnd::Complete,
        }),
        EventBody::PartSealed(PartSealedEvent {
            run: run(),
            part,
            end: PartEnd::Interrupted,
            since: Seq(5),
            text: "Tides 🌊 漢".into(),
        }),
        EventBody::RunEnded(RunEndedEvent {
            finish_reason: None,
            run: run(),
            outcome: RunOutcome::Stopped { by: device() },
            digest: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".into(),
            usage: Some(usage()),
        }),
        EventBody::TeardownReported(TeardownReportedEvent {
            run: run(),
            tools_cancelled: 2,
            still_running: vec!["make".into()],
        }),
        EventBody::AccountOpened(AccountOpenedEvent {
            account: account(),
            name: "me".into(),
        }),
        EventBody::DeviceLinked(DeviceLinkedEvent {
            principal: device(),
            name: "Laptop".into(),
        }),
        EventBody::DeviceRevoked(DeviceRevokedEvent {
            principal: device(),
        }),
        EventBody::AgentsOffered(AgentsOfferedEvent {
            runner: runner(),
            agents: vec![agent()],
        }),
        EventBody::SessionSummarized(SessionSummarizedEvent {
            session: session(),
            summary: SessionSummary {
                open_approvals: 0,
                seq: Seq(9),
                title: None,
                preview: "Why is there high tide".into(),
                agent: assistant(),
                created_at: TimestampMs(1_795_000_000_000),
                updated_at: TimestampMs(1_795_000_060_000),
                activity: SessionActivity::Running {
                    run: run(),
                    runner: runner(),
                    started_at: TimestampMs(1_795_000_060_000),
                },
                finished_seq: Seq(0),
                queued: 1,
            },
        }),
        EventBody::ReadMarked(ReadMarkedEvent {
            session: session(),
            seq: Seq(9),
        }),
    ]
}

pub fn events() -> Vec<Event> {
    let event = |(n, body): (usize, EventBody)| Event {
        seq: Seq(n as u64 + 1),
        recorded_at: TimestampMs(1_795_000_000_000 + n as i64),
        by: if n % 2 == 0 {
            device()
        } else {
            Principal::Runner {
                runner: runner(),
                agent: Some(assistant()),
            }
        },
        command: (n % 3 == 0).then(command_id),
        producer: (n % 2 == 1).then_some(ProducerSeq(n as u64)),
        body,
    };
    bodies().into_iter().enumerate().map(event).collect()
}

/// Every command.
pub fn commands() -> Vec<Command> {
    let bodies = vec![
        CommandBody::CreateSession(CreateSessionCommand {
            agent: assistant(),
            runner: None,
            title: None,
        }),
        CommandBody::RenameSession(RenameSessionCommand {
            title: "Tides".into(),
        }),
        CommandBody::SendPrompt(SendPromptCommand {
            run: None,
            text: "Why?".into(),
            delivery: Delivery::Queue,
        }),
        CommandBody::EditPrompt(EditPromptCommand {
            prompt: prompt(),
            text: "Why so?".into(),
        }),
        CommandBody::WithdrawPrompt(WithdrawPromptCommand { prompt: prompt() }),
        CommandBody::MovePrompt(MovePromptCommand {
            prompt: prompt(),
            before: Some(prompt()),
        }),
        CommandBody::SendPromptNow(SendPromptNowCommand { prompt: prompt() }),
        CommandBody::StopRun(StopRunCommand {
            target: StopTarget::Run { run: run() },
            scope: StopScope::Tree,
        }),
        CommandBody::RetryRun(RetryRunCommand { run: run() }),
        CommandBody::PauseQueue(PauseQueueCommand {}),
        CommandBody::ResumeQueue(ResumeQueueCommand {}),
        CommandBody::MarkRead(MarkReadCommand {
            session: session(),
            seq: Seq(9),
        }),
    ];
    let command = |body| Command {
        only_if: None,
        id: command_id(),
        log: LogId::Session(session()),
        body,
    };
    bodies.into_iter().map(command).collect()
}

/// Every effect and a refusal.
pub fn receipts() -> Vec<Receipt> {
    let effects = [
        CommandEffect::Applied,
        CommandEffect::Unchanged,
        CommandEffect::PromptAccepted {
            delivery: Delivery::Interrupt,
        },
        CommandEffect::Stopped { runs: vec![run()] },
        CommandEffect::Withdrawn,
        CommandEffect::AlreadyEnded {
            outcome: RunOutcome::Failed {
                message: "the model does not answer".into(),
            },
        },
    ];
    let refused = ReceiptOutcome::Refused {
        error: ErrorCode::PromptAlreadyTaken.with(
            "the agent has taken this prompt already",
            "stop or steer its answer instead",
        ),
    };
    let outcomes = effects
        .into_iter()
        .map(|effect| ReceiptOutcome::Accepted { effect })
        .chain([refused]);
    let receipt = |outcome| Receipt {
        command: command_id(),
        log: LogId::Session(session()),
        seq: Seq(9),
        recorded_at: TimestampMs(1_795_000_000_000),
        outcome,
    };
    outcomes.map(receipt).collect()
}

/// Every frame of a client.
pub fn client_frames() -> Vec<ClientFrame> {
    let log = LogId::Session(session());
    let write = |n, write| RunWriteEntry {
        producer: ProducerSeq(n),
        write,
    };
    let part = PartIndex(0);
    vec![
        ClientFrame::Hello {
            protocol: limits::PROTOCOL_VERSION,
            capabilities: vec![],
            runner: None,
        },
        ClientFrame::Hello {
            protocol: limits::PROTOCOL_VERSION,
            capabilities: vec!["later".into()],
            runner: Some(RunnerHello {
                instance: instance(),
                agents: vec![agent()],
            }),
        },
        ClientFrame::Subscribe {
            log,
            cursor: None,
            newest_chars: None,
            state_format: None,
        },
        ClientFrame::Subscribe {
            newest_chars: None,
            state_format: None,
            log,
            cursor: Some(Cursor {
                incarnation: incarnation(),
                seq: Seq(4),
            }),
        },
        ClientFrame::Unsubscribe { log },
        ClientFrame::Command {
            command: commands().remove(2),
        },
        ClientFrame::Heartbeat { runs: None },
        ClientFrame::ResumeRun {
            session: session(),
            run: run(),
            epoch: Epoch(3),
        },
        ClientFrame::WriteRun {
            session: session(),
            run: run(),
            epoch: Epoch(3),
            entries: vec![
                write(
                    1,
                    RunWrite::OpenPart {
                        part,
                        kind: PartKind::Text,
                    },
                ),
                write(
                    2,
                    RunWrite::AppendText {
                        part,
                        offset: 0,
                        text: "High".into(),
                    },
                ),
                write(
                    3,
                    RunWrite::ClosePart {
                        part,
                        end: PartEnd::Interrupted,
                    },
                ),
                write(
                    4,
                    RunWrite::ConsumeSteer {
                        prompts: vec![prompt()],
                    },
                ),
                write(
                    5,
                    RunWrite::EndRun {
                        failure: None,
                        usage: Some(usage()),
                        finish_reason: None,
                    },
                ),
            ],
        },
        ClientFrame::ReportTeardown {
            session: session(),
            run: run(),
            tools_cancelled: 0,
            still_running: vec![],
        },
    ]
}

/// Every frame of a hub.
pub fn hub_frames() -> Vec<HubFrame> {
    let log = LogId::Session(session());
    let error = ErrorCode::LeaseFenced.with("the lease is over", "stop writing for it");
    vec![
        HubFrame::Welcome {
            account: account(),
            principal: device(),
            hub_name: "attic".into(),
            capabilities: vec![],
            hub_time: None,
        },
        HubFrame::Batch(Batch {
            log,
            incarnation: incarnation(),
            after: Seq(0),
            upto: Seq(1),
            head: Seq(2),
            events: vec![events().remove(0)],
        }),
        HubFrame::Missing {
            log,
            incarnation: Some(incarnation()),
        },
        HubFrame::Receipt {
            receipt: receipts().remove(2),
        },
        HubFrame::Refused {
            command: Some(command_id()),
            log: None,
            error: error.clone(),
        },
        HubFrame::HeartbeatAck {},
        HubFrame::Presence {
            connected: vec![device()],
        },
        HubFrame::RunAssigned {
            session: session(),
            run: run(),
            epoch: Epoch(3),
            seq: Seq(4),
        },
        HubFrame::RunAcked {
            run: run(),
            producer: ProducerSeq(5),
        },
        HubFrame::RunFenced { run: run(), error },
    ]
}

/// A body and a part kind from a newer version.
pub fn newer() -> (serde_json::Value, serde_json::Value) {
    (
        json!({"type": "sessionTeleported", "call": {"tool": "rm"}}),
        json!({"type": "image", "blob": "sha256:00"}),
    )
}
