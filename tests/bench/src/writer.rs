//! A runner that says what the benchmark tells it to, in a session with a run that is on.

use anyhow::Result;
use baton_protocol::{
    AgentDescription, AgentId, ClientFrame, CommandBody, CreateSessionCommand, Delivery, Epoch,
    HubFrame, LogId, PartIndex, PartKind, ProducerSeq, RunId, RunWrite, RunWriteEntry, RunnerHello,
    RunnerInstanceId, SendPromptCommand, SessionId,
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
            offset: 0,
        };
        let open = writer.entry(RunWrite::OpenPart {
            part: PartIndex(0),
            kind: PartKind::Text,
        });
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

    /// The entry that appends a text.
    pub fn text(&mut self, text: String) -> RunWriteEntry {
        let offset = self.offset;
        self.offset += text.len() as u64;
        self.entry(RunWrite::AppendText {
            part: PartIndex(0),
            offset,
            text,
        })
    }

    /// The frame with the `n`th payload.
    pub fn next_text(&mut self, n: u64) -> ClientFrame {
        let entry = self.text(payload(n));
        self.frame(vec![entry])
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

/// Which payload stands at a byte of the part.
pub fn payload_at(offset: u64) -> u64 {
    offset / PAYLOAD_BYTES as u64
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
