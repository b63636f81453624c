//! A runner that says what the benchmark tells it to, in a session with a run that is on.

use anyhow::Result;
use baton_protocol::{
    AgentDescription, AgentId, ClientFrame, CommandBody, CreateSessionCommand, Delivery, Epoch,
    HubFrame, LogId, PartEnd, PartIndex, PartKind, ProducerSeq, RunId, RunWrite, RunWriteEntry,
    RunnerHello, RunnerInstanceId, SendPromptCommand, SessionId,
};

use crate::append::{PAYLOAD_BYTES, payload};
use crate::hub::HubProcess;
use crate::wire::Client;

/// A run that is written, payload by payload.
pub struct RunScript {
    pub session: SessionId,
    pub run: RunId,
    epoch: Epoch,
    producer: u64,
    part: u32,
    offset: u64,
}

impl RunScript {
    pub fn assigned(frame: HubFrame) -> Option<Self> {
        let HubFrame::RunAssigned {
            session,
            run,
            epoch,
            ..
        } = frame
        else {
            return None;
        };
        Some(Self {
            session,
            run,
            epoch,
            producer: 0,
            part: 0,
            offset: 0,
        })
    }

    /// The count of the last write.
    pub fn producer(&self) -> ProducerSeq {
        ProducerSeq(self.producer)
    }

    fn entry(&mut self, write: RunWrite) -> RunWriteEntry {
        self.producer += 1;
        RunWriteEntry {
            producer: self.producer(),
            write,
        }
    }

    pub fn open_part(&mut self) -> RunWriteEntry {
        self.offset = 0;
        self.entry(RunWrite::OpenPart {
            part: PartIndex(self.part),
            kind: PartKind::Text,
        })
    }

    /// The entry that appends a text.
    pub fn text(&mut self, text: String) -> RunWriteEntry {
        let offset = self.offset;
        self.offset += text.len() as u64;
        self.entry(RunWrite::AppendText {
            part: PartIndex(self.part),
            offset,
            text,
        })
    }

    /// The entries that close the part and open the next one.
    pub fn next_part(&mut self) -> [RunWriteEntry; 2] {
        let close = self.entry(RunWrite::ClosePart {
            part: PartIndex(self.part),
            end: PartEnd::Complete,
        });
        self.part += 1;
        [close, self.open_part()]
    }

    /// The frame with the `n`th payload; in the next part, where the one before is full.
    pub fn next_text(&mut self, n: u64) -> ClientFrame {
        let mut entries = Vec::new();
        if n > 0 && n.is_multiple_of(PAYLOADS_PER_PART) {
            entries.extend(self.next_part());
        }
        entries.push(self.text(payload(n)));
        self.frame(entries)
    }

    pub fn frame(&self, entries: Vec<RunWriteEntry>) -> ClientFrame {
        ClientFrame::WriteRun {
            session: self.session,
            run: self.run,
            epoch: self.epoch,
            entries,
        }
    }

    /// Writes and waits until it is acknowledged.
    pub async fn write(&self, runner: &mut Client, entries: Vec<RunWriteEntry>) -> Result<()> {
        let frame = self.frame(entries);
        runner.send(&frame).await?;
        let (of, wanted) = (self.run, self.producer());
        runner
            .take(|frame| {
                matches!(frame, HubFrame::RunAcked { run, producer } if run == of && producer == wanted)
                    .then_some(())
            })
            .await
    }
}

/// The runner, its run, and a device.
pub struct Writer {
    pub runner: Client,
    pub device: Client,
    script: RunScript,
}

impl std::ops::Deref for Writer {
    type Target = RunScript;

    fn deref(&self) -> &RunScript {
        &self.script
    }
}

impl std::ops::DerefMut for Writer {
    fn deref_mut(&mut self) -> &mut RunScript {
        &mut self.script
    }
}

impl Writer {
    /// Creates a session, asks something and opens the answer.
    pub async fn begin(hub: &HubProcess) -> Result<Self> {
        let mut runner = Client::connect(&hub.address, &hub.runner.token, Some(hello())).await?;
        let mut device = Client::connect(&hub.address, &hub.device.token, None).await?;
        let log = LogId::Session(SessionId::mint());
        let create = CreateSessionCommand {
            agent: agent(),
            runner: None,
            title: None,
        };
        device
            .command(log, CommandBody::CreateSession(create))
            .await?;
        let prompt = SendPromptCommand {
            run: None,
            text: "Go on.".to_owned(),
            delivery: Delivery::Queue,
        };
        device.command(log, CommandBody::SendPrompt(prompt)).await?;
        let mut script = runner.take(RunScript::assigned).await?;
        let open = script.open_part();
        script.write(&mut runner, vec![open]).await?;
        Ok(Self {
            runner,
            device,
            script,
        })
    }

    pub fn log(&self) -> LogId {
        LogId::Session(self.session)
    }

    /// Writes and waits until it is acknowledged.
    pub async fn write(&mut self, entries: Vec<RunWriteEntry>) -> Result<()> {
        self.script.write(&mut self.runner, entries).await
    }
}

/// Payloads of one part: a part has a limit, and a runner opens the next one before it.
const PAYLOADS_PER_PART: u64 = 512;

/// Which payload begins at a byte of a part.
pub fn payload_at(part: PartIndex, offset: u64) -> u64 {
    u64::from(part.0) * PAYLOADS_PER_PART + offset / PAYLOAD_BYTES as u64
}

/// The agent that every runner here hosts.
pub fn agent() -> AgentId {
    AgentId("assistant".to_owned())
}

/// What a runner says of itself.
pub fn hello() -> RunnerHello {
    RunnerHello {
        instance: RunnerInstanceId::mint(),
        agents: vec![AgentDescription {
            id: agent(),
            name: "Assistant".to_owned(),
            model: "none".to_owned(),
            can_steer: true,
        }],
    }
}
