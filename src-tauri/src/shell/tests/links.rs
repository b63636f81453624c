//! Links a profile back and forth between two hubs, and kills it at every step of a link.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_goes_to_another_hub_and_back_and_finds_what_it_left() {
    let root = TempDir::new().unwrap();
    let a = TestHub::start(root.path(), "a").await;
    let b = TestHub::start(root.path(), "b").await;
    let account = a.hub.account();
    let shell = shell(root.path());
    shell.start().await;
    assert_eq!(shell.status().state, ShellPhase::NeedsStart);

    shell
        .link(&a.link().await, "Laptop", LeavingChoice::Leave)
        .await
        .unwrap();
    let device = live(&shell).await;
    let session = SessionId::mint();
    let draft = device.save_draft(session, "begun at a".into(), None).await;
    draft.unwrap().outcome().await;
    let seen = eventually(LIMIT, "the draft in the mirror", || async {
        let draft = device.drafts().into_iter().next()?;
        draft.unsent.is_none().then_some(draft.seq)
    })
    .await;
    // The draft's next version stays unsent: the hub is down.
    let mut folder = a.stop().await;
    let unsent = device.save_draft(session, "unsent at a".into(), Some(seen));
    drop((unsent.await.unwrap(), device));

    for round in 0..2 {
        shell
            .link(&b.link().await, "Laptop", LeavingChoice::Leave)
            .await
            .unwrap();
        let device = live(&shell).await;
        assert_eq!(device.linked().account, b.hub.account(), "round {round}");
        assert_eq!(device.drafts(), [], "another account's draft is not shown");
        drop(device);

        let a = TestHub::start_at(folder, 0).await;
        shell
            .link(&a.link().await, "Laptop", LeavingChoice::Leave)
            .await
            .unwrap();
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
    let again = super::shell(root.path());
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
        first
            .link(&a.link().await, "Laptop", LeavingChoice::Leave)
            .await
            .unwrap();
        first.stop().await;

        let disk = DyingDisk::after(step);
        let killed = shell_on(&root, disk.clone());
        killed.start().await;
        let linked = killed
            .link(&b.link().await, "Laptop", LeavingChoice::Leave)
            .await;
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
    before
        .link(&a.link().await, "Laptop", LeavingChoice::Leave)
        .await
        .unwrap();
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
    after
        .link(&a.link().await, "Laptop", LeavingChoice::Leave)
        .await
        .unwrap();
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
    before
        .link(&a.link().await, "Laptop", LeavingChoice::Leave)
        .await
        .unwrap();
    let device = live(&before).await;
    let draft = device
        .save_draft(SessionId::mint(), "kept".into(), None)
        .await;
    draft.unwrap().outcome().await;
    drop(device);
    before.stop().await;

    // Recreates a profile of version 0.1: the link in the device's folder, the token in a slot without a name of its own.
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
