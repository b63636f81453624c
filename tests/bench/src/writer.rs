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

/// The runner and its run.
pub struct Writer {
    pub runner: Client,
    pub device: Client,
    pub session: SessionId,
    pub run: RunId,
    epoch: Epoch,
    producer: u64,
    part: u32,
    offset: u64,
}

impl Writer {
    /// Creates a session, asks something and opens the answer.
    pub async fn begin(hub: &HubProcess) -> Result<Self> {
        let mut runner = Client::connect(&hub.address, &hub.runner.token, Some(hello())).await?;
        let mut device = Client::connect(&hub.address, &hub.device.token, None).await?;
        let session = SessionId::mint();
        let log = LogId::Session(session);
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
        let (run, epoch) = runner
            .take(|frame| match frame {
                HubFrame::RunAssigned { run, epoch, .. } => Some((run, epoch)),
                _ => None,
            })
            .await?;
        let mut writer = Self {
            runner,
            device,
            session,
            run,
            epoch,
            producer: 0,
            part: 0,
            offset: 0,
        };
        let open = writer.open_part();
        writer.write(vec![open]).await?;
        Ok(writer)
    }

    pub fn log(&self) -> LogId {
        LogId::Session(self.session)
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

    fn open_part(&mut self) -> RunWriteEntry {
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
    pub async fn write(&mut self, entries: Vec<RunWriteEntry>) -> Result<()> {
        let frame = self.frame(entries);
        self.runner.send(&frame).await?;
        let wanted = self.producer();
        self.runner
            .take(|frame| {
                matches!(frame, HubFrame::RunAcked { producer, .. } if producer == wanted)
                    .then_some(())
            })
            .await
    }
}

/// Payloads of one part: a part has a limit, and a runner opens the next one before it.
const PAYLOADS_PER_PART: u64 = 512;

/// Which payload begins at a byte of a part.
pub fn payload_at(part: PartIndex, offset: u64) -> u64 {
    u64::from(part.0) * PAYLOADS_PER_PART + offset / PAYLOAD_BYTES as u64
}

fn agent() -> AgentId {
    AgentId("assistant".to_owned())
}

fn hello() -> RunnerHello {
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
