//! NATS JetStream that syncs each message before it acknowledges.

use std::path::Path;

use anyhow::{Result, ensure};
use async_nats::jetstream::{self, stream};

use super::{Server, Watch, free_port, ready};
use crate::append::{Producer, payload};
use crate::bench::Bench;

pub const NAME: &str = "NATS JetStream, sync always";

/// A server with one stream, answering.
pub async fn start(bench: &Bench, data: &Path, watch: Watch) -> Result<Server> {
    let port = free_port()?;
    let store = data.join("store");
    let configuration = format!(
        "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\", sync_interval: always }}\n",
        store.display()
    );
    let file = data.join("nats.conf");
    std::fs::write(&file, configuration)?;
    let program = bench.installed("nats-venv/bin/nats-server");
    let words = ["--config".to_owned(), file.display().to_string()];
    let server = Server::start(&program, &words, port, data, watch)?;
    let context = ready("nats-server", || context(port)).await?;
    let configuration = stream::Config {
        name: "bench".to_owned(),
        subjects: vec!["s.*".to_owned()],
        storage: stream::StorageType::File,
        ..stream::Config::default()
    };
    context.create_stream(configuration).await?;
    Ok(server)
}

async fn context(port: u16) -> Result<jetstream::Context> {
    let client = async_nats::connect(format!("127.0.0.1:{port}")).await?;
    Ok(jetstream::new(client))
}

/// Publishes over a connection that all producers share, which is how the client wants to be used.
#[derive(Clone)]
pub struct NatsProducer(jetstream::Context);

impl NatsProducer {
    pub async fn open(server: &Server) -> Result<Self> {
        Self::connect(server.port).await
    }

    pub async fn connect(port: u16) -> Result<Self> {
        Ok(Self(context(port).await?))
    }
}

impl Producer for NatsProducer {
    async fn append(&mut self, session: usize, n: u64) -> Result<()> {
        let acknowledged = self
            .0
            .publish(format!("s.{session}"), payload(n).into())
            .await?;
        acknowledged.await?;
        Ok(())
    }
}

/// Messages in the stream.
pub async fn count(server: &Server) -> Result<u64> {
    let mut stream = context(server.port).await?.get_stream("bench").await?;
    Ok(stream.info().await?.state.messages)
}

/// Whether the stream has grown by what was acknowledged.
pub async fn check(server: &Server, before: u64, appended: u64) -> Result<()> {
    let found = count(server).await?.saturating_sub(before);
    ensure!(
        found == appended,
        "nats holds {found} of {appended} messages"
    );
    Ok(())
}
