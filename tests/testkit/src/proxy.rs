//! A witness between a runner and a real model server: records each request and the exact answer.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{self, Body};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::exchange::{Ending, Exchange, ExchangeLog, OpenExchange};
use crate::sse::{Delta, SseReader};

const REQUEST_BYTES_MAX: usize = 16 << 20;

/// An HTTP reverse proxy on a free loopback port. It records requests to `…/chat/completions` and counts them from 0; everything else
/// passes through unrecorded.
pub struct RecordingProxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    origin: String,
    path: String,
    client: reqwest::Client,
    log: ExchangeLog,
    connections: AtomicUsize,
    /// Pauses each answer after this many deltas.
    hold_after: watch::Sender<Option<usize>>,
    /// Ends each answer after this many deltas, whatever the upstream server would still send; 0: where upstream ends it.
    end_after: AtomicUsize,
}

/// The last events of an answer.
const END: &str = concat!(
    r#"data: {"id":"end","object":"chat.completion.chunk","created":0,"model":"m","#,
    r#""choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    "\n\ndata: [DONE]\n\n"
);

impl RecordingProxy {
    /// Starts a proxy in front of a server, given by its base URL with the path, as in `http://127.0.0.1:8080/v1`.
    pub async fn start(upstream_base_url: &str) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST, upstream_base_url).await
    }

    /// Like [`start`](Self::start), on another address of this host, for callers on other machines.
    pub async fn start_at(host: Ipv4Addr, upstream_base_url: &str) -> Self {
        let upstream = reqwest::Url::parse(upstream_base_url).expect("a valid base URL");
        let listener = TcpListener::bind((host, 0))
            .await
            .expect("a free port on an address of this host");
        let addr = listener
            .local_addr()
            .expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            origin: upstream.origin().ascii_serialization(),
            path: upstream.path().trim_end_matches('/').to_owned(),
            client: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("a client without options"),
            log: ExchangeLog::new(),
            connections: AtomicUsize::new(0),
            hold_after: watch::Sender::new(None),
            end_after: AtomicUsize::new(0),
        });
        let routes = Router::new()
            .fallback(forward)
            .with_state(Arc::clone(&shared));
        let counted = Arc::clone(&shared);
        let listener = listener.tap_io(move |stream| {
            counted.connections.fetch_add(1, Ordering::SeqCst);
            stream.set_nodelay(true).expect("TCP has nodelay");
        });
        let server = tokio::spawn(async move {
            axum::serve(listener, routes)
                .await
                .expect("it serves until aborted")
        });
        Self {
            addr,
            shared,
            server,
        }
    }

    /// Returns the value for `OPENAI_BASE_URL`.
    pub fn base_url(&self) -> String {
        format!("http://{}{}", self.addr, self.shared.path)
    }

    /// Returns how many connections were accepted.
    pub fn connection_count(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Returns the number of completion requests.
    pub fn request_count(&self) -> usize {
        self.shared.log.all().len()
    }

    /// Returns every exchange so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.log.all()
    }

    /// Pauses every answer after this many deltas, with the connection open, until [`release`](Self::release).
    /// This turns "in the middle of an answer" into a state that a test can stay in.
    pub fn hold_after(&self, deltas: usize) {
        self.shared.hold_after.send_replace(Some(deltas));
    }

    /// Lets held answers continue, and holds no later ones.
    pub fn release(&self) {
        self.shared.hold_after.send_replace(None);
    }

    /// Ends every answer after this many deltas as a model does, so that no test depends on how long a small model talks.
    pub fn end_after(&self, deltas: usize) {
        self.shared.end_after.store(deltas, Ordering::SeqCst);
    }

    /// Waits for request `index` and returns its body.
    pub async fn wait_request(&self, index: usize) -> Value {
        self.shared
            .log
            .wait(index, "the arrival", |exchange| {
                Some(exchange.request.clone())
            })
            .await
    }

    /// Waits until `deltas` deltas of answer `index` were handed to the client, and returns its text so far.
    pub async fn wait_sent(&self, index: usize, deltas: usize) -> String {
        let sent = |exchange: &Exchange| (exchange.deltas >= deltas).then(|| exchange.text.clone());
        self.shared
            .log
            .wait(index, &format!("{deltas} deltas in the answer"), sent)
            .await
    }

    /// Waits until the answer to request `index` has ended, and returns how.
    pub async fn wait_ended(&self, index: usize) -> Ending {
        self.shared
            .log
            .wait(index, "the end", |exchange| exchange.ending)
            .await
    }

    /// Waits until the client closes the connection of request `index` early; panics if the answer ends in another way.
    pub async fn wait_closed(&self, index: usize) {
        let ending = self.wait_ended(index).await;
        assert_eq!(
            ending,
            Ending::ClosedByClient,
            "the ending of request {index}"
        );
    }
}

impl Drop for RecordingProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn forward(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, request_body) = request.into_parts();
    let Ok(request_body) = body::to_bytes(request_body, REQUEST_BYTES_MAX).await else {
        return (StatusCode::BAD_REQUEST, "the request's body did not arrive").into_response();
    };
    let exchange = parts.uri.path().ends_with("/chat/completions").then(|| {
        let request = serde_json::from_slice(&request_body).unwrap_or(Value::Null);
        let request_id = parts.headers.get("x-request-id");
        let request_id = request_id.and_then(|id| Some(id.to_str().ok()?.to_owned()));
        shared.log.open(request, request_id)
    });
    let target = format!("{}{}", shared.origin, parts.uri);
    let headers = end_to_end(&parts.headers);
    let sent = shared
        .client
        .request(parts.method, target)
        .headers(headers)
        .body(request_body)
        .send()
        .await;
    let answer = match sent {
        Ok(answer) => answer,
        Err(error) => {
            if let Some(exchange) = exchange {
                exchange.end(Ending::CutByServer);
            }
            return (
                StatusCode::BAD_GATEWAY,
                format!("the server behind: {error}"),
            )
                .into_response();
        }
    };
    let (status, headers) = (answer.status(), end_to_end(answer.headers()));
    let bytes = answer.bytes_stream();
    let body = match exchange {
        Some(exchange) if status.is_success() => {
            let hold_after = shared.hold_after.subscribe();
            let end_after = shared.end_after.load(Ordering::SeqCst);
            let witness = Witness::new(bytes.boxed(), exchange, (hold_after, end_after));
            Body::from_stream(witness.into_stream())
        }
        Some(exchange) => {
            exchange.end(Ending::Refused);
            Body::from_stream(bytes)
        }
        None => Body::from_stream(bytes),
    };
    (status, headers, body).into_response()
}

/// Copies the headers that do not concern a single connection.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let hop_by_hop = [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::HOST,
        header::CONTENT_LENGTH,
        header::TE,
    ];
    headers
        .iter()
        .filter(|(name, _)| !hop_by_hop.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// An answer that passes through. The server drops it when the client's connection is gone, which ends the exchange and closes the
/// connection to the upstream server.
struct Witness {
    upstream: BoxStream<'static, reqwest::Result<Bytes>>,
    events: SseReader,
    pending: Vec<u8>,
    whole: Vec<u8>,
    deltas: usize,
    exchange: OpenExchange,
    hold_after: watch::Receiver<Option<usize>>,
    /// 0: where the upstream server ends the answer.
    end_after: usize,
}

impl Witness {
    fn new(
        upstream: BoxStream<'static, reqwest::Result<Bytes>>,
        exchange: OpenExchange,
        (hold_after, end_after): (watch::Receiver<Option<usize>>, usize),
    ) -> Self {
        let (pending, whole) = (Vec::new(), Vec::new());
        Self {
            upstream,
            events: SseReader::default(),
            pending,
            whole,
            deltas: 0,
            exchange,
            hold_after,
            end_after,
        }
    }

    fn into_stream(self) -> impl stream::Stream<Item = reqwest::Result<Bytes>> {
        stream::try_unfold(self, |mut witness| async {
            let piece = witness.next_piece().await?;
            Ok(piece.map(|piece| (piece, witness)))
        })
    }

    /// Returns the next line with its line end, so that the answer can be held between two deltas; at the end, the remaining bytes.
    async fn next_piece(&mut self) -> reqwest::Result<Option<Bytes>> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                self.pass(&line).await;
                if self.end_after > 0 && self.deltas >= self.end_after {
                    return Ok(Some(self.end(line)));
                }
                if self.deltas == 0 {
                    self.whole.extend_from_slice(&line);
                }
                return Ok(Some(Bytes::from(line)));
            }
            match self.upstream.try_next().await {
                Ok(Some(bytes)) => self.pending.extend_from_slice(&bytes),
                Ok(None) if self.pending.is_empty() => {
                    self.finish();
                    return Ok(None);
                }
                Ok(None) => {
                    let rest = std::mem::take(&mut self.pending);
                    self.whole.extend_from_slice(&rest);
                    return Ok(Some(Bytes::from(rest)));
                }
                Err(error) => {
                    self.exchange.end(Ending::CutByServer);
                    return Err(error);
                }
            }
        }
    }

    /// Ends the answer after this line. Nothing more is read from the upstream server: its connection is closed.
    fn end(&mut self, line: Vec<u8>) -> Bytes {
        self.upstream = stream::empty().boxed();
        self.pending.clear();
        self.end_after = 0;
        self.exchange.end(Ending::Finished);
        let mut last = line;
        last.push(b'\n');
        last.extend_from_slice(END.as_bytes());
        Bytes::from(last)
    }

    async fn pass(&mut self, line: &[u8]) {
        for Delta {
            text,
            reasoning,
            is_done,
        } in self.events.read(line)
        {
            if !text.is_empty() || !reasoning.is_empty() {
                let deltas = self.deltas;
                drop(
                    self.hold_after
                        .wait_for(|limit| limit.is_none_or(|limit| deltas < limit))
                        .await,
                );
                self.deltas += 1;
            }
            if !reasoning.is_empty() {
                self.exchange.add_reasoning(&reasoning);
            }
            if !text.is_empty() {
                self.exchange.add_text(&text);
            }
            if is_done {
                self.exchange.end(Ending::Finished);
            }
        }
    }

    /// Records the text of an answer that is no stream: it is in one JSON body.
    fn finish(&self) {
        if let Ok(body) = serde_json::from_slice::<Value>(&self.whole) {
            let message = &body["choices"][0]["message"];
            self.exchange
                .add_text(message["content"].as_str().unwrap_or_default());
        }
        self.exchange.end(Ending::Finished);
    }
}
