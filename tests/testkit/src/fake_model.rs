//! An OpenAI-compatible endpoint that gives the answers that a test scripts.

mod answer;
mod reply;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Json, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::exchange::{Ending, Exchange, ExchangeLog};
pub use reply::Reply;

/// The name of the model in the API.
const NAME: &str = "fake-model";

/// Serves `POST /v1/chat/completions` and `GET /v1/models` on a free loopback port.
///
/// Scripted replies answer requests in turn, then the reply for the rest answers all others. A request without a reply gets a 500 that says
/// so. Requests are counted from 0.
pub struct FakeModel {
    addr: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    log: ExchangeLog,
    script: Mutex<Script>,
}

#[derive(Default)]
struct Script {
    replies: VecDeque<Reply>,
    rest: Option<Reply>,
    gates: HashMap<usize, watch::Sender<bool>>,
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FakeModel {
    /// Starts a server with an empty script.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port on loopback");
        let addr = listener
            .local_addr()
            .expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            log: ExchangeLog::new(),
            script: Mutex::default(),
        });
        let routes = Router::new()
            .route("/v1/models", get(models))
            .route("/v1/chat/completions", post(completions))
            .with_state(Arc::clone(&shared));
        // Without it, small writes wait for each other and the client never sees one alone.
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("TCP has nodelay"));
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
        format!("http://{}/v1", self.addr)
    }

    /// Returns the model's name.
    pub fn model(&self) -> &'static str {
        NAME
    }

    /// Adds a reply for the next request that has none yet.
    pub fn reply(&self, reply: Reply) {
        self.shared.script().replies.push_back(reply);
    }

    /// Sets the reply for every request without a scripted one.
    pub fn reply_to_the_rest(&self, reply: Reply) {
        self.shared.script().rest = Some(reply);
    }

    /// Releases request `index` from its [`Reply::hold_after`]. May be called before the request arrives.
    pub fn release(&self, index: usize) {
        gate(&mut self.shared.script(), index).send_replace(true);
    }

    /// Returns the number of completion requests.
    pub fn request_count(&self) -> usize {
        self.shared.log.all().len()
    }

    /// Returns every exchange so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.log.all()
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

    /// Waits until `deltas` pieces of answer `index` were handed to the connection, and returns its text so far.
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

impl Drop for FakeModel {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn gate(script: &mut Script, index: usize) -> &watch::Sender<bool> {
    script
        .gates
        .entry(index)
        .or_insert_with(|| watch::Sender::new(false))
}

async fn models() -> Json<Value> {
    Json(
        json!({ "object": "list", "data": [{ "id": NAME, "object": "model", "created": 0, "owned_by": "tests" }] }),
    )
}

async fn completions(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response {
    let request_id = headers.get("x-request-id");
    let request_id = request_id.and_then(|id| Some(id.to_str().ok()?.to_owned()));
    let exchange = shared.log.open(request.clone(), request_id);
    let (reply, gate) = {
        let mut script = shared.script();
        let reply = script.replies.pop_front().or_else(|| script.rest.clone());
        (reply, gate(&mut script, exchange.index()).subscribe())
    };
    let reply = reply.unwrap_or_else(|| {
        Reply::error(500, "the fake model has no reply scripted for this request")
    });
    if let Some((status, message)) = reply.refusal() {
        exchange.end(Ending::Refused);
        let body = json!({ "error": { "message": message, "type": "fake_error", "code": status.as_u16() } });
        return (status, Json(body)).into_response();
    }
    if request["stream"].as_bool().unwrap_or(false) {
        answer::streamed(
            reply,
            exchange,
            gate,
            request["stream_options"]["include_usage"] == true,
        )
    } else {
        answer::whole(&reply, &exchange)
    }
}
