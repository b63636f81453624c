//! What a test of a growing answer begins with: a session, its first prompt, and a runner that has opened the answer's first part.

use baton_protocol::{Delivery, LogId, RunWriteEntry};

use crate::client::{Assigned, Client, Script};
use crate::world::{Runner, World, new_session};

pub struct Answering {
    pub laptop: Client,
    pub runner: Client,
    /// What the runner needs to come back.
    pub linked: Runner,
    pub session: LogId,
    pub held: Assigned,
    pub script: Script,
}

impl Answering {
    pub async fn begin(world: &World) -> Self {
        let (mut runner, linked) = world.runner().await;
        let mut laptop = world.device("Laptop").await;
        let session = new_session();
        laptop.create(session).await;
        laptop.prompt(session, "hello?", Delivery::Queue).await;
        let held = runner.assigned().await;
        let mut script = Script::new();
        runner.write_acked(held, vec![script.open()]).await;
        Self {
            laptop,
            runner,
            linked,
            session,
            held,
            script,
        }
    }

    /// A piece of the answer, acknowledged.
    pub async fn write_text(&mut self, text: &str) {
        let entry = self.script.text(text);
        self.write_acked(vec![entry]).await;
    }

    pub async fn write_acked(&mut self, entries: Vec<RunWriteEntry>) {
        self.runner.write_acked(self.held, entries).await;
    }
}
