//! The reference server of the durable streams protocol, with its files.

use std::path::Path;

use anyhow::{Result, ensure};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use reqwest::{Client, StatusCode, header};

use super::{Server, Watch, node};
use crate::append::{PAYLOAD_BYTES, Producer, payload};
use crate::bench::Bench;

pub const NAME: &str = "@durable-streams/server, files";

/// A server, answering.
pub async fn start(bench: &Bench, data: &Path, watch: Watch) -> Result<Server> {
    let folder = data.display().to_string();
    let (server, _) = node::start(bench, "durable-streams.mjs", &[&folder], data, watch).await?;
    Ok(server)
}

fn url(server: &Server, case: &str, session: usize) -> String {
    format!("http://127.0.0.1:{}/{case}-{session}", server.port)
}

/// Makes the streams of a case.
pub async fn create(server: &Server, case: &str, sessions: usize) -> Result<()> {
    let client = Client::new();
    let make = |session| {
        let made = client
            .put(url(server, case, session))
            .header(header::CONTENT_TYPE, KIND);
        async move {
            let status = made.send().await?.status();
            ensure!(
                status == StatusCode::CREATED,
                "a stream was not made: {status}"
            );
            Ok(())
        }
    };
    let making = stream::iter((0..sessions).map(make)).buffer_unordered(AT_ONCE);
    making.try_collect().await
}

/// Requests at once while streams are made or read back, outside of what is timed.
const AT_ONCE: usize = 64;

const KIND: &str = "application/octet-stream";

/// Appends over HTTP connections that are kept.
pub struct StreamProducer {
    client: Client,
    base: String,
}

impl StreamProducer {
    pub fn open(server: &Server, case: &str, client: &Client) -> Self {
        Self::at(server.port, case, client)
    }

    pub fn at(port: u16, case: &str, client: &Client) -> Self {
        Self {
            client: client.clone(),
            base: format!("http://127.0.0.1:{port}/{case}-"),
        }
    }
}

impl Producer for StreamProducer {
    async fn append(&mut self, session: usize, n: u64) -> Result<()> {
        let url = format!("{}{session}", self.base);
        let request = self
            .client
            .post(url)
            .header(header::CONTENT_TYPE, KIND)
            .body(payload(n));
        let answer = request.send().await?;
        ensure!(
            answer.status().is_success(),
            "an append was refused: {}",
            answer.status()
        );
        // The connection is free again when the body was read.
        answer.bytes().await?;
        Ok(())
    }
}

/// Whether the streams hold what was acknowledged.
pub async fn check(server: &Server, case: &str, sessions: usize, appended: u64) -> Result<()> {
    let client = Client::new();
    let reading =
        stream::iter((0..sessions).map(|session| count(&client, url(server, case, session))));
    let bytes: Vec<usize> = reading.buffer_unordered(AT_ONCE).try_collect().await?;
    let found = bytes.iter().sum::<usize>() / PAYLOAD_BYTES;
    ensure!(
        found as u64 == appended,
        "the streams hold {found} of {appended} appends"
    );
    Ok(())
}

/// Bytes of a stream.
async fn count(client: &Client, url: String) -> Result<usize> {
    let (mut offset, mut bytes) = ("-1".to_owned(), 0);
    loop {
        let answer = client.get(format!("{url}?offset={offset}")).send().await?;
        ensure!(
            answer.status().is_success(),
            "a stream was not read: {}",
            answer.status()
        );
        let next = answer
            .headers()
            .get("stream-next-offset")
            .and_then(|value| value.to_str().ok());
        let next = next.unwrap_or_default().to_owned();
        let length = answer.bytes().await?.len();
        bytes += length;
        if length == 0 || next == offset {
            return Ok(bytes);
        }
        offset = next;
    }
}
