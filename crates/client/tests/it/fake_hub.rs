//! A hub for tests: one account, sessions that the real session machine writes, and faults on demand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use baton_protocol::{
    AccountId, Batch, ClientFrame, Cursor, DeviceId, HubAddress, HubFrame, LogId, Principal,
};
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::fake_world::{Fault, World};

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A running hub. Dropping it ends it with all its connections.
pub struct FakeHub {
    pub world: Arc<Mutex<World>>,
    pub address: HubAddress,
    version: Arc<watch::Sender<u64>>,
    task: Option<JoinHandle<()>>,
}

impl FakeHub {
    /// A hub that has an address but does not listen yet.
    pub async fn absent() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let world = World::new(AccountId::mint());
        Self {
            world: Arc::new(Mutex::new(world)),
            address: HubAddress {
                authority,
                fingerprint: None,
                public_path: None,
            },
            version: Arc::new(watch::Sender::new(0)),
            task: None,
        }
    }

    pub async fn start() -> Self {
        let mut hub = Self::absent().await;
        hub.listen(None).await;
        hub
    }

    pub async fn listen(&mut self, tls: Option<TlsAcceptor>) {
        let listener = TcpListener::bind(&self.address.authority).await.unwrap();
        let (world, version) = (self.world.clone(), self.version.clone());
        self.task = Some(tokio::spawn(async move {
            // Dropped with the hub, which ends all connections.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let (world, version, tls) = (world.clone(), version.clone(), tls.clone());
                connections.spawn(async move {
                    let stream: Box<dyn Stream> = match tls {
                        None => Box::new(tcp),
                        Some(tls) => match accept_tls(&tls, tcp).await {
                            Some(stream) => stream,
                            None => return,
                        },
                    };
                    let _ = serve(stream, world, version).await;
                });
            }
        }));
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Changes the world and notifies the connections.
    pub fn change<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        let result = change(&mut self.world());
        self.version.send_modify(|version| *version += 1);
        result
    }

    /// Waits until the world satisfies a condition.
    pub async fn until(&self, what: &str, holds: impl Fn(&World) -> bool) {
        let mut version = self.version.subscribe();
        let wait = async {
            loop {
                version.mark_unchanged();
                if holds(&self.world()) {
                    return;
                }
                version.changed().await.unwrap();
            }
        };
        let limit = Duration::from_secs(20);
        if tokio::time::timeout(limit, wait).await.is_err() {
            panic!("the hub never saw: {what}");
        }
    }

    pub async fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Drop for FakeHub {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn accept_tls(tls: &TlsAcceptor, tcp: TcpStream) -> Option<Box<dyn Stream>> {
    Some(Box::new(tls.accept(tcp).await.ok()?))
}

type Socket = WebSocketStream<Box<dyn Stream>>;

async fn serve(
    stream: Box<dyn Stream>,
    world: Arc<Mutex<World>>,
    version: Arc<watch::Sender<u64>>,
) -> Option<()> {
    let mut socket = tokio_tungstenite::accept_async(stream).await.ok()?;
    let me = {
        let mut world = world.lock().unwrap();
        world.connections += 1;
        world.connections
    };
    version.send_modify(|version| *version += 1);
    let mut changes = version.subscribe();
    let mut subscribed: HashMap<LogId, u64> = HashMap::new();
    loop {
        if world.lock().unwrap().muted_through >= me {
            std::future::pending::<()>().await;
        }
        tokio::select! {
            message = socket.next() => {
                let Message::Text(text) = message?.ok()? else { continue };
                let frame: ClientFrame = serde_json::from_str(&text).unwrap();
                world.lock().unwrap().received.push(frame.clone());
                if world.lock().unwrap().muted_through >= me { continue }
                hear(&mut socket, &world, &mut subscribed, frame).await?;
                version.send_modify(|version| *version += 1);
            }
            _ = changes.changed() => {}
        }
        push(&mut socket, &world, &mut subscribed).await?;
    }
}

async fn hear(
    socket: &mut Socket,
    world: &Mutex<World>,
    subscribed: &mut HashMap<LogId, u64>,
    frame: ClientFrame,
) -> Option<()> {
    match frame {
        ClientFrame::Hello { .. } => {
            let (account, fault) = {
                let world = world.lock().unwrap();
                (world.account, world.fault)
            };
            let principal = Principal::Device {
                account,
                device: DeviceId::mint(),
            };
            let welcome = HubFrame::Welcome {
                account,
                principal,
                hub_name: "fake".into(),
                capabilities: Vec::new(),
                hub_time: None,
            };
            send(socket, &welcome).await?;
            if let Fault::Close(code) = fault {
                let reason = "revoked: this device was revoked".into();
                let code = code.into();
                let close = Message::Close(Some(CloseFrame { code, reason }));
                socket.send(close).await.ok()?;
                return None;
            }
        }
        ClientFrame::Subscribe { log, cursor, .. } => {
            let known = world.lock().unwrap().incarnation(log);
            let matches = |cursor: Cursor| Some(cursor.incarnation) == known;
            if known.is_none() || !cursor.is_none_or(matches) {
                let incarnation = known;
                return send(socket, &HubFrame::Missing { log, incarnation }).await;
            }
            let after = cursor.map_or(0, |cursor| cursor.seq.0);
            let batch = world.lock().unwrap().batch(log, after)?;
            subscribed.insert(log, batch.upto.0);
            send_batch(socket, world, batch).await?;
        }
        ClientFrame::Unsubscribe { log } => {
            subscribed.remove(&log);
        }
        ClientFrame::Command { command } => {
            let (receipt, cut) = {
                let mut world = world.lock().unwrap();
                let cut = world.fault == Fault::CutBeforeReceipt;
                if cut {
                    world.fault = Fault::None;
                }
                (world.answer(&command), cut)
            };
            if cut {
                return None;
            }
            send(socket, &HubFrame::Receipt { receipt }).await?;
        }
        ClientFrame::Heartbeat { .. } => send(socket, &HubFrame::HeartbeatAck {}).await?,
        other => panic!("not a device's frame: {other:?}"),
    }
    Some(())
}

async fn push(
    socket: &mut Socket,
    world: &Mutex<World>,
    subscribed: &mut HashMap<LogId, u64>,
) -> Option<()> {
    for (log, after) in subscribed.iter_mut() {
        let batch = world.lock().unwrap().batch(*log, *after);
        let Some(batch) = batch.filter(|batch| batch.upto.0 > *after) else {
            continue;
        };
        *after = batch.upto.0;
        send_batch(socket, world, batch).await?;
    }
    Some(())
}

async fn send_batch(socket: &mut Socket, world: &Mutex<World>, batch: Batch) -> Option<()> {
    let cut = {
        let mut world = world.lock().unwrap();
        let hits = world.fault == Fault::CutInBatch
            && matches!(batch.log, LogId::Session(_))
            && !batch.events.is_empty();
        if hits {
            world.fault = Fault::None;
        }
        hits
    };
    let frame = HubFrame::Batch(batch);
    if !cut {
        return send(socket, &frame).await;
    }
    // A text frame's header and half of its payload, then nothing.
    let text = serde_json::to_string(&frame).unwrap();
    let mut bytes = vec![0x81, 127];
    bytes.extend((text.len() as u64).to_be_bytes());
    bytes.extend(&text.as_bytes()[..text.len() / 2]);
    let stream = socket.get_mut();
    stream.write_all(&bytes).await.ok()?;
    stream.flush().await.ok()?;
    None
}

async fn send(socket: &mut Socket, frame: &HubFrame) -> Option<()> {
    let text = serde_json::to_string(frame).unwrap();
    socket.send(Message::text(text)).await.ok()
}
