//! Redis that answers after its append-only file is on the disk.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use super::resp::{self, RedisConnection, Reply};
use super::{Server, Watch, free_port, ready};
use crate::append::{PAYLOAD_BYTES, Producer, payload};

pub const NAME: &str = "Redis, appendfsync always";

/// A server, answering.
pub async fn start(data: &Path, watch: Watch) -> Result<Server> {
    start_at(free_port()?, data, watch).await
}

/// The same on a port of the caller's, to come back after a crash.
pub async fn start_at(port: u16, data: &Path, watch: Watch) -> Result<Server> {
    let words = [
        "--port",
        &port.to_string(),
        "--bind",
        "127.0.0.1",
        "--dir",
        &data.display().to_string(),
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--save",
        "",
        "--maxclients",
        "20000",
        "--tcp-backlog",
        "4096",
    ];
    let server = Server::start(&program(), &words.map(str::to_owned), port, data, watch)?;
    // A server that still reads its file answers with an error.
    ready("redis", || async {
        RedisConnection::open(port).await?.call(&[b"PING"]).await
    })
    .await?;
    Ok(server)
}

fn program() -> PathBuf {
    PathBuf::from("/usr/bin/redis-server")
}

/// A stream's key.
pub fn key(session: usize) -> Vec<u8> {
    format!("s{session}").into_bytes()
}

/// The entries of the one stream that an `XREAD` answered with: id and payload.
pub fn entries(reply: &Reply) -> Vec<(&[u8], &[u8])> {
    let stream = reply.list().first().map(Reply::list).unwrap_or_default();
    let entries = stream.get(1).map(Reply::list).unwrap_or_default();
    let entry = |entry| {
        let [id, fields] = Reply::list(entry) else {
            return None;
        };
        Some((id.bytes(), fields.list().get(1)?.bytes()))
    };
    entries.iter().filter_map(entry).collect()
}

/// The command that appends the `n`th payload to a stream.
pub fn append_command(session: usize, n: u64) -> Vec<u8> {
    resp::encode(&[b"XADD", &key(session), b"*", b"d", payload(n).as_bytes()])
}

/// Appends to streams over a connection of its own.
pub struct RedisProducer(RedisConnection);

impl RedisProducer {
    pub async fn open(server: &Server) -> Result<Self> {
        Ok(Self(RedisConnection::open(server.port).await?))
    }
}

impl Producer for RedisProducer {
    async fn append(&mut self, session: usize, n: u64) -> Result<()> {
        let text = payload(n);
        self.0
            .call(&[b"XADD", &key(session), b"*", b"d", text.as_bytes()])
            .await?;
        Ok(())
    }
}

/// Whether the streams hold what was acknowledged, each entry whole.
pub async fn check(server: &Server, sessions: usize, appended: u64) -> Result<()> {
    let mut connection = RedisConnection::open(server.port).await?;
    let mut found = 0;
    for session in 0..sessions {
        match connection.call(&[b"XLEN", &key(session)]).await? {
            Reply::Number(count) => found += count.unsigned_abs(),
            other => bail!("redis counts with {other:?}"),
        }
    }
    ensure!(
        found == appended,
        "redis holds {found} of {appended} entries"
    );
    let last = connection
        .call(&[b"XREVRANGE", &key(0), b"+", b"-", b"COUNT", b"1"])
        .await?;
    let fields = last.list().first().and_then(|entry| entry.list().get(1));
    let text = fields.and_then(|fields| fields.list().get(1));
    ensure!(
        text.is_none_or(|text| text.bytes().len() == PAYLOAD_BYTES),
        "redis cut an entry"
    );
    Ok(())
}
