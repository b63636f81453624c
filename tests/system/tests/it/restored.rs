//! A hub that is restored from a backup, and a device that was ahead of the backup.

use std::path::Path;
use std::sync::Arc;

use baton_client::{DeviceConfig, IntentOutcome, LinkedHub, TailItem, TailStart, TokenInMemory};
use baton_protocol::*;
use baton_testkit::{FakeModel, Reply};

use crate::stage::*;

type RealDevice = baton_client::Device;

async fn open(hub: &Hub, directory: &Path, name: &str) -> RealDevice {
    let code: LinkCode = hub.link("device").await.parse().expect("a link");
    let linked = baton_client::link(&code, name).await.expect("links");
    let config = DeviceConfig {
        data_dir: directory.to_owned(),
        hub: LinkedHub {
            hub: code.hub,
            account: linked.account,
            principal: linked.principal,
            hub_name: linked.hub_name,
        },
        tokens: Arc::new(TokenInMemory(linked.token)),
    };
    RealDevice::open(config).await.expect("opens")
}

/// Sends a prompt and waits for the receipt.
async fn say(device: &RealDevice, log: LogId, text: &str) {
    let prompt = CommandBody::SendPrompt(SendPromptCommand {
        run: None,
        text: text.to_owned(),
        delivery: Delivery::Queue,
    });
    let intent = device.act(log, prompt).await.expect("durable");
    let outcome = intent.outcome().await;
    assert!(matches!(outcome, IntentOutcome::Answered(_)), "{outcome:?}");
}

/// A reader of a device's mirror.
struct Reader {
    tail: baton_client::Tail,
    prompts: Vec<String>,
    restarts: usize,
}

impl Reader {
    fn of(device: &RealDevice, log: LogId) -> Self {
        Self {
            tail: device.tail(log, TailStart::After(Seq::ZERO)),
            prompts: Vec::new(),
            restarts: 0,
        }
    }

    /// Reads until the prompts are these and the mirror is level with the hub.
    async fn until(&mut self, wanted: &[&str]) {
        let mut is_level = false;
        let reading = async {
            while !(is_level && self.prompts == wanted) {
                match self.tail.next().await.expect("the mirror can be read") {
                    TailItem::Event(event) => {
                        is_level = false;
                        if let EventBody::PromptSent(sent) = event.body {
                            self.prompts.push(sent.text);
                        }
                    }
                    TailItem::AtEnd(end) => is_level = end.caught_up,
                    TailItem::Deleted => panic!("nobody deleted it"),
                    TailItem::Restarted => {
                        self.restarts += 1;
                        self.prompts.clear();
                    }
                }
            }
        };
        let waited = tokio::time::timeout(LIMIT, reading).await;
        assert!(waited.is_ok(), "wanted {wanted:?}, saw {:?}", self.prompts);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_ahead_of_the_backup_notices_and_rebuilds_its_mirror() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, restored) = (folder.path().join("backup"), folder.path().join("restored"));
    let mut hub = Hub::start().await;
    let device = open(&hub, &folder.path().join("laptop"), "Laptop").await;
    let session = SessionId::mint();
    let log = LogId::Session(session);
    let create = CreateSessionCommand {
        agent: AgentId("assistant".to_owned()),
        runner: None,
        title: None,
    };
    let begun = device.start_session(session, create, None).await;
    begun.expect("durable").create.outcome().await;
    say(&device, log, "before").await;
    let mut reader = Reader::of(&device, log);
    reader.until(&["before"]).await;

    let made = hub.backup(&file).await;
    assert_eq!(made.code, 0, "{made:?}");
    say(&device, log, "after").await;
    reader.until(&["before", "after"]).await;

    hub.kill_9().await;
    let back = hub.restore(&file, &restored).await;
    assert_eq!(back.code, 0, "{back:?}");
    hub.data = restored;
    hub.run().await;

    reader.until(&["before"]).await;
    assert_eq!(reader.restarts, 1, "the mirror was read anew, once");
    say(&device, log, "later").await;
    reader.until(&["before", "later"]).await;
    let desk = open(&hub, &folder.path().join("desk"), "Desk").await;
    Reader::of(&desk, log).until(&["before", "later"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_which_the_backup_has_only_the_beginning_comes_to_an_end() {
    let model = FakeModel::start().await;
    let text = long_text(2_000);
    model.reply(Reply::text(text.clone()).deltas_per_second(60.0));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (file, restored) = (folder.path().join("backup"), folder.path().join("restored"));
    let mut hub = Hub::start().await;
    let _runner = Runner::start(&hub, &model.base_url()).await;
    let a = Device::link(&hub, "Laptop").await;
    let session = a.new_session("Why?").await;
    let on_a = a.tail(&session);
    on_a.wait_text(100).await;
    let made = hub.backup(&file).await;
    assert_eq!(made.code, 0, "{made:?}");
    on_a.wait_text(600).await;
    hub.kill_9().await;
    let back = hub.restore(&file, &restored).await;
    assert_eq!(back.code, 0, "{back:?}");
    hub.data = restored;
    hub.run().await;

    let desk = Device::link(&hub, "Desk").await;
    let late = desk.tail(&session);
    let end = late.wait_end(0).await;
    assert!(
        matches!(end.outcome, RunOutcome::Failed { .. }),
        "what the hub had and has no more cannot be written again: {end:?}"
    );
    let kept = answer(&late.events());
    assert!(text.starts_with(&kept) && kept.len() < text.len());
}
