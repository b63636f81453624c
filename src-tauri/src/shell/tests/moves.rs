//! *Move to another hub*: afterwards everything is there exactly once, however often the move was interrupted.

use baton_protocol::{
    AgentId, CommandBody, CreateSessionCommand, Delivery, LogId, PinSessionCommand,
    SendPromptCommand,
};

use super::*;

fn prompt(text: &str) -> SendPromptCommand {
    SendPromptCommand {
        text: text.to_owned(),
        delivery: Delivery::Queue,
        run: None,
    }
}

async fn begin(device: &Device, title: &str) -> SessionId {
    let agent = eventually(LIMIT, "an agent", || async {
        device
            .account()
            .agents
            .first()
            .map(|offered| offered.agent.id.clone())
    })
    .await;
    begin_with(device, title, agent).await
}

async fn begin_with(device: &Device, title: &str, agent: AgentId) -> SessionId {
    let session = SessionId::mint();
    let create = CreateSessionCommand {
        agent,
        runner: None,
        title: Some(title.to_owned()),
    };
    let started = device
        .start_session(session, create, Some(prompt(&format!("say {title}"))))
        .await;
    started.unwrap();
    session
}

/// Waits until the session's answer is on the device and in its account's list.
async fn answered(device: &Device, session: SessionId) {
    eventually(LIMIT, "an answer", || async {
        let seen = device.session(session).await.unwrap()?;
        let listed = device
            .sessions()
            .into_iter()
            .any(|row| row.session == session);
        (seen.last_outcome.is_some() && seen.run.is_none() && listed).then_some(())
    })
    .await;
}

/// Returns what a person sees: the titles and the drafts, each sorted.
fn shown(device: &Device) -> (Vec<String>, Vec<String>) {
    let mut titles: Vec<String> = device.sessions().into_iter().map(|row| row.title).collect();
    titles.sort();
    let drafts = device.drafts().into_iter();
    let drafts = drafts.map(|draft| draft.unsent.map_or(draft.text, |unsent| unsent.text));
    let mut drafts: Vec<String> = drafts.filter(|text| !text.is_empty()).collect();
    drafts.sort();
    (titles, drafts)
}

async fn moved(shell: &Shell) {
    eventually(LIMIT, "the end of the move", || async {
        let status = shell.status().moving;
        if let Some(problem) = status.and_then(|status| status.problem) {
            panic!("the move stands still: {problem}");
        }
        shell
            .record
            .settings()
            .unwrap()
            .moves
            .is_empty()
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_is_interrupted_after_each_session_brings_everything_once() {
    let root = TempDir::new().unwrap();
    let model = FakeModel::start().await;
    let b = TestHub::start(root.path(), "b").await;
    let before = shell(root.path());
    model.reply_to_the_rest(baton_testkit::Reply::text("water and the moon"));
    let device = start_here(&before, &model).await;
    let mut sessions = Vec::new();
    for title in ["tides", "moons", "shores"] {
        let session = begin(&device, title).await;
        answered(&device, session).await;
        sessions.push(session);
    }
    let draft = device
        .save_draft(SessionId::mint(), "begun".into(), None)
        .await;
    draft.unwrap().outcome().await;
    let pin = PinSessionCommand {
        session: sessions[1],
        pinned: true,
    };
    let account = LogId::Account(device.linked().account);
    let pinned = device.act(account, CommandBody::PinSession(pin)).await;
    pinned.unwrap().outcome().await;
    let expected = shown(&device);
    let texts = model.request_count();
    drop(device);

    // The hub inside is down when the last prompt is written, so the prompt waits on this device alone.
    before.stop().await;
    let (held, _) = profile(root.path());
    let claim = baton_hub::DataDirClaim::take(&held.hub_folder()).unwrap();
    let away = shell(root.path());
    away.start().await;
    let device = away.device().unwrap();
    let unsent = device.act(
        LogId::Session(sessions[0]),
        CommandBody::SendPrompt(prompt("unsent?")),
    );
    let unsent = unsent.await.unwrap().command;
    drop(device);
    let link = b.link().await;
    away.link(&link, "Laptop", LeavingChoice::Move)
        .await
        .unwrap();
    drop(claim);

    // The move is killed after each session, and once more at the very end.
    let mut at = away;
    for stop_at in 0..=3 {
        let look = eventually(LIMIT, "progress", || async {
            let status = at.status().moving;
            let is_over = at.record.settings().unwrap().moves.is_empty();
            (is_over || status.is_some_and(|status| status.moved >= stop_at)).then_some(())
        });
        look.await;
        at.stop().await;
        drop(at);
        at = shell(root.path());
        at.start().await;
    }
    let device = live(&at).await;
    moved(&at).await;
    eventually(LIMIT, "everything at the new hub", || async {
        (shown(&device) == expected).then_some(())
    })
    .await;
    eventually(
        LIMIT,
        "the unsent prompt in the queue there, once",
        || async {
            let session = device.session(sessions[0]).await.unwrap()?;
            let waiting: Vec<_> = session.queue.iter().map(|prompt| prompt.prompt.0).collect();
            (waiting == [unsent]).then_some(())
        },
    )
    .await;
    assert_eq!(model.request_count(), texts, "nothing was asked again");
    assert!(held.hub_folder().join("log").is_dir(), "the old data stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_moves_while_an_answer_is_being_written() {
    let root = TempDir::new().unwrap();
    let model = FakeModel::start().await;
    let b = TestHub::start(root.path(), "b").await;
    let here = shell(root.path());
    let device = start_here(&here, &model).await;
    model.reply_to_the_rest(baton_testkit::Reply::text("held for long").hold_after(1));
    begin(&device, "tides").await;
    model.wait_request(0).await;
    eventually(LIMIT, "a run", || async {
        (here.sessions_at_work().await > 0).then_some(())
    })
    .await;
    let refused = here
        .link(&b.link().await, "Laptop", LeavingChoice::Move)
        .await;
    assert!(refused.unwrap_err().message.contains("being written"));
    assert_eq!(live(&here).await.linked().account, device.linked().account);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_of_an_earlier_version_keeps_its_conversations() {
    let root = TempDir::new().unwrap();
    let model = FakeModel::start().await;
    let before = shell(root.path());
    let device = start_here(&before, &model).await;
    let session = begin(&device, "tides").await;
    answered(&device, session).await;
    drop(device);
    before.stop().await;
    let (profile, _) = profile(root.path());
    let folder = profile.hub_folder();
    std::fs::rename(folder.join("log"), folder.join("log.db")).unwrap();
    let after = shell(root.path());
    after.start().await;
    assert_eq!(after.status().hub_problem, None);
    let device = live(&after).await;
    let kept = device.session(session).await.unwrap();
    assert!(kept.is_some(), "the hub has it, and the device keeps it");
    assert!(folder.join("log").is_dir() && !folder.join("log.db").exists());
}
