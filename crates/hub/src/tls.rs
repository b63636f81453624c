//! The hub's certificate: its own, made once, or one from elsewhere. Clients know a hub by the SHA-256 of its public key.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};

use crate::config::Tls;

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
    /// The hub's key was there and is not any more.
    #[error(
        "the hub's key `{}` is gone, and {linked} devices and runners know the hub by it: put it back from a backup, or revoke them \
         all with `baton-hub revoke` and link them again", path.display()
    )]
    KeyGone {
        /// The file that held the key.
        path: PathBuf,
        /// How many would refuse another key.
        linked: usize,
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

/// What is known of the hub's own key from before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyHistory {
    /// Whether there was one.
    pub had_key: bool,
    /// How many devices and runners are linked.
    pub linked: usize,
}

/// Loads what `tls` asks for; nothing for plain connections. The hub's own key is made where there never was one, and where no linked
/// device knows the one before.
pub fn identity(
    tls: &Tls,
    data_dir: &Path,
    host: &str,
    history: KeyHistory,
) -> Result<Option<TlsIdentity>, TlsSetupError> {
    match tls {
        Tls::Plain => Ok(None),
        Tls::Files { certificate, key } => load(certificate, key).map(Some),
        Tls::OwnCertificate => own(data_dir, host, history).map(Some),
    }
}

fn own(data_dir: &Path, host: &str, history: KeyHistory) -> Result<TlsIdentity, TlsSetupError> {
    let (certificate, key) = own_paths(data_dir);
    let has_certificate = is_there(&certificate)?;
    if !is_there(&key)? {
        if (history.had_key || has_certificate) && history.linked > 0 {
            return Err(TlsSetupError::KeyGone {
                path: key,
                linked: history.linked,
            });
        }
        let made = rcgen::KeyPair::generate()?;
        write_private(&key, made.serialize_pem().as_bytes())?;
        certify(&certificate, &made, host)?;
    } else if !has_certificate {
        // Clients know the key alone: a new certificate over it changes nothing for them.
        let pem = fs::read_to_string(&key).map_err(|source| file_error(&key, source))?;
        certify(&certificate, &rcgen::KeyPair::from_pem(&pem)?, host)?;
    }
    load(&certificate, &key)
}

fn own_paths(data_dir: &Path) -> (PathBuf, PathBuf) {
    (
        data_dir.join(CERTIFICATE_FILE_NAME),
        data_dir.join(KEY_FILE_NAME),
    )
}

/// An error where the file cannot be looked at: that is not the same as a file that is not there.
fn is_there(path: &Path) -> Result<bool, TlsSetupError> {
    path.try_exists().map_err(|source| file_error(path, source))
}

/// The fingerprint of the hub's own certificate, where it has one; a certificate and a key that do not fit are an error.
pub fn own_if_there(data_dir: &Path) -> Result<Option<String>, TlsSetupError> {
    let (certificate, key) = own_paths(data_dir);
    if !is_there(&certificate)? && !is_there(&key)? {
        return Ok(None);
    }
    load(&certificate, &key).map(|identity| Some(identity.fingerprint))
}

/// Makes a certificate for a key.
fn certify(path: &Path, key: &rcgen::KeyPair, host: &str) -> Result<(), TlsSetupError> {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    if !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    let certificate = rcgen::CertificateParams::new(names)?.self_signed(key)?;
    write_private(path, certificate.pem().as_bytes())
}

/// Whole or not at all, and durable: a crash in between leaves the old file or none.
fn write_private(path: &Path, content: &[u8]) -> Result<(), TlsSetupError> {
    baton_private_files::replace(path, content).map_err(|source| file_error(path, source))
}

fn file_error(path: &Path, source: io::Error) -> TlsSetupError {
    TlsSetupError::File {
        path: path.to_owned(),
        source,
    }
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
        rustls_pki_types::pem::Error::Io(source) => file_error(path, source),
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

    const NEW: KeyHistory = KeyHistory {
        had_key: false,
        linked: 0,
    };

    const IN_USE: KeyHistory = KeyHistory {
        had_key: true,
        linked: 2,
    };

    fn own_of(dir: &Path, history: KeyHistory) -> Result<String, TlsSetupError> {
        let identity = identity(&Tls::OwnCertificate, dir, "192.0.2.7", history)?;
        Ok(identity.unwrap().fingerprint)
    }

    #[test]
    fn the_own_certificate_is_made_once_and_its_key_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let first = own_of(dir.path(), NEW).unwrap();
        assert_eq!(own_of(dir.path(), IN_USE).unwrap(), first);
        assert_eq!(first.len(), 64);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let metadata = fs::metadata(dir.path().join(KEY_FILE_NAME)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        }
        let (certificate, key) = own_paths(dir.path());
        let files = Tls::Files { certificate, key };
        let of_files = identity(&files, dir.path(), "x", NEW).unwrap().unwrap();
        assert_eq!(of_files.fingerprint, first);
        let plain = identity(&Tls::Plain, dir.path(), "x", NEW).unwrap();
        assert!(plain.is_none());
    }

    #[test]
    fn a_lost_certificate_is_made_anew_over_the_same_key() {
        let dir = tempfile::tempdir().unwrap();
        let first = own_of(dir.path(), NEW).unwrap();
        fs::remove_file(dir.path().join(CERTIFICATE_FILE_NAME)).unwrap();
        assert_eq!(own_of(dir.path(), IN_USE).unwrap(), first);
    }

    #[test]
    fn a_lost_key_is_replaced_only_where_nobody_knows_the_hub_by_it() {
        for (lost, history) in [
            (vec![KEY_FILE_NAME], IN_USE),
            (vec![KEY_FILE_NAME, CERTIFICATE_FILE_NAME], IN_USE),
            // The certificate says that there was a key.
            (
                vec![KEY_FILE_NAME],
                KeyHistory {
                    had_key: false,
                    ..IN_USE
                },
            ),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let first = own_of(dir.path(), NEW).unwrap();
            for name in lost {
                fs::remove_file(dir.path().join(name)).unwrap();
            }
            assert!(matches!(
                own_of(dir.path(), history),
                Err(TlsSetupError::KeyGone { linked: 2, .. })
            ));
            assert!(!dir.path().join(KEY_FILE_NAME).exists());
            let nobody = KeyHistory {
                linked: 0,
                ..history
            };
            assert_ne!(own_of(dir.path(), nobody).unwrap(), first);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_cannot_be_looked_at_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        own_of(dir.path(), NEW).unwrap();
        let key = dir.path().join(KEY_FILE_NAME);
        let elsewhere = dir.path().join("key-elsewhere.pem");
        fs::rename(&key, &elsewhere).unwrap();
        // A link to itself cannot be looked at, even by root.
        std::os::unix::fs::symlink(&key, &key).unwrap();
        assert!(matches!(
            own_of(dir.path(), NEW),
            Err(TlsSetupError::File { .. })
        ));
        assert!(fs::symlink_metadata(&key).unwrap().is_symlink());
    }

    #[test]
    fn a_missing_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let absent = dir.path().join("absent.pem");
        let tls = Tls::Files {
            certificate: absent.clone(),
            key: absent.clone(),
        };
        let Err(TlsSetupError::File { path, .. }) = identity(&tls, dir.path(), "x", NEW) else {
            panic!("must fail")
        };
        assert_eq!(path, absent);
    }
}
