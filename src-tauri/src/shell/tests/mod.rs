//! The shell against real hubs, with a disk that can die between any two changes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use baton_client::Device;
use baton_hub::{Hub, HubConfig, RunningHub, SystemClock, Tls};
use baton_log_sqlite::SqliteEventLog;
use baton_protocol::view::ConnectionPhase;
use baton_protocol::{Role, SessionId};
use baton_testkit::{FakeModel, eventually};
use clap::Parser as _;
use tempfile::TempDir;

mod inside;
mod links;
mod moves;
mod network;

use super::{LeavingChoice, Shell};
use crate::options::Options;
use crate::private_files::{Disk, SystemDisk};
use crate::profile::Profile;
use crate::shell_types::{ApiKeyChoice, ModelOptions, ShellPhase};

const LIMIT: Duration = Duration::from_secs(30);

/// A disk that takes a number of changes and refuses all later ones. The file of the first refused change is half written.
#[derive(Debug)]
struct DyingDisk {
    left: AtomicUsize,
}

impl DyingDisk {
    fn after(changes: usize) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicUsize::new(changes),
        })
    }

    fn is_dead(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }

    fn take(&self) -> io::Result<()> {
        let one_less = |left: usize| left.checked_sub(1);
        self.left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less)
            .map(|_| ())
            .map_err(|_| io::Error::other("the process is dead"))
    }
}

impl Disk for DyingDisk {
    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        if let Err(dead) = self.take() {
            std::fs::write(
                path.with_extension("partial"),
                &content[..content.len() / 2],
            )?;
            return Err(dead);
        }
        SystemDisk.replace(path, content)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.take()?;
        SystemDisk.remove(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.take()?;
        SystemDisk.rename(from, to)
    }
}

/// A hub with a folder of its own.
struct TestHub {
    hub: RunningHub,
    folder: PathBuf,
}

impl TestHub {
    async fn start(root: &Path, name: &str) -> Self {
        Self::start_at(root.join(name), 0).await
    }

    async fn start_at(folder: PathBuf, port: u16) -> Self {
        let config = HubConfig {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            data_dir: folder.clone(),
            listen: ([127, 0, 0, 1], port).into(),
            tls: Tls::Plain,
        };
        std::fs::create_dir_all(&folder).unwrap();
        let log = SqliteEventLog::open(&folder.join("log")).unwrap();
        let hub = Hub::start(config, Arc::new(log), Arc::new(SystemClock)).await;
        Self {
            hub: hub.unwrap(),
            folder,
        }
    }

    async fn link(&self) -> String {
        let code = self.hub.link_code(Role::Device, self.hub.account()).await;
        code.unwrap().to_string()
    }

    /// Stops the hub and returns its folder.
    async fn stop(self) -> PathBuf {
        self.hub.stop().await;
        self.folder
    }
}

fn profile(root: &Path) -> (Profile, Options) {
    let options = Options::parse_from([
        "baton",
        "--insecure-token-file",
        "--data-root",
        &root.join("desktop").to_string_lossy(),
    ]);
    (Profile::open(&options).unwrap(), options)
}

fn shell(root: &Path) -> Arc<Shell> {
    shell_on(root, Arc::new(SystemDisk))
}

fn shell_on(root: &Path, disk: Arc<dyn Disk>) -> Arc<Shell> {
    let (profile, options) = profile(root);
    Arc::new(Shell::new(profile.with_disk(disk), options))
}

/// Waits until the hub of the device's link has accepted its token, and returns the device. Another hub would refuse the token.
async fn live(shell: &Shell) -> Device {
    eventually(LIMIT, "a live device", || async {
        let device = shell.device()?;
        let connection = device.connection();
        assert_ne!(
            connection.phase,
            ConnectionPhase::Refused,
            "the hub refused the token: {:?}",
            connection.problem
        );
        (connection.phase == ConnectionPhase::Live).then_some(device)
    })
    .await
}

/// Returns the names of the secrets that are kept in files.
fn kept_secrets(root: &Path) -> Vec<String> {
    let folder = profile(root).0.folder().join("secrets");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "probe" && !name.ends_with(".partial"))
        .collect();
    names.sort();
    names
}

fn slots_in_use(shell: &Shell) -> Vec<String> {
    let settings = shell.record.settings().unwrap();
    let mut names: Vec<String> = settings
        .slots_in_use()
        .iter()
        .map(ToString::to_string)
        .collect();
    names.sort();
    names
}

/// Starts on this computer with this model, and returns its live device.
async fn start_here(shell: &Arc<Shell>, model: &FakeModel) -> Device {
    shell.start().await;
    let options = ModelOptions {
        base_url: model.base_url(),
        api_key: ApiKeyChoice::None,
        model: Some("m".to_owned()),
    };
    let chosen = crate::model_choice::choose(options).await.unwrap();
    shell.set_up_local(chosen).await.unwrap();
    live(shell).await
}
