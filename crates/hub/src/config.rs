//! What a hub is told when it starts, and the limits of the hub's own that are not part of the protocol.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use baton_protocol::limits;

use crate::address::PublicUrl;
use crate::edge::AddressRange;

/// Where a hub lives and how it is reached.
#[derive(Clone, Debug)]
pub struct HubConfig {
    /// The hub's name for people.
    pub name: String,
    /// The hub's own directory: credentials, certificate, lock.
    pub data_dir: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How connections are protected. [`Tls::Plain`] is refused beyond loopback.
    pub tls: Tls,
}

/// How connections are protected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tls {
    /// Not at all; for loopback only. Links carry no key, so a process that takes the port of a hub that is down is shown tokens: for tests
    /// and measurements.
    Plain,
    /// By a certificate that the hub makes once and keeps in its directory. Clients pin its key. On loopback the same port takes plain
    /// text too, for a reverse proxy or a script.
    OwnCertificate,
    /// By a certificate from elsewhere. Clients pin its key too.
    Files {
        /// PEM, the hub's own certificate first.
        certificate: PathBuf,
        /// PEM.
        key: PathBuf,
    },
}

/// What is seldom changed.
#[derive(Clone, Debug)]
pub struct HubOptions {
    /// How long a run outlives its runner's silence.
    pub lease: Duration,
    /// `HOST[:PORT]` for link codes; absent: the address that the hub listens on.
    pub public_name: Option<String>,
    /// Where a reverse proxy serves the hub: link codes lead there, and clients check its certificate as browsers do. Wins over the name.
    pub public_url: Option<PublicUrl>,
    /// Proxies whose `X-Forwarded-For` says from which address a request is.
    pub trusted_proxies: Vec<AddressRange>,
    /// Names beside the public one that a request's `Host` may have.
    pub allowed_hosts: Vec<String>,
    /// Origins of web pages that may connect. None by default: Baton's clients send no `Origin`.
    pub allowed_origins: Vec<String>,
    /// Open connections; fewer where the system gives the process fewer descriptors.
    pub connections_max: usize,
    /// How long a connection may take from its beginning to the end of the answer to its request.
    pub request_timeout: Duration,
    /// How long a prompt is kept for the device that edits it.
    pub prompt_edit: Duration,
    /// Whether `admin.sock` is opened in the data directory.
    pub admin_socket: AdminSocket,
    /// How long an administrator waits for a short answer before the hub says that it is still at work.
    pub admin_answer_timeout: Duration,
    /// How long a session's actor stays in memory with nothing to do.
    pub idle_actor: Duration,
    /// Sessions of one account.
    pub sessions_max: usize,
}

/// Whether commands on the same computer can reach the hub through its directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AdminSocket {
    /// `admin.sock` is opened, for its owner only.
    Open,
    /// There is none: the process that embeds the hub calls it directly.
    None,
}

impl Default for HubOptions {
    fn default() -> Self {
        Self {
            lease: Duration::from_millis(limits::LEASE_MS),
            public_name: None,
            public_url: None,
            trusted_proxies: Vec::new(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            connections_max: CONNECTIONS_MAX,
            request_timeout: REQUEST_TIMEOUT,
            prompt_edit: Duration::from_millis(limits::PROMPT_EDIT_MS),
            admin_socket: AdminSocket::None,
            admin_answer_timeout: ADMIN_ANSWER_TIMEOUT,
            idle_actor: IDLE_ACTOR,
            sessions_max: limits::SESSIONS_PER_ACCOUNT_MAX,
        }
    }
}

/// A session that was touched is likely to be touched again; after this it costs more to keep than to load.
pub const IDLE_ACTOR: Duration = Duration::from_secs(300);

/// Session actors in memory. Past it idle ones are put away at once instead of after [`IDLE_ACTOR`].
pub const SESSION_ACTORS_MAX: usize = 4_096;

/// Messages that wait for one actor. Past it the connections that send wait, and no one else.
pub const ACTOR_MAILBOX_MAX: usize = 256;

/// Live batches that wait for one socket. Past it the hub forgets the next one of a log for this subscriber, which reads the log.
pub const LIVE_FRAMES_MAX: usize = 128;

/// Bytes of batches that wait for one socket beyond which no live one joins them: the others may be through with them long since.
pub const LIVE_BYTES_MAX: usize = limits::FRAME_BYTES_MAX;

/// Answers that wait for one socket. Past it the hub reads no further from that socket.
pub const ANSWERS_MAX: usize = 64;

/// Frames of one client that the hub works on at once. Past it the hub reads no further from that socket.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 32;

/// Subscriptions that one connection may begin at once: all that it may have, and each of them again.
pub const SUBSCRIBES_BURST_MAX: u32 = 2 * limits::SUBSCRIPTIONS_PER_CONNECTION_MAX as u32;

/// Forks that are read and recorded at once: each reads a whole session and holds up to 16 MiB.
pub const FORKS_AT_ONCE_MAX: usize = 2;

/// Forks that wait for their turn. Past it a fork is refused for the moment.
pub const FORKS_WAITING_MAX: usize = 16;

/// Frames that one connection may send at once: all commands and subscriptions that it may, and its other frames. Frames of a runner's
/// own runs are bounded by [`REQUESTS_IN_FLIGHT_MAX`] instead.
pub const FRAMES_BURST_MAX: u32 = 1_024;

/// Frames a second that one connection may send for long. Past it the hub reads more slowly from that socket.
pub const FRAMES_PER_SECOND: u32 = 200;

/// Open connections, those without a token included: what a hub was measured with, twice.
pub const CONNECTIONS_MAX: usize = 20_000;

/// HTTP head of a request: a token and the upgrade headers, many times over.
pub const HTTP_HEAD_BYTES_MAX: usize = 16 * 1024;

/// Body of `POST /v1/link`.
pub const LINK_BODY_BYTES_MAX: usize = 4 * 1024;

/// How long a connection may take over its TLS handshake, its request's head and body, and the answer, together. A slow line in
/// another part of the world needs two seconds.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a short answer over `admin.sock` may take.
pub const ADMIN_ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a closing connection may take to say goodbye.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a stopping hub waits for connections and actors.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(8);

/// Failed link attempts of one address at once.
pub const LINK_ATTEMPTS_BURST: u32 = 10;

/// Failed link attempts of one address a second, for long. A code has 128 bits: this saves work, not the secret.
pub const LINK_ATTEMPTS_PER_SECOND: u32 = 1;
