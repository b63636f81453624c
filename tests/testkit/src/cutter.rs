//! A bad network between two programs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The direction in which bytes flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the connecting side to the listening side.
    ToServer,
    /// From the listening side to the connecting side.
    ToClient,
}

/// A TCP proxy on a free loopback port that forwards, cuts, swallows and refuses as the test tells it.
pub struct TcpCutter {
    addr: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    target: Mutex<SocketAddr>,
    is_passing: watch::Sender<bool>,
    /// Incremented for each cut: every open connection then ends.
    cuts: watch::Sender<u64>,
    /// The next single cut: the direction, and the bytes that a connection may carry before it.
    armed: Mutex<Option<(Direction, u64)>>,
    accepted: AtomicUsize,
    open: watch::Sender<usize>,
    carried: [AtomicU64; 2],
}

impl TcpCutter {
    /// Starts a proxy in front of an address.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port on loopback");
        let addr = listener
            .local_addr()
            .expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            is_passing: watch::Sender::new(true),
            cuts: watch::Sender::new(0),
            armed: Mutex::new(None),
            accepted: AtomicUsize::new(0),
            open: watch::Sender::new(0),
            carried: Default::default(),
        });
        let acceptor = Some(tokio::spawn(accept(listener, Arc::clone(&shared))));
        Self {
            addr,
            shared,
            acceptor,
        }
    }

    /// Returns the address to connect to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sets where new connections lead: a restarted server may have another port.
    pub fn set_target(&self, target: SocketAddr) {
        *lock(&self.shared.target) = target;
    }

    /// Ends every open connection on both sides.
    pub fn cut_all(&self) {
        self.shared.cuts.send_modify(|version| *version += 1);
    }

    /// Ends the first connection that carries `bytes` in that direction, once. It forwards exactly that many.
    pub fn cut_once_after(&self, direction: Direction, bytes: u64) {
        *lock(&self.shared.armed) = Some((direction, bytes));
    }

    /// Whether the cut of [`cut_once_after`](Self::cut_once_after) has not happened yet.
    pub fn is_armed(&self) -> bool {
        lock(&self.shared.armed).is_some()
    }

    /// Stops forwarding: no byte, no FIN, no RST. New connections are accepted, but receive nothing either.
    pub fn blackhole(&self) {
        self.shared.is_passing.send_replace(false);
    }

    /// Cuts open connections and refuses new ones.
    pub async fn refuse(&mut self) {
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.abort();
            // The listener is closed once the task has ended.
            let _ = acceptor.await;
        }
        self.cut_all();
    }

    /// Ends a black hole and forwards what it held; ends refusing, on the same port.
    pub async fn resume(&mut self) {
        if self.acceptor.is_none() {
            let listener = TcpListener::bind(self.addr)
                .await
                .expect("the port that was ours is still free");
            self.acceptor = Some(tokio::spawn(accept(listener, Arc::clone(&self.shared))));
        }
        self.shared.is_passing.send_replace(true);
    }

    /// Returns how many connections were accepted.
    pub fn accepted_count(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Returns how many connections are open.
    pub fn open_count(&self) -> usize {
        *self.shared.open.borrow()
    }

    /// Waits until exactly `count` connections are open.
    pub async fn wait_open(&self, count: usize) {
        let mut open = self.shared.open.subscribe();
        let waiting = open.wait_for(|open| *open == count);
        crate::eventually::within(&format!("{count} open connections"), waiting)
            .await
            .expect("we hold the sender");
    }

    /// Returns how many bytes were forwarded in that direction, over all connections.
    pub fn carried(&self, direction: Direction) -> u64 {
        self.shared.carried[direction as usize].load(Ordering::SeqCst)
    }
}

impl Drop for TcpCutter {
    fn drop(&mut self) {
        if let Some(acceptor) = &self.acceptor {
            acceptor.abort();
        }
        self.cut_all();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        shared.accepted.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(connection(client, Arc::clone(&shared)));
    }
}

/// Counts a connection as open while it lives.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.send_modify(|count| *count -= 1);
    }
}

async fn connection(client: TcpStream, shared: Arc<Shared>) {
    let mut cuts = shared.cuts.subscribe();
    shared.open.send_modify(|count| *count += 1);
    let _open = Open(Arc::clone(&shared));
    let target = *lock(&shared.target);
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    for stream in [&client, &server] {
        stream.set_nodelay(true).expect("TCP has nodelay");
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let both = async {
        tokio::try_join!(
            carry(from_client, to_server, Direction::ToServer, &shared),
            carry(from_server, to_client, Direction::ToClient, &shared),
        )
    };
    tokio::select! {
        _ = both => {}
        _ = cuts.changed() => {}
    }
}

/// One direction has ended, and the whole connection with it.
struct Broken;

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    direction: Direction,
    shared: &Shared,
) -> Result<(), Broken> {
    let mut passing = shared.is_passing.subscribe();
    let mut buffer = vec![0; 16 << 10];
    let mut carried = 0;
    loop {
        let read = from.read(&mut buffer).await;
        passing
            .wait_for(|is_passing| *is_passing)
            .await
            .map_err(|_| Broken)?;
        let count = read.map_err(|_| Broken)?;
        if count == 0 {
            // Half closed: the other direction may continue.
            return to.shutdown().await.map_err(|_| Broken);
        }
        let (allowed, is_cut) = shared.allow(direction, carried, count);
        to.write_all(&buffer[..allowed]).await.map_err(|_| Broken)?;
        carried += allowed as u64;
        shared.carried[direction as usize].fetch_add(allowed as u64, Ordering::SeqCst);
        if is_cut {
            return Err(Broken);
        }
    }
}

impl Shared {
    /// Returns how many of these bytes may pass, and whether the connection ends after them.
    fn allow(&self, direction: Direction, carried: u64, count: usize) -> (usize, bool) {
        let mut armed = lock(&self.armed);
        match *armed {
            Some((way, limit)) if way == direction && carried + count as u64 >= limit => {
                *armed = None;
                let allowed = limit.saturating_sub(carried);
                (usize::try_from(allowed).unwrap_or(count), true)
            }
            _ => (count, false),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
