//! A model server that sends exact bytes and records its requests.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Answers each request with a function's result, on a free loopback port. Each connection serves one request.
pub struct RawModel {
    addr: SocketAddr,
    requests: Arc<Mutex<Vec<RawRequest>>>,
    server: JoinHandle<()>,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct RawRequest {
    /// The target of the request line: a path, or a full URL if the client takes this server for a proxy.
    pub target: String,
    /// The request line and the header fields, with names in lower case.
    pub head: String,
    /// The JSON body.
    pub body: serde_json::Value,
}

impl RawRequest {
    /// Returns the text of the newest message.
    pub fn prompt(&self) -> &str {
        let messages = self.body["messages"].as_array();
        let newest = messages.and_then(|messages| messages.last());
        newest
            .and_then(|message| message["content"].as_str())
            .unwrap_or_default()
    }
}

/// The bytes to send. The end of the connection marks the end of the body.
#[derive(Clone, Debug)]
pub struct RawAnswer {
    status: u16,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
    write_bytes: usize,
    stays_open: bool,
}

impl RawAnswer {
    /// Creates an answer with a status and a body of this content type.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            fields: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
            write_bytes: usize::MAX,
            stays_open: false,
        }
    }

    /// Creates a stream of events with status 200.
    pub fn stream(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, "text/event-stream", body)
    }

    /// Adds a header field.
    pub fn field(mut self, name: &str, value: impl Into<String>) -> Self {
        self.fields.push((name.to_owned(), value.into()));
        self
    }

    /// Sends the body in separate writes of this many bytes.
    pub fn write_bytes(self, write_bytes: usize) -> Self {
        Self {
            write_bytes,
            ..self
        }
    }

    /// Keeps the connection open after the body until the client closes it.
    pub fn stays_open(self) -> Self {
        Self {
            stays_open: true,
            ..self
        }
    }
}

impl RawModel {
    /// Listens on a free loopback port and answers each request with `answer`.
    pub async fn start(answer: impl Fn(&RawRequest) -> RawAnswer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port on loopback");
        let addr = listener
            .local_addr()
            .expect("a bound listener has an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (Arc::clone(&requests), Arc::new(answer));
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                connections.spawn(async move {
                    // A client may close its connection at any byte.
                    let _ = serve(tcp, &kept, &*answer).await;
                });
            }
        });
        Self {
            addr,
            requests,
            server,
        }
    }

    /// Returns the address that the server listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the value for `OPENAI_BASE_URL`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// Returns every request so far.
    pub fn requests(&self) -> Vec<RawRequest> {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for RawModel {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(
    mut tcp: TcpStream,
    kept: &Mutex<Vec<RawRequest>>,
    answer: &(impl Fn(&RawRequest) -> RawAnswer + Sync),
) -> std::io::Result<()> {
    tcp.set_nodelay(true)?;
    let Some(request) = read_request(&mut tcp).await? else {
        return Ok(());
    };
    let answer = answer(&request);
    kept.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(request);
    let mut head = format!(
        "HTTP/1.1 {} As scripted\r\nconnection: close\r\n",
        answer.status
    );
    for (name, value) in &answer.fields {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    tcp.write_all(head.as_bytes()).await?;
    for piece in answer.body.chunks(answer.write_bytes) {
        tcp.write_all(piece).await?;
        tcp.flush().await?;
        // Lets the client read what it has before it gets more.
        tokio::task::yield_now().await;
    }
    if !answer.stays_open {
        tcp.shutdown().await?;
    }
    let mut rest = [0; 1024];
    while tcp.read(&mut rest).await? > 0 {}
    Ok(())
}

async fn read_request(tcp: &mut TcpStream) -> std::io::Result<Option<RawRequest>> {
    let mut bytes = Vec::new();
    loop {
        let end = bytes.windows(4).position(|end| end == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let mut lines = head.lines();
            let line = lines.next().unwrap_or_default().to_owned();
            let fields = lines.map(|line| match line.split_once(':') {
                Some((name, value)) => format!("{}:{value}", name.to_ascii_lowercase()),
                None => line.to_owned(),
            });
            let fields: Vec<String> = fields.collect();
            let length = fields
                .iter()
                .find_map(|field| field.strip_prefix("content-length: "));
            let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
            if let Some(body) = bytes.get(end + 4..end + 4 + length) {
                return Ok(Some(RawRequest {
                    target: line.split(' ').nth(1).unwrap_or_default().to_owned(),
                    head: format!("{line}\n{}", fields.join("\n")),
                    body: serde_json::from_slice(body).unwrap_or_default(),
                }));
            }
        }
        if tcp.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}
