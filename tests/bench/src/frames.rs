//! A server that has nothing but frames: the least that a WebSocket server can do with the same bytes. The bare peer of some rows.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::Result;
use baton_testkit::Child;
use futures::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// When a connection gets the frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum When {
    /// At once, all of them.
    OnConnect,
    /// When any client says `go`, all clients, one frame after the other.
    OnGo,
}

/// What the process does: serves the lines of a file as frames until it is killed.
pub async fn serve(file: &Path, when: When) -> Result<()> {
    crate::hub::raise_descriptors()?;
    let text = std::fs::read_to_string(file)?;
    let frames: Arc<[Utf8Bytes]> = text.lines().map(Utf8Bytes::from).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    std::io::stdout().flush()?;
    let (broadcaster, _) = broadcast::channel(frames.len().max(1));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (frames, live) = (Arc::clone(&frames), broadcaster.clone());
        // A client that goes away is no fault of the server's.
        match when {
            When::OnConnect => drop(tokio::spawn(replay(stream, frames))),
            When::OnGo => drop(tokio::spawn(follow(stream, frames, live))),
        }
    }
}

async fn replay(stream: TcpStream, frames: Arc<[Utf8Bytes]>) -> Result<()> {
    let mut socket = tokio_tungstenite::accept_async(stream).await?;
    for frame in frames.iter() {
        socket.feed(Message::Text(frame.clone())).await?;
    }
    socket.flush().await?;
    while let Some(Ok(_)) = socket.next().await {}
    Ok(())
}

async fn follow(
    stream: TcpStream,
    frames: Arc<[Utf8Bytes]>,
    broadcaster: broadcast::Sender<Utf8Bytes>,
) -> Result<()> {
    let mut socket = tokio_tungstenite::accept_async(stream).await?;
    let mut live = broadcaster.subscribe();
    // Says that it listens, or the first frames would be lost on it.
    socket.send(Message::text("ready")).await?;
    loop {
        tokio::select! {
            frame = live.recv() => socket.send(Message::Text(frame?)).await?,
            said = socket.next() => match said {
                Some(Ok(Message::Text(word))) if word.as_str() == "go" => {
                    for frame in frames.iter() {
                        let _ = broadcaster.send(frame.clone());
                        tokio::task::yield_now().await;
                    }
                }
                Some(Ok(_)) => {}
                _ => return Ok(()),
            },
        }
    }
}

/// Such a process.
pub struct FrameServer {
    _child: Child,
    pub port: u16,
}

impl FrameServer {
    pub async fn start(file: &Path, when: When) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let word = match when {
            When::OnConnect => "on-connect",
            When::OnGo => "on-go",
        };
        command.arg("frames").arg(file).arg(word);
        let child = Child::spawn(command);
        let port = child
            .wait_for_line("its port", |line| line.parse().ok())
            .await;
        Ok(Self {
            _child: child,
            port,
        })
    }

    pub async fn connect(&self) -> Result<WebSocketStream<TcpStream>> {
        let stream = TcpStream::connect(crate::peers::loopback(self.port)).await?;
        stream.set_nodelay(true)?;
        let address = format!("ws://127.0.0.1:{}/", self.port);
        Ok(tokio_tungstenite::client_async(address, stream).await?.0)
    }
}
