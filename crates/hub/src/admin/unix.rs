//! The answering side, on Unix.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use baton_protocol::{AccountId, HubAddress};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::SOCKET_FILE_NAME;
use super::message::{AdminRequest, AdminResponse, DeviceLine};
use crate::backup;
use crate::core::HubCore;
use crate::examine::with_causes;
use crate::hub;
use crate::tasks::TaskGroup;

/// One request's line.
const REQUEST_BYTES_MAX: u64 = 4 * 1024;

/// A request's line, and the way back of its answer.
const LINE_TIMEOUT: Duration = Duration::from_secs(10);

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
    // Bound where only the owner can reach it, and moved once it is private: no other user can connect in between.
    let private = data_dir.join("admin.d");
    match fs::DirBuilder::new().mode(0o700).create(&private) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => fs::set_permissions(&private, fs::Permissions::from_mode(0o700))?,
    }
    let partial = private.join("s");
    let _ = fs::remove_file(&partial);
    let listener = UnixListener::bind(&partial)?;
    fs::set_permissions(&partial, fs::Permissions::from_mode(0o600))?;
    fs::rename(&partial, &path)?;
    fs::remove_dir(&private)?;
    Ok(AdminListener { listener, path })
}

/// What answers are made of.
struct Desk {
    core: Arc<HubCore>,
    public: HubAddress,
    account: AccountId,
    data_dir: PathBuf,
    /// Copies and examinations read everything: one at a time.
    long: tokio::sync::Mutex<()>,
}

/// Answers requests until the hub stops.
pub async fn serve(
    core: Arc<HubCore>,
    public: HubAddress,
    account: AccountId,
    listener: AdminListener,
) {
    let data_dir = listener.path.parent().map(Path::to_owned);
    let desk = Arc::new(Desk {
        core: Arc::clone(&core),
        public,
        account,
        data_dir: data_dir.unwrap_or_default(),
        long: tokio::sync::Mutex::new(()),
    });
    loop {
        let accepted = tokio::select! {
            accepted = listener.listener.accept() => accepted,
            () = core.stopping.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let desk = Arc::clone(&desk);
        core.tasks
            .spawn(TaskGroup::Edge, "admin request", async move {
                let stopping = desk.core.stopping.clone();
                let answered = tokio::select! {
                    answered = converse(&desk, stream) => answered,
                    () = stopping.cancelled() => return,
                };
                if answered.is_err() {
                    tracing::debug!("an admin request ended early");
                }
            });
    }
}

async fn converse(desk: &Desk, stream: UnixStream) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    let mut reading = BufReader::new(reading.take(REQUEST_BYTES_MAX));
    tokio::time::timeout(LINE_TIMEOUT, reading.read_line(&mut line)).await??;
    let response = match serde_json::from_str::<AdminRequest>(&line) {
        Ok(request) if request.is_short() => {
            // The timeout limits the answer. The work itself runs to its end.
            let limit = desk.core.options.admin_answer_timeout;
            let answered = tokio::time::timeout(limit, answer(desk, request)).await;
            answered.unwrap_or_else(|_| AdminResponse::Refused {
                message:
                    "the hub is still at work on this: look at `baton-hub devices` in a moment"
                        .to_owned(),
            })
        }
        Ok(request) => {
            let _alone = desk.long.lock().await;
            answer_long(desk, request).await
        }
        Err(error) => AdminResponse::Refused {
            message: format!("the request does not fit: {error}"),
        },
    };
    let mut text = serde_json::to_string(&response)?;
    text.push('\n');
    tokio::time::timeout(LINE_TIMEOUT, writing.write_all(text.as_bytes())).await?
}

/// What reads everything.
async fn answer_long(desk: &Desk, request: AdminRequest) -> AdminResponse {
    let core = &desk.core;
    let answered = match request {
        AdminRequest::Copy { into } if into.is_absolute() => {
            let credentials = core.credentials.clone();
            let copy_credentials = |path| async move { credentials.copy_to(path).await };
            backup::copy_data(&*core.log, copy_credentials, &desk.data_dir, &into)
                .await
                .map(|()| AdminResponse::Copied)
                .map_err(|error| with_causes(&error))
        }
        AdminRequest::Examine => match core.log.examine().await {
            Ok(findings) => Ok(AdminResponse::Examined { findings }),
            Err(error) => Err(with_causes(&error)),
        },
        _ => Err("the directory's path must be absolute".to_owned()),
    };
    answered.unwrap_or_else(|message| AdminResponse::Refused { message })
}

async fn answer(desk: &Desk, request: AdminRequest) -> AdminResponse {
    let core = &desk.core;
    let line = |record: &crate::credentials::PrincipalRecord| {
        DeviceLine::of(
            record,
            core.presence
                .is_connected(record.account, &record.principal),
        )
    };
    let answered: Result<AdminResponse, String> = match request {
        AdminRequest::Link { role } => {
            match hub::link_code(core, &desk.public, role, desk.account).await {
                Ok(code) => Ok(AdminResponse::Link {
                    link: code.to_string(),
                }),
                Err(error) => Err(error.to_string()),
            }
        }
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
        AdminRequest::Copy { .. } | AdminRequest::Examine => {
            Err("this is answered elsewhere".to_owned())
        }
    };
    answered.unwrap_or_else(|message| AdminResponse::Refused { message })
}
