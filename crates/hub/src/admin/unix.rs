//! The answering side, on Unix.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use baton_protocol::{AccountId, HubAddress};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::SOCKET_FILE_NAME;
use super::message::{AdminRequest, AdminResponse, DeviceLine};
use crate::core::HubCore;
use crate::hub;

/// One request's line.
const REQUEST_BYTES_MAX: u64 = 4 * 1024;

/// One request from its connection to its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The socket, removed when dropped.
pub struct AdminListener {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for AdminListener {
    fn drop(&mut self) {
        // A file that is gone already is as good.
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens the socket. The caller holds the directory's lock, so one that is there was left by a hub that was killed.
pub fn bind(data_dir: &Path) -> io::Result<AdminListener> {
    let path = data_dir.join(SOCKET_FILE_NAME);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Bound under another name and moved once it is private: nobody else can connect in between.
    let partial = path.with_extension("new");
    let _ = fs::remove_file(&partial);
    let listener = UnixListener::bind(&partial)?;
    fs::set_permissions(&partial, fs::Permissions::from_mode(0o600))?;
    fs::rename(&partial, &path)?;
    Ok(AdminListener { listener, path })
}

/// Answers one request after the other until the hub stops.
pub async fn serve(
    core: Arc<HubCore>,
    public: HubAddress,
    account: AccountId,
    listener: AdminListener,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.listener.accept() => accepted,
            () = core.stopping.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let answered =
            tokio::time::timeout(REQUEST_TIMEOUT, converse(&core, &public, account, stream)).await;
        if !matches!(answered, Ok(Ok(()))) {
            tracing::debug!("an admin request ended early");
        }
    }
}

async fn converse(
    core: &Arc<HubCore>,
    public: &HubAddress,
    account: AccountId,
    stream: UnixStream,
) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reading.take(REQUEST_BYTES_MAX))
        .read_line(&mut line)
        .await?;
    let response = match serde_json::from_str(&line) {
        Ok(request) => answer(core, public, account, request).await,
        Err(error) => AdminResponse::Refused {
            message: format!("the request does not fit: {error}"),
        },
    };
    let mut text = serde_json::to_string(&response)?;
    text.push('\n');
    writing.write_all(text.as_bytes()).await
}

async fn answer(
    core: &Arc<HubCore>,
    public: &HubAddress,
    account: AccountId,
    request: AdminRequest,
) -> AdminResponse {
    let line = |record: &crate::credentials::PrincipalRecord| {
        DeviceLine::of(
            record,
            core.presence
                .is_connected(record.account, &record.principal),
        )
    };
    let answered: Result<AdminResponse, String> = match request {
        AdminRequest::Link { role } => match hub::link_code(core, public, role, account).await {
            Ok(code) => Ok(AdminResponse::Link {
                link: code.to_string(),
            }),
            Err(error) => Err(error.to_string()),
        },
        AdminRequest::Devices => match core.credentials.principals().await {
            Ok(records) => Ok(AdminResponse::Devices {
                devices: records.iter().map(line).collect(),
            }),
            Err(error) => Err(error.to_string()),
        },
        AdminRequest::Revoke { who } => match hub::revoke(core, &who).await {
            Ok(record) => Ok(AdminResponse::Revoked {
                device: line(&record),
            }),
            Err(error) => Err(error.to_string()),
        },
    };
    answered.unwrap_or_else(|message| AdminResponse::Refused { message })
}
