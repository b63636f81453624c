//! Key pinning: the hub is recognised by its public key alone, which came with the link. Names and authorities play no part.

use std::error::Error;
use std::sync::Arc;

use baton_protocol::HubAddress;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

/// The hub of the address has another key than the link says, or none is known for a hub beyond this machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trust<'a> {
    /// TLS, and exactly this key.
    Pinned(&'a str),
    /// Plain text, which never leaves the machine.
    Loopback,
    /// Neither: not to be used.
    None,
}

pub(super) fn trust(hub: &HubAddress) -> Trust<'_> {
    match &hub.fingerprint {
        Some(key) => Trust::Pinned(key),
        None if is_loopback(host(&hub.authority)) => Trust::Loopback,
        None => Trust::None,
    }
}

/// The host of `host:port`, without the brackets of an IPv6 address.
pub(super) fn host(authority: &str) -> &str {
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

fn is_loopback(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// A configuration that accepts a hub with this key, and no other.
pub(super) fn pinned_config(fingerprint: &str) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Arc::new(PinnedKey {
        fingerprint: fingerprint.to_ascii_lowercase(),
        provider: provider.clone(),
    });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(config)
}

/// Whether a failure, however wrapped, is a hub with another key.
pub(super) fn is_key_mismatch(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(reason)) = error.downcast_ref() {
            return *reason == CertificateError::ApplicationVerificationFailure;
        }
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}

#[derive(Debug)]
struct PinnedKey {
    fingerprint: String,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (_, certificate) = X509Certificate::from_der(end_entity)
            .map_err(|_| rustls::Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let found = hex::encode(Sha256::digest(certificate.public_key().raw));
        if found == self.fingerprint {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            ))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(authority: &str, key: Option<&str>) -> HubAddress {
        HubAddress {
            authority: authority.to_owned(),
            fingerprint: key.map(str::to_owned),
        }
    }

    #[test]
    fn plain_text_stays_on_this_machine() {
        for loopback in ["127.0.0.1:80", "localhost:80", "[::1]:80", "127.9.9.9:1"] {
            assert_eq!(trust(&address(loopback, None)), Trust::Loopback);
        }
        for beyond in ["10.0.0.1:80", "hub.example:80", "localhost.evil:80"] {
            assert_eq!(trust(&address(beyond, None)), Trust::None);
        }
        let pinned = address("10.0.0.1:80", Some("ab"));
        assert_eq!(trust(&pinned), Trust::Pinned("ab"));
    }
}
