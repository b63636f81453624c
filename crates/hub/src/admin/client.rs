//! The asking side.

use std::io;
use std::path::Path;

use super::message::{AdminRequest, AdminResponse};

/// The hub gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskHubError {
    /// No hub runs on this directory.
    #[error("no hub runs on this directory")]
    NotRunning,
    /// The socket failed.
    #[error("the hub's admin socket failed")]
    Io(#[source] io::Error),
    /// The answer is not one.
    #[error("the hub's answer cannot be read")]
    Answer(#[from] serde_json::Error),
}

/// Asks the hub that runs on a directory. Blocks.
#[cfg(unix)]
pub fn ask(data_dir: &Path, request: &AdminRequest) -> Result<AdminResponse, AskHubError> {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    /// More than a hub takes to say that it needs longer (`ADMIN_ANSWER_TIMEOUT`).
    const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

    let mut stream =
        UnixStream::connect(data_dir.join(super::SOCKET_FILE_NAME)).map_err(|error| match error
            .kind()
        {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => AskHubError::NotRunning,
            _ => AskHubError::Io(error),
        })?;
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    let mut answer = String::new();
    let patience = request.is_short().then_some(ANSWER_TIMEOUT);
    stream
        .set_read_timeout(patience)
        .and_then(|()| stream.write_all(line.as_bytes()))
        .and_then(|()| BufReader::new(stream).read_line(&mut answer))
        .map_err(AskHubError::Io)?;
    Ok(serde_json::from_str(&answer)?)
}

/// There is no admin socket on this system.
#[cfg(not(unix))]
pub fn ask(_: &Path, _: &AdminRequest) -> Result<AdminResponse, AskHubError> {
    Err(AskHubError::Io(io::Error::new(
        io::ErrorKind::Unsupported,
        "the admin socket needs a Unix system",
    )))
}
