//! Recognises a hub behind a public name by this computer's certificate store, as a browser does.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, Error};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// Read once: a program sees a change to the store at its next start, as browsers do.
static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();

/// TLS that trusts what this computer trusts. On Linux `SSL_CERT_FILE` and `SSL_CERT_DIR` name other certificates.
pub(crate) async fn system_config() -> io::Result<Arc<ClientConfig>> {
    if let Some(known) = CONFIG.get() {
        return Ok(Arc::clone(known));
    }
    let reading = tokio::task::spawn_blocking(read_store);
    let config = reading.await.map_err(io::Error::other)??;
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}

fn read_store() -> io::Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider serves the default protocol versions")
        .with_platform_verifier()
        .map_err(io::Error::other)?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Whether a handshake failed because of the certificate.
pub(crate) fn is_untrusted(error: &io::Error) -> bool {
    let cause = error
        .get_ref()
        .and_then(|cause| cause.downcast_ref::<Error>());
    matches!(cause, Some(Error::InvalidCertificate(_)))
}
