//! A device or a runner by the protocol alone: it checks every batch against its cursor and folds it.

use std::collections::HashMap;

use baton_hub::RunningHub;
use baton_protocol::view::RowBody;
use baton_protocol::*;
use baton_session::{SessionState, Transcript};
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::world::{PATIENCE, agent};

pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub type Socket = WebSocketStream<Box<dyn Stream>>;

/// One log as this client has it.
#[derive(Default)]
pub struct Followed {
    pub cursor: Option<Cursor>,
    pub events: Vec<Event>,
    pub state: SessionState,
    pub transcript: Transcript,
    pub level: bool,
}

impl Followed {
    fn apply(&mut self, batch: Batch) {
        let at = self.cursor.map_or(Seq::ZERO, |cursor| cursor.seq);
        assert_eq!(batch.after, at, "a batch must continue the cursor");
        if let Some(cursor) = self.cursor {
            assert_eq!(cursor.incarnation, batch.incarnation);
        }
        for event in &batch.events {
            assert!(event.seq > at && event.seq <= batch.upto);
            if matches!(batch.log, LogId::Session(_)) {
                self.state.apply(event, &mut self.transcript).unwrap();
            }
        }
        if matches!(batch.log, LogId::Session(_)) {
            self.state.set_head(batch.upto);
        }
        self.events.extend(batch.events);
        self.level = batch.upto == batch.head;
        self.cursor = Some(Cursor {
            incarnation: batch.incarnation,
            seq: batch.upto,
        });
    }

    /// All text of answers, in order.
    pub fn text(&self) -> String {
        let texts = self
            .transcript
            .rows
            .iter()
            .filter_map(|row| match &row.body {
                RowBody::Text { text, .. } => Some(text.as_str()),
                _ => None,
            });
        texts.collect()
    }

    pub fn outcomes(&self) -> Vec<RunOutcome> {
        let ends = self.events.iter().filter_map(|event| match &event.body {
            EventBody::RunEnded(ended) => Some(ended.outcome.clone()),
            _ => None,
        });
        ends.collect()
    }
}

/// A run as its runner was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Assigned {
    pub session: SessionId,
    pub run: RunId,
    pub epoch: Epoch,
}

pub struct Client {
    pub socket: Socket,
    pub logs: HashMap<LogId, Followed>,
    /// Everything but batches, in order.
    pub frames: Vec<HubFrame>,
    /// How many of them a wait has looked at and taken.
    taken: Vec<bool>,
}

/// Opens a socket, or gives the HTTP answer that refused it.
pub async fn open(hub: &RunningHub, token: Option<&str>) -> Result<Socket, (u16, String)> {
    let stream = TcpStream::connect(hub.local_addr()).await.unwrap();
    open_over(
        Box::new(stream),
        &format!("ws://{}/v1/socket", hub.local_addr()),
        token,
    )
    .await
}

pub async fn open_over(
    stream: Box<dyn Stream>,
    url: &str,
    token: Option<&str>,
) -> Result<Socket, (u16, String)> {
    let mut request = url.into_client_request().unwrap();
    if let Some(token) = token {
        request
            .headers_mut()
            .insert("Authorization", format!("Bearer {token}").parse().unwrap());
    }
    match tokio_tungstenite::client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(answer)) => {
            let body = answer.body().clone().unwrap_or_default();
            Err((answer.status().as_u16(), String::from_utf8(body).unwrap()))
        }
        Err(error) => panic!("the socket did not open: {error}"),
    }
}

impl Client {
    pub fn over(socket: Socket) -> Self {
        Self {
            socket,
            logs: HashMap::new(),
            frames: Vec::new(),
            taken: Vec::new(),
        }
    }

    pub async fn device(hub: &RunningHub, token: &str) -> Self {
        Self::device_that_can(hub, token, Vec::new()).await
    }

    /// A device that hears what people do at others.
    pub async fn attentive(hub: &RunningHub, token: &str) -> Self {
        let capability = limits::ATTENTION_CAPABILITY.to_owned();
        Self::device_that_can(hub, token, vec![capability]).await
    }

    async fn device_that_can(hub: &RunningHub, token: &str, capabilities: Vec<String>) -> Self {
        let mut client = Self::over(open(hub, Some(token)).await.unwrap());
        client
            .send(&ClientFrame::Hello {
                protocol: limits::PROTOCOL_VERSION,
                capabilities,
                runner: None,
            })
            .await;
        client
            .take(|frame| matches!(frame, HubFrame::Welcome { .. }).then_some(()))
            .await;
        client
    }

    pub async fn runner(hub: &RunningHub, token: &str, runner: RunnerHello) -> Self {
        let mut client = Self::over(open(hub, Some(token)).await.unwrap());
        let hello = ClientFrame::Hello {
            protocol: limits::PROTOCOL_VERSION,
            capabilities: Vec::new(),
            runner: Some(runner),
        };
        client.send(&hello).await;
        client
            .take(|frame| matches!(frame, HubFrame::Welcome { .. }).then_some(()))
            .await;
        client
    }

    pub async fn send(&mut self, frame: &ClientFrame) {
        self.send_text(serde_json::to_string(frame).unwrap()).await;
    }

    pub async fn send_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Reads one message. The close code where the hub closes.
    pub async fn read(&mut self) -> Result<(), (u16, String)> {
        let message = tokio::time::timeout(PATIENCE, self.socket.next())
            .await
            .expect("a frame in time");
        match message {
            Some(Ok(Message::Text(text))) => {
                match serde_json::from_str(&text).unwrap() {
                    HubFrame::Batch(batch) => self.logs.entry(batch.log).or_default().apply(batch),
                    frame => {
                        self.frames.push(frame);
                        self.taken.push(false);
                    }
                }
                Ok(())
            }
            Some(Ok(Message::Close(Some(close)))) => {
                Err((close.code.into(), close.reason.to_string()))
            }
            Some(Ok(_)) => Ok(()),
            Some(Err(_)) | None => Err((1006, String::new())),
        }
    }

    /// The next batch of a log, as it came.
    pub async fn socket_batch(&mut self, log: LogId) -> Batch {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            let Some(Ok(Message::Text(text))) = message.expect("a frame in time") else {
                panic!("the hub says nothing more");
            };
            if let HubFrame::Batch(batch) = serde_json::from_str(&text).unwrap()
                && batch.log == log
            {
                return batch;
            }
        }
    }

    /// The first frame that fits and was not taken before.
    pub async fn take<T>(&mut self, fits: impl Fn(&HubFrame) -> Option<T>) -> T {
        let mut from = 0;
        loop {
            for index in from..self.frames.len() {
                if !self.taken[index]
                    && let Some(found) = fits(&self.frames[index])
                {
                    self.taken[index] = true;
                    return found;
                }
            }
            from = self.frames.len();
            self.read()
                .await
                .unwrap_or_else(|close| panic!("closed: {close:?}"));
        }
    }

    /// Reads until the log is as wanted.
    pub async fn until(&mut self, log: LogId, wanted: impl Fn(&Followed) -> bool) -> &Followed {
        while !self.logs.get(&log).is_some_and(&wanted) {
            self.read()
                .await
                .unwrap_or_else(|close| panic!("closed: {close:?}"));
        }
        &self.logs[&log]
    }

    /// Reads until the hub closes.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Err(close) = self.read().await {
                return close;
            }
        }
    }

    /// Follows from where this client stands.
    pub async fn follow(&mut self, log: LogId) {
        let cursor = self.logs.get(&log).and_then(|followed| followed.cursor);
        self.send(&ClientFrame::Subscribe {
            log,
            cursor,
            newest_chars: None,
            state_format: None,
        })
        .await;
    }

    /// Sends and waits for the receipt.
    pub async fn command(&mut self, log: LogId, body: CommandBody) -> Receipt {
        self.repeat(&Command {
            only_if: None,
            id: CommandId::mint(),
            log,
            body,
        })
        .await
    }

    pub async fn repeat(&mut self, command: &Command) -> Receipt {
        self.send(&ClientFrame::Command {
            command: command.clone(),
        })
        .await;
        let id = command.id;
        self.take(|frame| match frame {
            HubFrame::Receipt { receipt } if receipt.command == id => Some(receipt.clone()),
            HubFrame::Refused { command, error, .. } if *command == Some(id) => {
                panic!("refused: {error:?}")
            }
            _ => None,
        })
        .await
    }

    /// Sends and waits for the refusal.
    pub async fn refused(&mut self, command: &Command) -> ErrorCode {
        self.send(&ClientFrame::Command {
            command: command.clone(),
        })
        .await;
        let id = command.id;
        self.take(|frame| match frame {
            HubFrame::Refused { command, error, .. } if *command == Some(id) => Some(error.code),
            _ => None,
        })
        .await
    }

    /// Creates a session and follows it.
    pub async fn create(&mut self, log: LogId) {
        let receipt = self.command(log, create()).await;
        assert_eq!(
            receipt.outcome,
            ReceiptOutcome::Accepted {
                effect: CommandEffect::Applied
            }
        );
        self.follow(log).await;
    }

    pub async fn prompt(&mut self, log: LogId, text: &str, delivery: Delivery) -> Receipt {
        self.command(
            log,
            CommandBody::SendPrompt(SendPromptCommand {
                run: None,
                text: text.into(),
                delivery,
            }),
        )
        .await
    }

    /// Sends without waiting for the answer.
    pub async fn send_prompt(&mut self, log: LogId, text: &str) {
        let command = Command {
            only_if: None,
            id: CommandId::mint(),
            log,
            body: CommandBody::SendPrompt(SendPromptCommand {
                run: None,
                text: text.into(),
                delivery: Delivery::Queue,
            }),
        };
        self.send(&ClientFrame::Command { command }).await;
    }

    /// Returns when the hub has read everything that was sent before.
    pub async fn heard(&mut self) {
        self.send(&ClientFrame::Heartbeat { runs: None }).await;
        self.take(|frame| matches!(frame, HubFrame::HeartbeatAck {}).then_some(()))
            .await;
    }

    /// Runner: waits for an assignment.
    pub async fn assigned(&mut self) -> Assigned {
        self.take(|frame| match *frame {
            HubFrame::RunAssigned {
                session,
                run,
                epoch,
                ..
            } => Some(Assigned {
                session,
                run,
                epoch,
            }),
            _ => None,
        })
        .await
    }

    /// Runner: sends writes without waiting.
    pub async fn write(&mut self, held: Assigned, entries: Vec<RunWriteEntry>) {
        self.send(&ClientFrame::WriteRun {
            session: held.session,
            run: held.run,
            epoch: held.epoch,
            entries,
        })
        .await;
    }

    /// Runner: sends writes and waits for the acknowledgement.
    pub async fn write_acked(
        &mut self,
        held: Assigned,
        entries: Vec<RunWriteEntry>,
    ) -> ProducerSeq {
        self.write(held, entries).await;
        self.acked(held.run).await
    }

    pub async fn acked(&mut self, of: RunId) -> ProducerSeq {
        self.take(|frame| match frame {
            HubFrame::RunAcked { run, producer } if *run == of => Some(*producer),
            HubFrame::RunFenced { run, error } if *run == of => panic!("fenced: {error:?}"),
            _ => None,
        })
        .await
    }

    pub async fn fenced(&mut self, of: RunId) -> ErrorCode {
        self.take(|frame| match frame {
            HubFrame::RunFenced { run, error } if *run == of => Some(error.code),
            _ => None,
        })
        .await
    }
}

pub fn create() -> CommandBody {
    CommandBody::CreateSession(CreateSessionCommand {
        agent: agent(),
        runner: None,
        title: None,
    })
}

pub fn stop(run: RunId) -> CommandBody {
    CommandBody::StopRun(StopRunCommand {
        target: StopTarget::Run { run },
        scope: StopScope::Run,
    })
}

/// A runner's writes for one text part, counted on.
#[derive(Clone)]
pub struct Script {
    producer: u64,
    part: u32,
    offset: u64,
}

impl Script {
    pub fn new() -> Self {
        Self {
            producer: 0,
            part: 0,
            offset: 0,
        }
    }

    /// Behind this many writes that opened no part.
    pub fn after(producer: u64) -> Self {
        Self {
            producer,
            ..Self::new()
        }
    }

    fn entry(&mut self, write: RunWrite) -> RunWriteEntry {
        self.producer += 1;
        RunWriteEntry {
            producer: ProducerSeq(self.producer),
            write,
        }
    }

    pub fn open(&mut self) -> RunWriteEntry {
        self.offset = 0;
        let part = PartIndex(self.part);
        self.entry(RunWrite::OpenPart {
            part,
            kind: PartKind::Text,
        })
    }

    pub fn text(&mut self, text: &str) -> RunWriteEntry {
        let offset = self.offset;
        self.offset += text.len() as u64;
        let part = PartIndex(self.part);
        self.entry(RunWrite::AppendText {
            part,
            offset,
            text: text.into(),
        })
    }

    pub fn close(&mut self, end: PartEnd) -> RunWriteEntry {
        let part = PartIndex(self.part);
        self.part += 1;
        self.entry(RunWrite::ClosePart { part, end })
    }

    pub fn consume(&mut self, prompt: PromptId) -> RunWriteEntry {
        self.entry(RunWrite::ConsumeSteer {
            prompts: vec![prompt],
        })
    }

    pub fn child(&mut self, run: RunId, task: &str) -> RunWriteEntry {
        self.entry(RunWrite::StartChild {
            run,
            prompt: PromptId(CommandId::mint()),
            agent: AgentId("helper".into()),
            task: task.into(),
        })
    }

    pub fn ask(&mut self, approval: ApprovalId, wanted: &ToolUse, pattern: &str) -> RunWriteEntry {
        self.entry(RunWrite::RequestApproval {
            approval,
            call: CallId("call-1".into()),
            wanted: wanted.clone(),
            pattern: pattern.into(),
            place: "build-box".into(),
            reason: None,
        })
    }

    pub fn end(&mut self) -> RunWriteEntry {
        self.entry(RunWrite::EndRun {
            failure: None,
            usage: None,
            finish_reason: None,
        })
    }
}
