//! TCP, and TLS over it if the address says how to recognise the hub.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use baton_protocol::{HubAddress, HubRecognition};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::ConnectError;
use crate::pin::{KeyMismatch, pinned_config};
use crate::store::{is_untrusted, system_config};

/// The bytes to and from a hub.
#[derive(Debug)]
pub enum HubStream {
    /// On this machine.
    Plain(TcpStream),
    /// To the pinned key, or to the name that the certificate store vouches for.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Opens a connection to the hub at this address.
pub(crate) async fn open(hub: &HubAddress) -> Result<HubStream, ConnectError> {
    let host = host_of(hub)?;
    let is_hex =
        |text: &String| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let path_fits = |path: &String| HubAddress::is_public_path(path);
    if !hub.fingerprint.as_ref().is_none_or(is_hex)
        || !hub.public_path.as_ref().is_none_or(path_fits)
    {
        return Err(ConnectError::BadAddress(hub.authority.clone()));
    }
    let tcp = open_tcp(hub).await?;
    let config = match hub.recognition() {
        HubRecognition::Loopback => return Ok(HubStream::Plain(tcp)),
        HubRecognition::Key(fingerprint) => Arc::new(pinned_config(fingerprint)),
        HubRecognition::CertificateStore => system_config().await.map_err(|source| {
            let authority = hub.authority.clone();
            ConnectError::Tls { authority, source }
        })?,
    };
    match TlsConnector::from(config).connect(host, tcp).await {
        Ok(stream) => Ok(HubStream::Tls(Box::new(stream))),
        Err(source) => Err(match KeyMismatch::behind(&source) {
            Some(mismatch) => ConnectError::KeyMismatch {
                expected: mismatch.expected.clone(),
                found: mismatch.found.clone(),
            },
            None if hub.fingerprint.is_none() && is_untrusted(&source) => ConnectError::Untrusted {
                authority: hub.authority.clone(),
                source,
            },
            None => ConnectError::Tls {
                authority: hub.authority.clone(),
                source,
            },
        }),
    }
}

fn host_of(hub: &HubAddress) -> Result<ServerName<'static>, ConnectError> {
    let refuse = || ConnectError::BadAddress(hub.authority.clone());
    let (host, port) = hub.authority.rsplit_once(':').ok_or_else(refuse)?;
    port.parse::<u16>().map_err(|_| refuse())?;
    let host = host
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(host);
    ServerName::try_from(host.to_owned()).map_err(|_| refuse())
}

async fn open_tcp(hub: &HubAddress) -> Result<TcpStream, ConnectError> {
    let unreachable = |source| ConnectError::Unreachable {
        authority: hub.authority.clone(),
        source,
    };
    let found: Vec<SocketAddr> = tokio::net::lookup_host(&hub.authority)
        .await
        .map_err(unreachable)?
        .collect();
    let plain = hub.recognition() == HubRecognition::Loopback;
    let mut allowed = found
        .into_iter()
        .filter(|address| !plain || address.ip().to_canonical().is_loopback())
        .peekable();
    if plain && allowed.peek().is_none() {
        return Err(ConnectError::PlainBeyondLoopback(hub.authority.clone()));
    }
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in allowed {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(unreachable)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(unreachable(last))
}

impl AsyncRead for HubStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for HubStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
