//! The hub and the agent inside the application.

use super::*;
use crate::shell_types::AgentStatus;

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

    // Another program takes the port, and another process holds the hub's folder.
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
    let running = agent.wait_for(|status| *status == AgentStatus::Running);
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
    // A folder in the file's place cannot be read, like a locked keyring.
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
    let waits = |status: &AgentStatus| matches!(status, AgentStatus::WaitsForKeyring { .. });
    tokio::time::timeout(LIMIT, status.wait_for(waits))
        .await
        .unwrap()
        .unwrap();
    std::fs::remove_dir(&file).unwrap();
    std::fs::write(&file, key).unwrap();
    after.unlock_keyring().await.unwrap();
    let running = status.wait_for(|status| *status == AgentStatus::Running);
    tokio::time::timeout(LIMIT, running).await.unwrap().unwrap();
    after.stop().await;
}
