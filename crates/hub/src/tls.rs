//! The hub's certificate: its own, made once, or one from elsewhere. Clients know a hub by the SHA-256 of its public key.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};

use crate::config::Tls;
use crate::data_dir;

/// The hub's own certificate in the data directory.
pub const CERTIFICATE_FILE_NAME: &str = "tls-cert.pem";

/// Its key; readable for the owner only.
pub const KEY_FILE_NAME: &str = "tls-key.pem";

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsSetupError {
    /// A file cannot be read or written.
    #[error("`{}` cannot be read or written", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not PEM, or holds nothing of use.
    #[error("`{}` holds no certificate or key in PEM", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// The hub's own certificate cannot be made.
    #[error("the hub's certificate cannot be made")]
    Generate(#[from] rcgen::Error),
    /// The certificate cannot be read.
    #[error("the certificate in `{}` cannot be understood", .0.display())]
    Certificate(PathBuf),
    /// Certificate and key do not fit, or are of a kind that is not supported.
    #[error("certificate and key cannot be used")]
    Rustls(#[from] rustls::Error),
}

/// Ready to accept.
#[derive(Clone)]
pub struct TlsIdentity {
    /// For the acceptor.
    pub server: Arc<ServerConfig>,
    /// SHA-256 of the key's SubjectPublicKeyInfo, hex.
    pub fingerprint: String,
}

/// Loads or makes what `tls` asks for; nothing for plain connections.
pub fn identity(
    tls: &Tls,
    data_dir: &Path,
    host: &str,
) -> Result<Option<TlsIdentity>, TlsSetupError> {
    match tls {
        Tls::Plain => Ok(None),
        Tls::Files { certificate, key } => load(certificate, key).map(Some),
        Tls::OwnCertificate => {
            let certificate = data_dir.join(CERTIFICATE_FILE_NAME);
            let key = data_dir.join(KEY_FILE_NAME);
            if !(certificate.exists() && key.exists()) {
                generate(&certificate, &key, host)?;
            }
            load(&certificate, &key).map(Some)
        }
    }
}

/// The fingerprint of the hub's own certificate, where it has one; a certificate and a key that do not fit are an error.
pub fn own_if_there(data_dir: &Path) -> Result<Option<String>, TlsSetupError> {
    let (certificate, key) = (
        data_dir.join(CERTIFICATE_FILE_NAME),
        data_dir.join(KEY_FILE_NAME),
    );
    if !certificate.exists() && !key.exists() {
        return Ok(None);
    }
    load(&certificate, &key).map(|identity| Some(identity.fingerprint))
}

/// Makes key and certificate. The key comes first, so that a certificate never stands without its key.
fn generate(certificate_path: &Path, key_path: &Path, host: &str) -> Result<(), TlsSetupError> {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    if !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    let made = rcgen::generate_simple_self_signed(names)?;
    write_private(key_path, made.signing_key.serialize_pem().as_bytes())?;
    write_private(certificate_path, made.cert.pem().as_bytes())
}

/// Whole or not at all: a crash in between leaves the old file or none.
fn write_private(path: &Path, content: &[u8]) -> Result<(), TlsSetupError> {
    let failed = |source| TlsSetupError::File {
        path: path.to_owned(),
        source,
    };
    let partial = path.with_extension("partial");
    data_dir::create_private_file(&partial).map_err(failed)?;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(&partial)
        .map_err(failed)?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    std::fs::rename(&partial, path).map_err(failed)
}

fn load(certificate_path: &Path, key_path: &Path) -> Result<TlsIdentity, TlsSetupError> {
    let certificates: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(certificate_path)
            .and_then(Iterator::collect)
            .map_err(|source| pem_error(certificate_path, source))?;
    let key =
        PrivateKeyDer::from_pem_file(key_path).map_err(|source| pem_error(key_path, source))?;
    let own = certificates
        .first()
        .ok_or_else(|| TlsSetupError::Certificate(certificate_path.to_owned()))?;
    let fingerprint =
        fingerprint(own).ok_or_else(|| TlsSetupError::Certificate(certificate_path.to_owned()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsIdentity {
        server: Arc::new(server),
        fingerprint,
    })
}

fn pem_error(path: &Path, source: rustls_pki_types::pem::Error) -> TlsSetupError {
    match source {
        rustls_pki_types::pem::Error::Io(source) => TlsSetupError::File {
            path: path.to_owned(),
            source,
        },
        source => TlsSetupError::Pem {
            path: path.to_owned(),
            source,
        },
    }
}

/// SHA-256 of a certificate's SubjectPublicKeyInfo, hex; none for what is no certificate.
fn fingerprint(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(hex::encode(Sha256::digest(parsed.public_key().raw)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_certificate_is_made_once_and_its_key_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let first = identity(&Tls::OwnCertificate, dir.path(), "192.0.2.7")
            .unwrap()
            .unwrap();
        let again = identity(&Tls::OwnCertificate, dir.path(), "192.0.2.7")
            .unwrap()
            .unwrap();
        assert_eq!(first.fingerprint, again.fingerprint);
        assert_eq!(first.fingerprint.len(), 64);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(dir.path().join(KEY_FILE_NAME))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let files = Tls::Files {
            certificate: dir.path().join(CERTIFICATE_FILE_NAME),
            key: dir.path().join(KEY_FILE_NAME),
        };
        assert_eq!(
            identity(&files, dir.path(), "x")
                .unwrap()
                .unwrap()
                .fingerprint,
            first.fingerprint
        );
        assert!(identity(&Tls::Plain, dir.path(), "x").unwrap().is_none());
    }

    #[test]
    fn a_missing_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let absent = dir.path().join("absent.pem");
        let tls = Tls::Files {
            certificate: absent.clone(),
            key: absent.clone(),
        };
        let Err(TlsSetupError::File { path, .. }) = identity(&tls, dir.path(), "x") else {
            panic!("must fail")
        };
        assert_eq!(path, absent);
    }
}
