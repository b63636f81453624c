//! An answer's stream from a model server that sends anything.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use baton_runner::provider::{
    ModelEvent, ModelMessage, ModelProvider as _, ModelRequest, ModelRole, OpenAiEndpoint,
    OpenAiProvider,
};
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Far beyond what a body that ends may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Made once: a provider's HTTP client takes longer to make than an answer to read.
struct Server {
    runtime: Runtime,
    listener: TcpListener,
    provider: OpenAiProvider,
}

static SERVER: LazyLock<Mutex<Server>> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    let listener = runtime
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .expect("a free port");
    let addr = listener
        .local_addr()
        .expect("a bound listener has an address");
    let endpoint = OpenAiEndpoint {
        base_url: format!("http://{addr}/v1"),
        api_key: None,
    };
    let provider = OpenAiProvider::new(&endpoint).expect("a base URL");
    Mutex::new(Server {
        runtime,
        listener,
        provider,
    })
});

/// Serves the bytes as the body of a stream and reads it to its end as a runner does.
///
/// # Panics
/// Where reading has no end, or goes on after the answer was said to be whole.
pub fn model_stream(data: &[u8]) {
    let server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    let Server {
        runtime,
        listener,
        provider,
    } = &*server;
    let both = async { tokio::join!(serve(listener, data), read(provider)) };
    let done = runtime.block_on(async { tokio::time::timeout(LIMIT, both).await });
    assert!(
        done.is_ok(),
        "a body with an end gives a stream without one"
    );
}

async fn read(provider: &OpenAiProvider) {
    let request = ModelRequest {
        prompt: baton_protocol::PromptId(baton_protocol::CommandId::from_uuid(uuid::Uuid::nil())),
        model: "fuzz".into(),
        messages: vec![ModelMessage {
            role: ModelRole::User,
            text: "hello".into(),
        }],
    };
    // A refusal, with words for the person, is as good as an answer here.
    let Ok(mut stream) = provider.stream(request).await else {
        return;
    };
    let mut is_whole = false;
    while let Some(event) = stream.next().await {
        assert!(!is_whole, "something comes after the end");
        is_whole = matches!(event, Ok(ModelEvent::Done(_)));
    }
}

/// Answers one request. The client may go away at any byte.
async fn serve(listener: &TcpListener, data: &[u8]) {
    let Ok((mut socket, _)) = listener.accept().await else {
        return;
    };
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match socket.read_buf(&mut head).await {
            Ok(count) if count > 0 => {}
            _ => return,
        }
    }
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    let _ = socket.write_all(answer.as_bytes()).await;
    let _ = socket.write_all(data).await;
    let _ = socket.shutdown().await;
    // What the client has still to say is read, or closing would take our last bytes back.
    let mut rest = [0; 1024];
    while socket.read(&mut rest).await.is_ok_and(|count| count > 0) {}
}
