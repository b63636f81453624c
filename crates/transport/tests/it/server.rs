//! Servers that live as long as a test.

use std::sync::Arc;

use baton_protocol::HubAddress;
use baton_transport::key_fingerprint;
use futures::{SinkExt as _, StreamExt as _};
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

/// A certificate and a private key, which may not match.
#[derive(Debug, Clone)]
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Identity {
    pub fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["a-name-nobody-asks-for".to_owned()])
            .expect("a certificate");
        Self {
            certificate: made.cert.der().clone(),
            key: made.signing_key.serialize_der(),
        }
    }

    pub fn with_the_private_key_of(&self, other: &Self) -> Self {
        Self {
            certificate: self.certificate.clone(),
            key: other.key.clone(),
        }
    }

    pub fn fingerprint(&self) -> String {
        key_fingerprint(&self.certificate).expect("a certificate")
    }

    fn acceptor(&self) -> TlsAcceptor {
        let provider = aws_lc_rs::default_provider();
        let key = PrivateKeyDer::try_from(self.key.clone()).expect("a key");
        let signing = provider
            .key_provider
            .load_private_key(key)
            .expect("a usable key");
        let certified = Arc::new(CertifiedKey::new(vec![self.certificate.clone()], signing));
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Always(certified)));
        TlsAcceptor::from(Arc::new(config))
    }
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// A server for one connection.
pub struct Server {
    pub address: HubAddress,
    request: oneshot::Receiver<String>,
}

impl Server {
    /// Answers each text with the bearer header and the text.
    pub async fn echo(identity: Option<Identity>) -> Self {
        let (listener, authority) = listen().await;
        let fingerprint = identity.as_ref().map(Identity::fingerprint);
        tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.expect("a client");
            match identity {
                None => echo_on(tcp).await,
                Some(identity) => {
                    if let Ok(tls) = identity.acceptor().accept(tcp).await {
                        echo_on(tls).await;
                    }
                }
            }
        });
        Self {
            address: HubAddress {
                authority,
                fingerprint,
                public_path: None,
            },
            request: oneshot::channel().1,
        }
    }

    /// Reads a request, then writes these pieces, one segment each, and closes.
    pub async fn raw(pieces: Vec<String>) -> Self {
        let (listener, authority) = listen().await;
        let (seen, request) = oneshot::channel();
        tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.expect("a client");
            tcp.set_nodelay(true).expect("nodelay");
            let mut buffer = vec![0; 64 * 1024];
            let mut request = String::new();
            while !whole(&request) {
                let count = tcp.read(&mut buffer).await.expect("a request");
                request.push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
            let _ = seen.send(request);
            for piece in pieces {
                if tcp.write_all(piece.as_bytes()).await.is_err() {
                    return;
                }
                tcp.flush().await.expect("flushed");
                tokio::task::yield_now().await;
            }
        });
        Self {
            address: HubAddress {
                authority,
                fingerprint: None,
                public_path: None,
            },
            request,
        }
    }

    pub async fn request(self) -> String {
        self.request.await.expect("a request came")
    }
}

fn whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    body.len() >= length.unwrap_or(0)
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let authority = listener.local_addr().expect("bound").to_string();
    (listener, authority)
}

/// An address without a listener.
pub async fn closed_port() -> String {
    listen().await.1
}

async fn echo_on(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut bearer = String::new();
    #[allow(
        clippy::result_large_err,
        reason = "the callback's type is the library's"
    )]
    let note = |request: &Request, response: Response| {
        let header = request
            .headers()
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        bearer = header.unwrap_or("nothing").to_owned();
        Ok(response)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, note)
        .await
        .expect("a handshake");
    while let Some(Ok(Message::Text(text))) = socket.next().await {
        socket
            .send(Message::text(format!("{bearer}: {text}")))
            .await
            .expect("echoed");
    }
}
