//! The listening socket: connections within a budget, one request on each, HTTP/1.1 with upgrades.
//!
//! **Invariant:** what has shown no token is gone when its time is up, wherever it stopped: in the TLS handshake, in the head, in the
//! body, or over the answer.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::admission::{Admission, AdmissionLimits, ConnectionPermit, Quota};
use super::door::Door;
use crate::config::{CLOSE_TIMEOUT, HTTP_HEAD_BYTES_MAX};
use crate::core::HubCore;
use crate::descriptors;
use crate::tasks::TaskGroup;

/// One accepted connection, for the handlers.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The address at the other end.
    pub peer: IpAddr,
    /// The connection's part of the hub's budget.
    pub permit: Arc<ConnectionPermit>,
    /// The way that it came.
    pub door: Door,
}

/// A socket that listens, and how it speaks.
pub struct Listener {
    /// Bound.
    pub socket: TcpListener,
    /// How bytes are protected.
    pub protection: Protection,
    /// What closes it with its connections.
    pub door: Door,
}

/// How bytes are protected.
#[derive(Clone)]
pub enum Protection {
    /// Plain HTTP, for loopback.
    Plain,
    /// TLS on every connection.
    Tls(TlsAcceptor),
    /// By TLS where the client begins with it. On loopback, where a proxy or a script may do without.
    TlsOrPlain(TlsAcceptor),
}

/// How long the hub waits after the system refused a connection, for want of descriptors most likely.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// The first byte of a TLS connection: a handshake record. No HTTP method begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// Accepts until the hub stops.
pub async fn accept(core: Arc<HubCore>, listener: Listener, router: Router) {
    let room = descriptors::make_room_for(core.options.connections_max);
    tracing::info!(connections = room, "the hub has room for connections");
    let admission = Admission::new(AdmissionLimits::of(room));
    let door = listener.door;
    loop {
        let accepted = tokio::select! {
            biased;
            () = door.closing.cancelled() => return,
            accepted = listener.socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let proxies = &core.options.trusted_proxies;
                let quota = if proxies.iter().any(|range| range.contains(peer.ip())) {
                    Quota::OfAll
                } else {
                    Quota::OfAddress
                };
                let Some(permit) = admission.admit(peer.ip(), quota) else {
                    core.measures.refused.increment(1);
                    continue;
                };
                let visit = Visit {
                    peer: peer.ip(),
                    permit: Arc::new(permit),
                    door: door.clone(),
                };
                let work = serve_in_time(
                    Arc::clone(&core),
                    stream,
                    visit,
                    listener.protection.clone(),
                    router.clone(),
                );
                core.tasks
                    .spawn(TaskGroup::Edge, "http connection", door.hold(work));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                admission.expel_one();
                // Ends early where the hub stops.
                let _ = tokio::time::timeout(ACCEPT_RETRY, door.closing.cancelled()).await;
            }
        }
    }
}

/// Serves a connection until it is over, is upgraded, has used up its time, or must make room.
async fn serve_in_time(
    core: Arc<HubCore>,
    stream: TcpStream,
    visit: Visit,
    protection: Protection,
    router: Router,
) {
    let permit = Arc::clone(&visit.permit);
    let limit = core.options.request_timeout;
    tokio::select! {
        () = permit.expelled() => tracing::debug!("a connection without a token made room"),
        served = tokio::time::timeout(limit, serve_stream(stream, visit, protection, router)) => {
            if served.is_err() {
                tracing::debug!("a connection without a token used up its time");
            }
        }
    }
}

async fn serve_stream(stream: TcpStream, visit: Visit, protection: Protection, router: Router) {
    // Small frames must not wait for the answer to the one before.
    let _ = stream.set_nodelay(true);
    let door = visit.door.clone();
    let beginning = async {
        let acceptor = acceptor(&stream, protection).await?;
        io::Result::Ok((stream, acceptor))
    };
    let (stream, acceptor) = match unless_closed(&door, beginning).await {
        Some(Ok(begun)) => begun,
        Some(Err(error)) => return tracing::debug!(%error, "a connection ended before it began"),
        None => return,
    };
    let Some(acceptor) = acceptor else {
        return serve_http(stream, visit, router).await;
    };
    match unless_closed(&door, acceptor.accept(stream)).await {
        Some(Ok(stream)) => serve_http(stream, visit, router).await,
        Some(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        None => {}
    }
}

/// What shakes hands with this client, where it wants TLS. Waits for the first byte where it has the choice.
async fn acceptor(stream: &TcpStream, protection: Protection) -> io::Result<Option<TlsAcceptor>> {
    match protection {
        Protection::Plain => Ok(None),
        Protection::Tls(acceptor) => Ok(Some(acceptor)),
        Protection::TlsOrPlain(acceptor) => {
            let mut first = [0];
            stream.peek(&mut first).await?;
            Ok((first[0] == TLS_HANDSHAKE).then_some(acceptor))
        }
    }
}

async fn unless_closed<T>(door: &Door, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = door.closing.cancelled() => None,
    }
}

async fn serve_http<S>(stream: S, visit: Visit, router: Router)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let door = visit.door.clone();
    let is_requested = Arc::new(AtomicBool::new(false));
    let requested = Arc::clone(&is_requested);
    let service = router
        .map_request(move |mut request: Request<Incoming>| {
            requested.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(visit.clone());
            request.map(Body::new)
        })
        .map_response(close_unless_upgraded);
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(HTTP_HEAD_BYTES_MAX)
        .half_close(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    tokio::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = door.closing.cancelled() => {
            // What has asked gets its answer: a handler that waits for its client answers that the hub is stopping.
            if !is_requested.load(Ordering::Relaxed) {
                return;
            }
            match tokio::time::timeout(CLOSE_TIMEOUT, connection).await {
                Ok(served) => served,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

/// A connection carries one request: a second one would have no time of its own.
fn close_unless_upgraded(mut response: Response) -> Response {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}
