//! TLS with the pinned key.

use std::sync::Arc;

use baton_hub::{Hub, HubConfig, RunningHub, SystemClock, Tls};
use baton_log::MemoryEventLog;
use baton_protocol::{ClientFrame, HubFrame, Role, limits};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::client::{Client, open_over};

/// Accepts the one key whose SHA-256 it was told.
#[derive(Debug)]
struct Pin {
    fingerprint: String,
    provider: Arc<rustls::crypto::CryptoProvider>,
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).unwrap();
        if hex::encode(Sha256::digest(parsed.public_key().raw)) == self.fingerprint {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General("another key".into()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

async fn connect(
    hub: &RunningHub,
    fingerprint: &str,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let pin = Pin {
        fingerprint: fingerprint.to_owned(),
        provider: Arc::clone(&provider),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pin))
        .with_no_client_auth();
    let stream = TcpStream::connect(hub.local_addr()).await.unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from("baton").unwrap(), stream)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_the_codes_key_links_and_talks_and_one_with_another_key_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let config = || HubConfig {
        name: "tls hub".into(),
        data_dir: dir.path().to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: Tls::OwnCertificate,
    };
    let log = Arc::new(MemoryEventLog::new());
    let hub = Hub::start(config(), log.clone(), Arc::new(SystemClock))
        .await
        .unwrap();
    let code = hub.link_code(Role::Device, hub.account()).await.unwrap();
    let pinned = code.hub.fingerprint.clone().unwrap();
    assert_eq!(Some(pinned.as_str()), hub.fingerprint());
    assert!(connect(&hub, &"0".repeat(64)).await.is_err());

    let mut stream = connect(&hub, &pinned).await.unwrap();
    let body = format!(r#"{{"code":"{}","name":"Laptop"}}"#, code.secret);
    let head = format!(
        "POST /v1/link HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
        hub.local_addr()
    );
    stream
        .write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let linked: baton_protocol::LinkResponse =
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    hub.stop().await;

    // The key is the same after a restart.
    let hub = Hub::start(config(), log, Arc::new(SystemClock))
        .await
        .unwrap();
    assert_eq!(Some(pinned.as_str()), hub.fingerprint());
    let stream = connect(&hub, &pinned).await.unwrap();
    let url = format!("wss://{}/v1/socket", hub.local_addr());
    let mut client = Client::over(
        open_over(Box::new(stream), &url, Some(&linked.token))
            .await
            .unwrap(),
    );
    client
        .send(&ClientFrame::Hello {
            protocol: limits::PROTOCOL_VERSION,
            capabilities: Vec::new(),
            runner: None,
        })
        .await;
    client
        .take(|frame| {
            matches!(frame, HubFrame::Welcome { hub_name, .. } if hub_name == "tls hub")
                .then_some(())
        })
        .await;
}
