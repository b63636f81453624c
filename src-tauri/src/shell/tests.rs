//! A profile that is linked back and forth between two real hubs, and killed at every step of a link.

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

use super::Shell;
use crate::options::Options;
use crate::private_files::{Disk, SystemDisk};
use crate::profile::Profile;
use crate::shell_types::{ApiKeyChoice, ModelOptions, ShellPhase};

const LIMIT: Duration = Duration::from_secs(30);

/// A disk that takes so many changes, and none after them. A file is half written when it dies.
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

    /// Stops it, and gives its folder.
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

/// The device, once its token was taken by the hub of its link. Another hub would have refused it.
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

/// The secrets that are kept in files.
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

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_goes_to_another_hub_and_back_and_finds_what_it_left() {
    let root = TempDir::new().unwrap();
    let a = TestHub::start(root.path(), "a").await;
    let b = TestHub::start(root.path(), "b").await;
    let account = a.hub.account();
    let shell = shell(root.path());
    shell.start().await;
    assert_eq!(shell.status().state, ShellPhase::NeedsStart);

    shell.link(&a.link().await, "Laptop").await.unwrap();
    let device = live(&shell).await;
    let session = SessionId::mint();
    let draft = device.save_draft(session, "begun at a".into(), None).await;
    draft.unwrap().outcome().await;
    let seen = eventually(LIMIT, "the draft in the mirror", || async {
        let draft = device.drafts().into_iter().next()?;
        draft.unsent.is_none().then_some(draft.seq)
    })
    .await;
    // The draft's next version stays unsent: the hub is away.
    let mut folder = a.stop().await;
    let unsent = device.save_draft(session, "unsent at a".into(), Some(seen));
    drop((unsent.await.unwrap(), device));

    for round in 0..2 {
        shell.link(&b.link().await, "Laptop").await.unwrap();
        let device = live(&shell).await;
        assert_eq!(device.linked().account, b.hub.account(), "round {round}");
        assert_eq!(device.drafts(), [], "another account's draft is not shown");
        drop(device);

        let a = TestHub::start_at(folder, 0).await;
        shell.link(&a.link().await, "Laptop").await.unwrap();
        let device = live(&shell).await;
        assert_eq!(device.linked().account, a.hub.account(), "round {round}");
        eventually(LIMIT, "what was unsent is sent", || async {
            device.outbox().is_empty().then_some(())
        })
        .await;
        let texts: Vec<String> = device
            .drafts()
            .into_iter()
            .map(|draft| draft.text)
            .collect();
        assert_eq!(texts, ["unsent at a"], "round {round}");
        assert_eq!(kept_secrets(root.path()), slots_in_use(&shell));
        drop(device);
        folder = a.stop().await;
    }
    shell.stop().await;
    let again = super::tests::shell(root.path());
    again.start().await;
    assert_eq!(again.device().unwrap().linked().account, account);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_killed_at_any_step_leaves_the_old_one_or_the_new_one() {
    let root = TempDir::new().unwrap();
    let a = TestHub::start(root.path(), "a").await;
    let b = TestHub::start(root.path(), "b").await;
    let mut seen = Vec::new();
    for step in 0.. {
        let root = root.path().join(step.to_string());
        let first = shell(&root);
        first.start().await;
        first.link(&a.link().await, "Laptop").await.unwrap();
        first.stop().await;

        let disk = DyingDisk::after(step);
        let killed = shell_on(&root, disk.clone());
        killed.start().await;
        let linked = killed.link(&b.link().await, "Laptop").await;
        let was_killed = disk.is_dead();
        live(&killed).await;
        killed.stop().await;

        let after = shell(&root);
        after.start().await;
        let account = live(&after).await.linked().account;
        if linked.is_ok() {
            assert_eq!(
                account,
                b.hub.account(),
                "step {step}: it said that it is linked"
            );
        } else {
            assert_eq!(
                account,
                a.hub.account(),
                "step {step}: it said that it is not"
            );
        }
        assert_eq!(kept_secrets(&root), slots_in_use(&after), "step {step}");
        after.stop().await;
        seen.push(account);
        if !was_killed {
            break;
        }
    }
    assert!(seen.contains(&a.hub.account()) && seen.contains(&b.hub.account()));
    assert!(
        seen.len() > 5,
        "every change of a link was a step: {seen:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_this_computer_that_is_killed_at_any_step_can_be_made_again() {
    let root = TempDir::new().unwrap();
    let model = FakeModel::start().await;
    for step in 0.. {
        let root = root.path().join(step.to_string());
        let disk = DyingDisk::after(step);
        let killed = shell_on(&root, disk.clone());
        killed.start().await;
        let options = || ModelOptions {
            base_url: model.base_url(),
            api_key: ApiKeyChoice::New {
                key: "a-key".to_owned(),
            },
            model: Some("m".to_owned()),
        };
        let chosen = crate::model_choice::choose(options()).await.unwrap();
        let set_up = killed.set_up_local(chosen).await;
        let was_killed = disk.is_dead();
        killed.stop().await;

        let after = shell(&root);
        after.start().await;
        if after.status().state == ShellPhase::NeedsStart {
            assert!(set_up.is_err(), "step {step}: it said that it is set up");
            let chosen = crate::model_choice::choose(options()).await.unwrap();
            after.set_up_local(chosen).await.unwrap();
        }
        live(&after).await;
        let agents = eventually(LIMIT, "an agent", || async {
            let agents = after.device()?.account().agents.len();
            (agents > 0).then_some(agents)
        });
        assert_eq!(agents.await, 1, "step {step}");
        assert_eq!(kept_secrets(&root), slots_in_use(&after), "step {step}");
        after.stop().await;
        if !was_killed {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_is_said_and_linking_again_brings_everything_back() {
    let root = TempDir::new().unwrap();
    let a = TestHub::start(root.path(), "a").await;
    let before = shell(root.path());
    before.start().await;
    before.link(&a.link().await, "Laptop").await.unwrap();
    let device = live(&before).await;
    let draft = device
        .save_draft(SessionId::mint(), "kept".into(), None)
        .await;
    draft.unwrap().outcome().await;
    drop(device);
    before.stop().await;
    let record = profile(root.path()).0.folder().join("profile.json");
    std::fs::write(&record, "{\"link\":{\"hub\"").unwrap();

    let after = shell(root.path());
    after.start().await;
    let status = after.status();
    assert_eq!(status.state, ShellPhase::Failed);
    assert!(status.message.unwrap().contains("damaged"));
    assert_eq!(
        std::fs::read_to_string(&record).unwrap(),
        "{\"link\":{\"hub\"",
        "a start changes nothing"
    );
    after.link(&a.link().await, "Laptop").await.unwrap();
    let device = live(&after).await;
    assert_eq!(
        device.drafts().len(),
        1,
        "the account's folder was found again"
    );
    assert!(record.with_extension("json.damaged-1").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_and_folders_of_an_older_version_are_taken_over() {
    let root = TempDir::new().unwrap();
    let a = TestHub::start(root.path(), "a").await;
    let before = shell(root.path());
    before.start().await;
    before.link(&a.link().await, "Laptop").await.unwrap();
    let device = live(&before).await;
    let draft = device
        .save_draft(SessionId::mint(), "kept".into(), None)
        .await;
    draft.unwrap().outcome().await;
    drop(device);
    before.stop().await;

    // As version 0.1 left it: the link in the device's folder, the token without a name of its own.
    let settings = before.record.settings().unwrap();
    let link = settings.link.unwrap();
    let (profile, _) = profile(root.path());
    let folder = profile.folder();
    let secrets = folder.join("secrets");
    std::fs::rename(
        secrets.join(link.token.as_str()),
        secrets.join("device-token"),
    )
    .unwrap();
    let legacy = folder.join("device-before-0190");
    std::fs::rename(
        profile.account_folder(link.hub.account),
        folder.join("device"),
    )
    .unwrap();
    link.hub.save(&folder.join("device")).unwrap();
    let mut other = link.hub.clone();
    other.account = baton_protocol::AccountId::mint();
    other.save(&legacy).unwrap();
    std::fs::write(folder.join("profile.json"), r#"{"tokensInFiles":true}"#).unwrap();

    let after = shell(root.path());
    after.start().await;
    let device = live(&after).await;
    assert_eq!(device.drafts().len(), 1);
    assert!(profile.account_folder(other.account).exists());
    assert!(!folder.join("device").exists() && !legacy.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_inside_that_does_not_start_gets_no_token_at_its_old_port() {
    let root = TempDir::new().unwrap();
    let model = FakeModel::start().await;
    let before = shell(root.path());
    before.start().await;
    let options = ModelOptions {
        base_url: model.base_url(),
        api_key: ApiKeyChoice::None,
        model: Some("m".to_owned()),
    };
    let chosen = crate::model_choice::choose(options).await.unwrap();
    before.set_up_local(chosen).await.unwrap();
    live(&before).await;
    let settings = before.record.settings().unwrap();
    before.stop().await;

    // Another program takes the port, and the hub's folder is held by another process.
    let port = settings.local.unwrap().port;
    let thief = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .unwrap();
    let (profile, _) = profile(root.path());
    let claim = baton_hub::DataDirClaim::take(&profile.hub_folder()).unwrap();
    let after = shell(root.path());
    after.start().await;
    assert_eq!(
        after.status().state,
        ShellPhase::Ready,
        "the history can be read"
    );
    assert!(after.status().hub_problem.is_some());
    eventually(LIMIT, "why there is no line", || async {
        after.device()?.connection().problem
    })
    .await;
    let nothing_came = tokio::select! {
        biased;
        visit = thief.accept() => panic!("somebody came: {visit:?}"),
        () = std::future::ready(()) => true,
    };
    assert!(nothing_came);

    drop((claim, thief));
    after.start_again().await.unwrap();
    live(&after).await;
    assert_eq!(after.status().hub_problem, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_model_is_tested_and_used_and_the_kept_key_goes_to_its_own_server_alone() {
    let root = TempDir::new().unwrap();
    let (first, second) = (FakeModel::start().await, FakeModel::start().await);
    let shell = shell(root.path());
    shell.start().await;
    let options = |model: &FakeModel, api_key: ApiKeyChoice| ModelOptions {
        base_url: model.base_url(),
        api_key,
        model: None,
    };
    let new = |key: &str| ApiKeyChoice::New {
        key: key.to_owned(),
    };
    let chosen = crate::model_choice::choose(options(&first, new("key-1"))).await;
    shell.set_up_local(chosen.unwrap()).await.unwrap();
    live(&shell).await;
    assert!(shell.model().unwrap().unwrap().has_key);

    let elsewhere = options(&second, ApiKeyChoice::Kept);
    assert!(shell.test_model(elsewhere.clone()).await.is_err());
    assert!(shell.change_model(elsewhere).await.is_err());
    let kept = options(&first, ApiKeyChoice::Kept);
    assert!(!shell.test_model(kept.clone()).await.unwrap().is_empty());
    shell.change_model(kept).await.unwrap();
    assert!(
        shell.model().unwrap().unwrap().has_key,
        "the key is still kept"
    );

    shell
        .change_model(options(&second, new("key-2")))
        .await
        .unwrap();
    let model = shell.model().unwrap().unwrap();
    assert_eq!((model.base_url, model.has_key), (second.base_url(), true));
    assert_eq!(
        kept_secrets(root.path()),
        slots_in_use(&shell),
        "the old key is gone"
    );
    let mut agent = shell
        .inside
        .lock()
        .await
        .as_ref()
        .unwrap()
        .agent
        .as_ref()
        .unwrap()
        .status();
    let running = agent.wait_for(|status| *status == crate::shell_types::AgentStatus::Running);
    tokio::time::timeout(LIMIT, running).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_read_is_never_taken_for_no_key() {
    let root = TempDir::new().unwrap();
    let model = FakeModel::start().await;
    let before = shell(root.path());
    before.start().await;
    let options = ModelOptions {
        base_url: model.base_url(),
        api_key: ApiKeyChoice::New {
            key: "key".to_owned(),
        },
        model: Some("m".to_owned()),
    };
    let chosen = crate::model_choice::choose(options).await.unwrap();
    before.set_up_local(chosen).await.unwrap();
    before.stop().await;
    let slot = before
        .record
        .settings()
        .unwrap()
        .local
        .unwrap()
        .model
        .api_key
        .unwrap();
    let file = profile(root.path())
        .0
        .folder()
        .join("secrets")
        .join(slot.as_str());
    let key = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    // A folder in its place cannot be read as a file: as a keyring that is locked.
    std::fs::create_dir(&file).unwrap();

    let after = shell(root.path());
    after.start().await;
    live(&after).await;
    let mut status = after
        .inside
        .lock()
        .await
        .as_ref()
        .unwrap()
        .agent
        .as_ref()
        .unwrap()
        .status();
    let waits = |status: &crate::shell_types::AgentStatus| {
        matches!(
            status,
            crate::shell_types::AgentStatus::WaitsForKeyring { .. }
        )
    };
    tokio::time::timeout(LIMIT, status.wait_for(waits))
        .await
        .unwrap()
        .unwrap();
    std::fs::remove_dir(&file).unwrap();
    std::fs::write(&file, key).unwrap();
    after.unlock_keyring().await.unwrap();
    let running = status.wait_for(|status| *status == crate::shell_types::AgentStatus::Running);
    tokio::time::timeout(LIMIT, running).await.unwrap().unwrap();
    after.stop().await;
}
