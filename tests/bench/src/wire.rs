//! A client of the protocol that does no more than it must, so that what is measured is the hub.

use anyhow::{Context as _, Result, bail, ensure};
use baton_protocol::{
    Batch, ClientFrame, Command, CommandBody, CommandId, Cursor, HubAddress, HubFrame, LogId,
    Receipt, ReceiptOutcome, RunnerHello, limits,
};
use baton_transport::HubSocket;
use futures::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;

/// A greeted connection.
pub struct Client {
    socket: HubSocket,
    /// Bytes of frames that were received so far.
    pub received: u64,
}

impl Client {
    /// Connects and greets: a runner where there is something to say of one.
    pub async fn connect(
        hub: &HubAddress,
        token: &str,
        runner: Option<RunnerHello>,
    ) -> Result<Self> {
        let socket = baton_transport::connect(hub, token).await?;
        let mut client = Self {
            socket,
            received: 0,
        };
        let hello = ClientFrame::Hello {
            protocol: limits::PROTOCOL_VERSION,
            capabilities: Vec::new(),
            runner,
        };
        client.send(&hello).await?;
        client
            .take(|frame| matches!(frame, HubFrame::Welcome { .. }).then_some(()))
            .await?;
        Ok(client)
    }

    /// Over a connection that was greeted before.
    pub fn over(socket: HubSocket) -> Self {
        Self {
            socket,
            received: 0,
        }
    }

    pub async fn send(&mut self, frame: &ClientFrame) -> Result<()> {
        let text = serde_json::to_string(frame)?;
        Ok(self.socket.send(Message::text(text)).await?)
    }

    /// The next frame's text.
    pub async fn next_text(&mut self) -> Result<String> {
        loop {
            match self
                .socket
                .next()
                .await
                .context("the hub closed the connection")??
            {
                Message::Text(text) => {
                    self.received += text.len() as u64;
                    return Ok(text.as_str().to_owned());
                }
                Message::Close(reason) => bail!("the hub closed the connection: {reason:?}"),
                _ => {}
            }
        }
    }

    pub async fn next(&mut self) -> Result<HubFrame> {
        let text = self.next_text().await?;
        Ok(serde_json::from_str(&text)?)
    }

    /// The first frame from now on that fits. The ones before it are dropped.
    pub async fn take<T>(&mut self, mut pick: impl FnMut(HubFrame) -> Option<T>) -> Result<T> {
        loop {
            let frame = self.next().await?;
            if let HubFrame::Refused { error, .. } | HubFrame::RunFenced { error, .. } = &frame {
                bail!("the hub refused: {error:?}");
            }
            if let Some(found) = pick(frame) {
                return Ok(found);
            }
        }
    }

    /// Follows a log.
    pub async fn subscribe(&mut self, log: LogId, cursor: Option<Cursor>) -> Result<()> {
        self.send(&ClientFrame::Subscribe {
            log,
            cursor,
            newest_chars: None,
            state_format: None,
        })
        .await
    }

    /// The next batch.
    pub async fn batch(&mut self) -> Result<Batch> {
        self.take(|frame| match frame {
            HubFrame::Batch(batch) => Some(batch),
            _ => None,
        })
        .await
    }

    /// Reads batches until the log's head, and gives where that is.
    pub async fn catch_up(&mut self, from: Option<Cursor>) -> Result<Cursor> {
        let mut seq = from.map(|cursor| cursor.seq).unwrap_or_default();
        loop {
            let batch = self.batch().await?;
            ensure!(batch.after == seq, "a gap at {seq:?}");
            seq = batch.upto;
            if batch.upto >= batch.head {
                return Ok(Cursor {
                    incarnation: batch.incarnation,
                    seq,
                });
            }
        }
    }

    /// Sends a command and waits for its receipt.
    pub async fn command(&mut self, log: LogId, body: CommandBody) -> Result<Receipt> {
        let id = CommandId::mint();
        let command = Command {
            only_if: None,
            id,
            log,
            body,
        };
        self.send(&ClientFrame::Command { command }).await?;
        let receipt = self
            .take(|frame| match frame {
                HubFrame::Receipt { receipt } if receipt.command == id => Some(receipt),
                _ => None,
            })
            .await?;
        let accepted = matches!(receipt.outcome, ReceiptOutcome::Accepted { .. });
        ensure!(accepted, "the command was refused: {:?}", receipt.outcome);
        Ok(receipt)
    }

    /// Both halves: a connection that writes by a clock must not wait for what it reads.
    pub fn into_socket(self) -> HubSocket {
        self.socket
    }
}
