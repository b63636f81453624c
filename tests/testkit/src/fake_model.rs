//! An OpenAI-compatible endpoint that answers what a test tells it to.

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

/// The model's name in the API.
const NAME: &str = "fake-model";

/// `POST /v1/chat/completions` and `GET /v1/models` on a free port of loopback.
///
/// Requests are answered by the scripted replies in turn, then by the reply for the rest. A request for which there is none
/// gets a 500 that says so. Requests are counted from 0.
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
    /// Starts it with an empty script.
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
        // Without it, small writes wait for each other and none is seen alone.
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

    /// What goes into `OPENAI_BASE_URL`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// The model's name.
    pub fn model(&self) -> &'static str {
        NAME
    }

    /// Answers the next request that has no reply yet.
    pub fn reply(&self, reply: Reply) {
        self.shared.script().replies.push_back(reply);
    }

    /// Answers every request for which there is no scripted reply.
    pub fn reply_to_the_rest(&self, reply: Reply) {
        self.shared.script().rest = Some(reply);
    }

    /// Lets request `index` go on past its [`Reply::hold_after`]; it may come before the request does.
    pub fn release(&self, index: usize) {
        gate(&mut self.shared.script(), index).send_replace(true);
    }

    /// How many completions were asked for.
    pub fn request_count(&self) -> usize {
        self.shared.log.all().len()
    }

    /// Every exchange so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.log.all()
    }

    /// Waits for request `index` and gives its body.
    pub async fn wait_request(&self, index: usize) -> Value {
        self.shared
            .log
            .wait(index, "the arrival", |exchange| {
                Some(exchange.request.clone())
            })
            .await
    }

    /// Waits until so many pieces of answer `index` were handed to the connection, and gives its text by then.
    pub async fn wait_sent(&self, index: usize, deltas: usize) -> String {
        let sent = |exchange: &Exchange| (exchange.deltas >= deltas).then(|| exchange.text.clone());
        self.shared
            .log
            .wait(index, &format!("{deltas} deltas in the answer"), sent)
            .await
    }

    /// Waits until the answer of request `index` is over, and gives how it ended.
    pub async fn wait_ended(&self, index: usize) -> Ending {
        self.shared
            .log
            .wait(index, "the end", |exchange| exchange.ending)
            .await
    }

    /// Waits until the client has closed the connection of request `index` before its end; panics if it ends otherwise.
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
