//! Backup, restore and doctor: the program against a hub's directory, with and without a hub on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use baton_hub::{AdminSocket, HubOptions};
use baton_protocol::*;
use serde_json::Value;

use crate::client::{Client, Script};
use crate::world::{Backend, World, new_session};

struct Said {
    code: i32,
    json: Value,
    error: String,
}

/// Runs `baton-hub` beside this process, and reads the JSON that it prints.
async fn run(words: &[&str], paths: &[(&str, &Path)]) -> Said {
    let mut command = process::Command::new(env!("CARGO_BIN_EXE_baton-hub"));
    command.args(words).arg("--json");
    for (name, path) in paths {
        command.arg(name).arg(path);
    }
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    Said {
        code: output.status.code().unwrap(),
        json: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        error: String::from_utf8(output.stderr).unwrap(),
    }
}

fn assert_refused(said: &Said, complaint: &str) {
    let is_refused = said.code == 1 && said.error.contains(complaint);
    assert!(is_refused, "{complaint}: {} {}", said.code, said.error);
}

async fn doctor(data: &Path) -> Said {
    run(&["doctor"], &[("--data", data)]).await
}

fn with_admin_socket() -> HubOptions {
    HubOptions {
        admin_socket: AdminSocket::Open,
        ..HubOptions::default()
    }
}

/// A session with a finished answer; the device's token and what it saw.
async fn talk(world: &World, log: LogId) -> (LinkResponse, Client) {
    let (mut runner, _) = world.runner().await;
    let linked = world.link(Role::Device, "Laptop").await;
    let mut laptop = Client::device(world.hub(), &linked.token).await;
    laptop.create(log).await;
    laptop.prompt(log, "before", Delivery::Queue).await;
    let held = runner.assigned().await;
    let mut script = Script::new();
    let writes = vec![
        script.open(),
        script.text("an ans"),
        script.text("wer"),
        script.close(PartEnd::Complete),
        script.end(),
    ];
    runner.write_acked(held, writes).await;
    laptop
        .until(log, |followed| !followed.outcomes().is_empty())
        .await;
    (linked, laptop)
}

fn prompts(client: &Client, log: LogId) -> Vec<String> {
    let texts = client.logs[&log]
        .events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::PromptSent(sent) => Some(sent.text.clone()),
            _ => None,
        });
    texts.collect()
}

/// A hub on another directory, in the place of the first one.
async fn move_to(world: &mut World, data: &Path) -> tempfile::TempDir {
    world.hub.take().unwrap().stop().await;
    // Only the path is of interest; what is in it is the restored hub's.
    let place = tempfile::tempdir_in(data.parent().unwrap()).unwrap();
    fs::remove_dir(place.path()).unwrap();
    fs::rename(data, place.path()).unwrap();
    let old = std::mem::replace(&mut world.dir, place);
    let log = world.open_log();
    let hub = baton_hub::Hub::start_with(
        world.config(),
        world.options.clone(),
        log,
        std::sync::Arc::new(baton_hub::SystemClock),
    );
    world.hub = Some(hub.await.unwrap());
    old
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_beside_a_running_hub_is_restored_and_old_cursors_match_nothing() {
    let mut world = World::start_with(Backend::Sqlite, with_admin_socket()).await;
    let log = new_session();
    let (linked, mut laptop) = talk(&world, log).await;
    let mark = rename(log, "kept");
    let receipt = laptop.repeat(&mark).await;
    let place = tempfile::tempdir().unwrap();
    let (file, restored) = (place.path().join("backup"), place.path().join("restored"));

    // It goes on while the backup is made.
    let paths = [("--data", world.dir.path()), ("--to", &*file)];
    let backup = run(&["backup"], &paths);
    let chatter = async {
        for n in 0..20 {
            laptop
                .prompt(log, &format!("meanwhile {n}"), Delivery::Queue)
                .await;
        }
    };
    let (made, ()) = tokio::join!(backup, chatter);
    assert_eq!(
        (made.code, &made.json["sessions"]),
        (0, &1.into()),
        "{}",
        made.error
    );
    laptop.prompt(log, "after", Delivery::Queue).await;
    let again = run(
        &["backup"],
        &[("--data", world.dir.path()), ("--to", &file)],
    )
    .await;
    assert_refused(&again, "is there already");

    let done = run(&["restore"], &[("--from", &file), ("--data", &restored)]).await;
    assert_eq!(done.code, 0, "{}", done.error);
    let refused = run(&["restore"], &[("--from", &file), ("--data", &restored)]).await;
    assert_refused(&refused, "is not empty");
    let names: Vec<_> = fs::read_dir(place.path()).unwrap().collect();
    assert_eq!(names.len(), 2, "nothing half-made is left: {names:?}");

    let seen = prompts(&laptop, log);
    let old_cursor = laptop.logs[&log].cursor.unwrap();
    let _old = move_to(&mut world, &restored).await;
    let mut back = Client::device(world.hub(), &linked.token).await;
    back.send(&ClientFrame::Subscribe {
        newest_chars: None,
        state_format: None,
        log,
        cursor: Some(old_cursor),
    })
    .await;
    let incarnation = back
        .take(|frame| match frame {
            HubFrame::Missing {
                log: of,
                incarnation,
            } if *of == log => Some(*incarnation),
            _ => None,
        })
        .await;
    assert!(incarnation.is_some_and(|new| new != old_cursor.incarnation));
    assert_eq!(back.repeat(&mark).await, receipt, "a receipt is for ever");
    back.follow(log).await;
    back.until(log, |followed| followed.level).await;
    let kept = prompts(&back, log);
    assert!(seen.starts_with(&kept) && kept[0] == "before", "{kept:?}");
    assert!(!kept.contains(&"after".to_owned()));
    assert_eq!(back.logs[&log].text(), "an answer");
}

fn rename(log: LogId, title: &str) -> Command {
    Command {
        only_if: None,
        id: CommandId::mint(),
        log,
        body: CommandBody::RenameSession(RenameSessionCommand {
            title: title.into(),
        }),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_at_rest_is_backed_up_too_and_a_damaged_backup_restores_nothing() {
    let mut world = World::start_with(Backend::Sqlite, with_admin_socket()).await;
    talk(&world, new_session()).await;
    world.hub.take().unwrap().stop().await;
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("backup");
    let made = run(
        &["backup"],
        &[("--data", world.dir.path()), ("--to", &file)],
    )
    .await;
    assert_eq!(made.code, 0, "{}", made.error);
    let whole = fs::read(&file).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let restored = place.path().join("restored");
    for (content, complaint) in [
        (&damaged[..], "is damaged"),
        (b"something else", "no backup"),
    ] {
        fs::write(&file, content).unwrap();
        let refused = run(&["restore"], &[("--from", &file), ("--data", &restored)]).await;
        assert!(
            refused.code == 1 && refused.error.contains(complaint),
            "{}",
            refused.error
        );
        assert!(!restored.exists());
    }
    let nothing = tempfile::tempdir().unwrap();
    let refused = run(
        &["backup"],
        &[
            ("--data", nothing.path()),
            ("--to", &place.path().join("b")),
        ],
    )
    .await;
    assert!(
        refused.code == 1 && refused.error.contains("no hub in"),
        "{}",
        refused.error
    );
}

/// As a hub makes its directory; the one that these tests stand on is the test's.
fn make_private(data: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(data, fs::Permissions::from_mode(0o700)).unwrap();
}

fn problems(said: &Said) -> Vec<&str> {
    let findings = said.json["findings"].as_array().unwrap();
    let bad = findings
        .iter()
        .filter(|finding| finding["level"] == "problem");
    bad.map(|finding| {
        assert!(
            finding["advice"].is_string(),
            "a problem says what to do: {finding}"
        );
        finding["check"].as_str().unwrap()
    })
    .collect()
}

/// Every file of a directory with its content and mode, but for the lock files.
fn everything_in(data: &Path) -> Vec<(PathBuf, Vec<u8>, u32)> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut all = Vec::new();
    for directory in [data.to_owned(), data.join("log")] {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            let content = if path.is_file() {
                fs::read(&path).unwrap()
            } else {
                Vec::new()
            };
            all.push((path, content, mode));
        }
    }
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_finds_nothing_wrong_and_changes_nothing() {
    let mut world = World::start_with(Backend::Sqlite, with_admin_socket()).await;
    talk(&world, new_session()).await;
    make_private(world.dir.path());
    let beside = doctor(world.dir.path()).await;
    assert_eq!(problems(&beside), [] as [&str; 0], "{}", beside.json);
    assert!(beside.json.to_string().contains("it runs and answers"));
    world.hub.take().unwrap().stop().await;
    let before = everything_in(world.dir.path());
    let at_rest = doctor(world.dir.path()).await;
    assert_eq!(problems(&at_rest), [] as [&str; 0], "{}", at_rest.json);
    assert!(
        [0, 10].contains(&at_rest.code),
        "{}: a small disk is a warning",
        at_rest.code
    );
    assert!(at_rest.json.to_string().contains("every log folds"));
    assert_eq!(everything_in(world.dir.path()), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_the_application_made_is_found_by_every_command() {
    let mut world = World::start_with(Backend::Sqlite, with_admin_socket()).await;
    talk(&world, new_session()).await;
    world.hub.take().unwrap().stop().await;
    let data = world.dir.path().to_owned();
    make_private(&data);
    fs::rename(data.join("log"), data.join("log.db")).unwrap();
    let seen = doctor(&data).await;
    assert_eq!(problems(&seen), [] as [&str; 0], "{}", seen.json);
    assert!(seen.json.to_string().contains("1 sessions"));
    assert!(data.join("log.db").is_dir(), "the doctor changes nothing");
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("backup");
    let made = run(&["backup"], &[("--data", &data), ("--to", &file)]).await;
    assert_eq!(
        (made.code, &made.json["sessions"]),
        (0, &1.into()),
        "{}",
        made.error
    );
    assert!(data.join("log").is_dir() && !data.join("log.db").exists());

    // Which of two logs is the hub's is for a person to say.
    fs::create_dir(data.join("log.db")).unwrap();
    for entry in fs::read_dir(data.join("log")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), data.join("log.db").join(entry.file_name())).unwrap();
    }
    let again = place.path().join("again");
    let refused = run(&["backup"], &[("--data", &data), ("--to", &again)]).await;
    assert_refused(&refused, "both hold conversations");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_names_what_is_wrong() {
    use std::os::unix::fs::PermissionsExt as _;
    let empty = tempfile::tempdir().unwrap();
    let nothing = doctor(empty.path()).await;
    assert_eq!((nothing.code, problems(&nothing)), (20, vec!["hub"]));

    let mut world = World::start_with(Backend::Sqlite, with_admin_socket()).await;
    let log = new_session();
    talk(&world, log).await;
    world.hub.take().unwrap().stop().await;
    let data = world.dir.path().to_owned();
    make_private(&data);
    let credentials = data.join("credentials.db");
    fs::set_permissions(&credentials, fs::Permissions::from_mode(0o644)).unwrap();
    let open = doctor(&data).await;
    assert_eq!((open.code, problems(&open)), (20, vec!["rights"]));
    fs::set_permissions(&credentials, fs::Permissions::from_mode(0o600)).unwrap();

    fs::write(data.join("tls-key.pem"), "no key").unwrap();
    fs::set_permissions(data.join("tls-key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    let keyless = doctor(&data).await;
    assert!(keyless.code == 20 && problems(&keyless).contains(&"certificate"));
    fs::remove_file(data.join("tls-key.pem")).unwrap();

    // A word of an answer that was recorded is another one now: only the run's digest can tell.
    damage(
        &data,
        "UPDATE arrivals SET event = replace(event, 'an ans', 'no ans')",
    );
    let changed = doctor(&data).await;
    assert_eq!(
        (changed.code, problems(&changed)),
        (20, vec!["logs"]),
        "{}",
        changed.json
    );
    assert!(
        changed.json.to_string().contains("digest"),
        "{}",
        changed.json
    );
    damage(
        &data,
        "UPDATE arrivals SET event = replace(event, 'no ans', 'an ans')",
    );
    assert_eq!(problems(&doctor(&data).await), [] as [&str; 0]);

    damage(&data, "UPDATE receipts SET seq = seq + 1000");
    assert_eq!(problems(&doctor(&data).await).first(), Some(&"logs"));
    damage(&data, "UPDATE receipts SET seq = seq - 1000");
    tear_a_page(&data.join("log/log.sqlite"));
    let torn = doctor(&data).await;
    assert!(
        torn.code == 20 && problems(&torn).contains(&"logs"),
        "{}",
        torn.json
    );
}

fn damage(data: &Path, sql: &str) {
    let database = rusqlite::Connection::open(data.join("log/log.sqlite")).unwrap();
    assert!(database.execute(sql, []).unwrap() > 0, "{sql}");
}

fn tear_a_page(database: &Path) {
    let mut bytes = fs::read(database).unwrap();
    let page = bytes.len() - 4096;
    bytes[page..page + 512].fill(0xa5);
    fs::write(database, bytes).unwrap();
}
