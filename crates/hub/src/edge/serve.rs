//! The listening socket: connections within a limit, TLS where there is TLS, HTTP/1.1 with upgrades.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::config::{CONNECTIONS_MAX, HANDSHAKE_TIMEOUT, HTTP_HEAD_BYTES_MAX};
use crate::core::HubCore;
use crate::tasks::TaskGroup;

/// One accepted connection, for the handlers.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The address at the other end.
    pub peer: SocketAddr,
    /// The connection's place among [`CONNECTIONS_MAX`]; a WebSocket holds it on.
    pub place: Arc<OwnedSemaphorePermit>,
}

/// A socket that listens, and how it speaks.
pub struct Listener {
    /// Bound.
    pub socket: TcpListener,
    /// Absent on loopback.
    pub tls: Option<TlsAcceptor>,
}

/// How long the hub waits after the system refused a connection, for want of descriptors most likely.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Accepts until the hub stops.
pub async fn accept(core: Arc<HubCore>, listener: Listener, router: Router) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.socket.accept() => accepted,
            () = core.stopping.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let visit = Visit {
                    peer,
                    place: Arc::new(place),
                };
                let work = serve_stream(
                    Arc::clone(&core),
                    stream,
                    visit,
                    listener.tls.clone(),
                    router.clone(),
                );
                core.tasks.spawn(TaskGroup::Edge, "http connection", work);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

async fn serve_stream(
    core: Arc<HubCore>,
    stream: TcpStream,
    visit: Visit,
    tls: Option<TlsAcceptor>,
    router: Router,
) {
    // Small frames must not wait for the answer to the one before.
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve_http(&core, stream, visit, router).await,
        Some(acceptor) => {
            match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => serve_http(&core, stream, visit, router).await,
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            }
        }
    }
}

async fn serve_http<S>(core: &HubCore, stream: S, visit: Visit, router: Router)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(visit.clone());
        request.map(Body::new)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE_TIMEOUT)
        .max_buf_size(HTTP_HEAD_BYTES_MAX)
        .half_close(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    tokio::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = core.stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}
