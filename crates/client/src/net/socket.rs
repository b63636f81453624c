//! One connection: a task that opens the socket, reads frames in order and writes what it is given.

use std::sync::Arc;

use baton_protocol::limits::FRAME_BYTES_MAX;
use baton_protocol::{ClientFrame, ErrorBody, ErrorCode, HubAddress, HubFrame};
use futures::{SinkExt, StreamExt};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::tls::{Trust, host, is_key_mismatch, pinned_config, trust};
use crate::limits::{FRAMES_OUT_MAX, FRAMES_WAITING_MAX};
use crate::sync::Problem;
use crate::token::TokenProvider;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Socket = WebSocketStream<Box<dyn Stream>>;

/// A hub may send frame types of a newer version: they are ignored. These must be readable.
const KNOWN_FRAMES: &[&str] = &[
    "welcome",
    "batch",
    "missing",
    "receipt",
    "refused",
    "heartbeatAck",
    "presence",
];

/// What a line says.
#[derive(Debug)]
pub(crate) enum LineEvent {
    /// The socket is open.
    Opened,
    /// A frame came.
    Frame(Box<HubFrame>),
    /// A frame came that cannot be read.
    Unreadable,
    /// The socket is closed, or never opened. Nothing follows.
    Closed(Problem),
}

/// A connection, from its first attempt to its end. Dropped, it is closed without a word.
pub(crate) struct Line {
    frames: Sender<String>,
    events: Receiver<LineEvent>,
    task: JoinHandle<()>,
}

impl Line {
    /// Begins to connect.
    pub(crate) fn open(hub: HubAddress, tokens: Arc<dyn TokenProvider>) -> Self {
        let (frames, outgoing) = channel(FRAMES_OUT_MAX);
        let (incoming, events) = channel(FRAMES_WAITING_MAX);
        let task = tokio::spawn(async move {
            let problem = match connect(&hub, &*tokens).await {
                Ok(socket) => {
                    let _ = incoming.send(LineEvent::Opened).await;
                    carry(socket, outgoing, &incoming).await
                }
                Err(problem) => problem,
            };
            let _ = incoming.send(LineEvent::Closed(problem)).await;
        });
        Self {
            frames,
            events,
            task,
        }
    }

    /// Hands a frame over. `false`: the line takes no more, it is dead.
    pub(crate) fn send(&self, frame: &ClientFrame) -> bool {
        match serde_json::to_string(frame) {
            Ok(text) => self.frames.try_send(text).is_ok(),
            Err(error) => {
                tracing::error!(error = %error, "a frame could not be written as JSON");
                true
            }
        }
    }

    /// The next thing that happens.
    pub(crate) async fn next(&mut self) -> LineEvent {
        let ended = || LineEvent::Closed(lost("the connection ended"));
        self.events.recv().await.unwrap_or_else(ended)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connect(hub: &HubAddress, tokens: &dyn TokenProvider) -> Result<Socket, Problem> {
    let token = tokens.token().await.map_err(|error| {
        let hint = "unlock the keyring, or link this device again";
        Problem::lasting(ErrorCode::Unauthenticated.with(error.to_string(), hint))
    })?;
    let mut request = hub
        .socket_url()
        .into_client_request()
        .map_err(|_| lost("the hub's address cannot be used"))?;
    let header = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
        Problem::lasting(
            ErrorCode::Unauthenticated.with("the token cannot be used", "link this device again"),
        )
    })?;
    request.headers_mut().insert("authorization", header);

    let stream = open_stream(hub).await?;
    let mut config = WebSocketConfig::default();
    config.read_buffer_size = 16 * 1024;
    config.write_buffer_size = 0;
    config.max_write_buffer_size = 4 * FRAME_BYTES_MAX;
    config.max_message_size = Some(FRAME_BYTES_MAX);
    config.max_frame_size = Some(FRAME_BYTES_MAX);
    let (socket, _) = client_async_with_config(request, stream, Some(config))
        .await
        .map_err(|error| refused_upgrade(&error))?;
    Ok(socket)
}

async fn open_stream(hub: &HubAddress) -> Result<Box<dyn Stream>, Problem> {
    let unreachable = |_| lost("the hub cannot be reached");
    let fingerprint = match trust(hub) {
        Trust::None => return Err(no_plain_text()),
        Trust::Loopback => None,
        Trust::Pinned(fingerprint) => Some(fingerprint),
    };
    let tcp = TcpStream::connect(&hub.authority)
        .await
        .map_err(unreachable)?;
    let _ = tcp.set_nodelay(true);
    let Some(fingerprint) = fingerprint else {
        return Ok(Box::new(tcp));
    };
    let config = pinned_config(fingerprint).map_err(|_| lost("TLS cannot be used"))?;
    let name = ServerName::try_from(host(&hub.authority).to_owned())
        .map_err(|_| lost("the hub's name cannot be used"))?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    match connector.connect(name, tcp).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) if is_key_mismatch(&error) => Err(key_mismatch()),
        Err(_) => Err(lost("the hub does not speak TLS as expected")),
    }
}

/// Reads and writes until the line ends. Gives why.
async fn carry(
    socket: Socket,
    mut outgoing: Receiver<String>,
    incoming: &Sender<LineEvent>,
) -> Problem {
    let (mut sink, mut source) = socket.split();
    let write = async move {
        while let Some(text) = outgoing.recv().await {
            if sink.send(Message::text(text)).await.is_err() {
                return;
            }
        }
    };
    let read = async {
        loop {
            let event = match source.next().await {
                Some(Ok(Message::Text(text))) => read_frame(&text),
                Some(Ok(Message::Close(frame))) => return closed(frame.as_ref()),
                Some(Ok(_)) => None,
                Some(Err(error)) => return broken(&error),
                None => return lost("the hub closed the connection"),
            };
            if let Some(event) = event
                && incoming.send(event).await.is_err()
            {
                return lost("this side gave the connection up");
            }
        }
    };
    tokio::select! {
        problem = read => problem,
        () = write => lost("the connection takes nothing more"),
    }
}

fn read_frame(text: &str) -> Option<LineEvent> {
    #[derive(serde::Deserialize)]
    struct Tag<'a> {
        #[serde(rename = "type", borrow)]
        tag: std::borrow::Cow<'a, str>,
    }
    match serde_json::from_str(text) {
        Ok(frame) => Some(LineEvent::Frame(Box::new(frame))),
        Err(error) => match serde_json::from_str::<Tag<'_>>(text) {
            Ok(Tag { tag }) if !KNOWN_FRAMES.contains(&tag.as_ref()) => None,
            _ => {
                tracing::warn!(
                    line = error.line(),
                    column = error.column(),
                    "a frame cannot be read"
                );
                Some(LineEvent::Unreadable)
            }
        },
    }
}

fn closed(frame: Option<&CloseFrame>) -> Problem {
    let Some(frame) = frame else {
        return lost("the hub closed the connection");
    };
    let number = u16::from(frame.code);
    // A hub writes `code: message`.
    let (tag, message) = frame
        .reason
        .as_str()
        .split_once(": ")
        .unwrap_or((frame.reason.as_str(), ""));
    let named = || ErrorCode::ALL.iter().find(|code| code.as_str() == tag);
    let numbered = || {
        ErrorCode::ALL
            .iter()
            .find(|code| code.close_code() == number)
    };
    match named().or_else(numbered) {
        Some(code) => problem(code.with(words(*code, message), hint(*code))),
        None => lost("the hub closed the connection"),
    }
}

/// Whether another attempt makes sense is the code's to say; a hub that does not know this device is not asked again by itself.
fn problem(error: ErrorBody) -> Problem {
    let lasting = matches!(error.code.close_code(), 4401 | 4403 | 4406);
    Problem {
        retry: !lasting,
        error,
    }
}

fn words(code: ErrorCode, reason: &str) -> String {
    match code {
        ErrorCode::Unauthenticated => "the hub does not know this device".to_owned(),
        ErrorCode::Revoked => "this device's access was taken away".to_owned(),
        ErrorCode::UnsupportedProtocol => "the hub speaks another protocol version".to_owned(),
        ErrorCode::HubStopping => "the hub is stopping".to_owned(),
        _ if reason.is_empty() => format!("the hub closed the connection ({})", code.as_str()),
        _ => reason.to_owned(),
    }
}

fn hint(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Unauthenticated | ErrorCode::Revoked | ErrorCode::Forbidden => {
            "link this device again"
        }
        ErrorCode::UnsupportedProtocol => "update Baton here or at the hub",
        _ => "a new connection is made by itself",
    }
}

fn broken(error: &tungstenite::Error) -> Problem {
    match error {
        tungstenite::Error::Capacity(_) => Problem::passing(ErrorCode::TooLarge.with(
            "the hub sent a frame that is larger than the protocol allows",
            "update Baton here or at the hub",
        )),
        _ => lost("the connection broke"),
    }
}

fn refused_upgrade(error: &tungstenite::Error) -> Problem {
    let tungstenite::Error::Http(response) = error else {
        return lost("what answers at the hub's address is no Baton hub");
    };
    let body = response.body().as_deref().unwrap_or_default();
    if let Ok(error) = serde_json::from_slice::<ErrorBody>(body) {
        return problem(error);
    }
    match response.status().as_u16() {
        401 => problem(ErrorCode::Unauthenticated.with(
            words(ErrorCode::Unauthenticated, ""),
            hint(ErrorCode::Unauthenticated),
        )),
        403 => problem(
            ErrorCode::Forbidden.with("the hub refused this device", hint(ErrorCode::Forbidden)),
        ),
        status => lost(&format!("the hub answered with status {status}")),
    }
}

fn lost(what: &str) -> Problem {
    Problem::passing(ErrorCode::HeartbeatMissed.with(
        what,
        "it is tried again by itself; check that the hub runs and that this device can reach it",
    ))
}

fn key_mismatch() -> Problem {
    Problem::lasting(ErrorCode::Unauthenticated.with(
        "the hub's key differs from the one in the link: another machine may be answering in its place",
        "nothing was sent to it. If the hub was set up anew, make a new link there and link this device again",
    ))
}

fn no_plain_text() -> Problem {
    Problem::lasting(ErrorCode::Unauthenticated.with(
        "the link has no key, and the hub is not on this machine",
        "make a new link at the hub and link this device again",
    ))
}
