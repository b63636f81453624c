//! A device, whole: the mirror, the outbox and the line behind one handle.

mod answer;
mod catching_up;
mod drafts;
mod driver;
mod intents;
mod outbox;
mod overview;
mod receipts;
mod tail;
pub(crate) mod trail;
mod whole;

use std::path::PathBuf;
use std::sync::Arc;

use baton_protocol::view::{AccountView, ConnectionView, SessionRow};
use baton_protocol::{
    Command, CommandBody, CommandId, CreateSessionCommand, LogId, Receipt, SendPromptCommand,
    SessionId,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::linked_hub::{LinkedHub, private_dir};
use crate::mirror::{Mirror, OpaqueIntent, OutboxEntry, SearchFound, StoreError};
use crate::system::{Clock, SystemClock, random_seed};
use crate::token::TokenProvider;
use crate::view::{Screen, Views};

pub use answer::{AnswerItem, AnswerReader, PartTexts};
pub use intents::{ActError, CancelError, Intent, IntentOutcome, StartedSession};
pub use overview::{Follow, SessionOverview};
pub use tail::{SessionAtEnd, Tail, TailItem, TailStart};

use driver::{Driver, Request};

/// What a device needs.
pub struct DeviceConfig {
    /// Where the mirror is kept. Several processes may share it.
    pub data_dir: PathBuf,
    /// What the device is linked to.
    pub hub: LinkedHub,
    /// Where the token comes from.
    pub tokens: Arc<dyn TokenProvider>,
}

/// The device cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenDeviceError {
    /// The data directory cannot be made, or others can write into it.
    #[error(transparent)]
    DataDir(#[from] baton_private_files::ClaimDirError),
    /// The mirror cannot be opened.
    #[error("the mirror cannot be opened")]
    Mirror(#[from] StoreError),
}

/// A handle to a running device. The last one that goes ends it; what was queued stays in the outbox.
#[derive(Clone)]
pub struct Device {
    shared: Arc<Shared>,
}

struct Shared {
    mirror: Mirror,
    views: Arc<Views>,
    requests: mpsc::UnboundedSender<Request>,
    linked: LinkedHub,
    driver: JoinHandle<()>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Device {
    /// Opens the mirror, which needs no network, and begins to follow the hub.
    ///
    /// # Errors
    /// Where the data directory or the mirror cannot be used.
    pub async fn open(config: DeviceConfig) -> Result<Self, OpenDeviceError> {
        Self::open_with(config, Arc::new(SystemClock::default()), random_seed()).await
    }

    /// The same with a clock and a seed of the caller's.
    ///
    /// # Errors
    /// Where the data directory or the mirror cannot be used.
    pub async fn open_with(
        config: DeviceConfig,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, OpenDeviceError> {
        private_dir(&config.data_dir)?;
        let views = Arc::new(Views::new(config.hub.clone()));
        let path = config.data_dir.join("mirror.db");
        let (mirror, lost) = Mirror::open(path, config.hub.account, views.clone()).await?;
        let (requests, inbox) = mpsc::unbounded_channel();
        let driver = Driver::prepare(
            config.hub.clone(),
            config.tokens,
            (mirror.clone(), lost),
            views.clone(),
            clock,
            seed,
        )
        .await?;
        let driver = tokio::spawn(driver.run_watched(inbox));
        Ok(Self {
            shared: Arc::new(Shared {
                mirror,
                views,
                requests,
                linked: config.hub,
                driver,
            }),
        })
    }

    /// What this device is linked to.
    pub fn linked(&self) -> &LinkedHub {
        &self.shared.linked
    }

    /// Queues an intent. When this returns it is durable, and will be sent until the hub answers.
    ///
    /// # Errors
    /// Where it could never be accepted, or cannot be made durable. A stop that names its run may have reached the hub all the same.
    pub async fn act(&self, log: LogId, body: CommandBody) -> Result<Intent, ActError> {
        let intents = self.act_together([(log, body)]).await?;
        intents.into_iter().next().ok_or(ActError::Closed)
    }

    /// The same under an id that the caller chose, so that trying again is the same intent.
    ///
    /// # Errors
    /// Where it could never be accepted, or cannot be made durable.
    pub async fn act_as(&self, command: Command) -> Result<Intent, ActError> {
        let intents = self.queue(vec![command]).await?;
        intents.into_iter().next().ok_or(ActError::Closed)
    }

    /// Queues intents as one step: all of them, or none.
    ///
    /// # Errors
    /// Where one of them could never be accepted, or they cannot be made durable.
    pub(crate) async fn act_together(
        &self,
        intents: impl IntoIterator<Item = (LogId, CommandBody)>,
    ) -> Result<Vec<Intent>, ActError> {
        let commands = intents.into_iter().map(|(log, body)| Command {
            only_if: None,
            id: CommandId::mint(),
            log,
            body,
        });
        self.queue(commands.collect()).await
    }

    /// Creates a session and sends its first prompt, as one step: both are queued, or none.
    ///
    /// # Errors
    /// Where they could never be accepted, or cannot be made durable.
    pub async fn start_session(
        &self,
        session: SessionId,
        create: CreateSessionCommand,
        prompt: Option<SendPromptCommand>,
    ) -> Result<StartedSession, ActError> {
        self.start_session_and(session, create, prompt, None).await
    }

    /// The same with something else that must not be done without it, nor it without that.
    pub(crate) async fn start_session_and(
        &self,
        session: SessionId,
        create: CreateSessionCommand,
        prompt: Option<SendPromptCommand>,
        also: Option<(LogId, CommandBody)>,
    ) -> Result<StartedSession, ActError> {
        let has_prompt = prompt.is_some();
        let log = LogId::Session(session);
        let create = CommandBody::CreateSession(create);
        let prompt = prompt.map(CommandBody::SendPrompt);
        let begins = std::iter::once(create).chain(prompt);
        let intents = begins.map(|body| (log, body)).chain(also);
        let mut intents = self.act_together(intents).await?.into_iter();
        Ok(StartedSession {
            create: intents.next().ok_or(ActError::Closed)?,
            prompt: intents.next().filter(|_| has_prompt),
        })
    }

    async fn queue(&self, commands: Vec<Command>) -> Result<Vec<Intent>, ActError> {
        for command in &commands {
            intents::check(command).map_err(ActError::Invalid)?;
        }
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Queue { commands, reply });
        answer.await.map_err(|_| ActError::Closed)?
    }

    /// Takes an intent back that surely was never sent, or forgets one that was refused.
    ///
    /// # Errors
    /// Where it may be at the hub, or is not there.
    pub async fn cancel(&self, command: CommandId) -> Result<(), CancelError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Cancel { command, reply });
        answer.await.map_err(|_| CancelError::Closed)?
    }

    /// Tries an intent again at once. One that was refused is queued anew, under a new id.
    ///
    /// # Errors
    /// Where it is not there.
    pub async fn retry(&self, command: CommandId) -> Result<CommandId, CancelError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Retry { command, reply });
        answer.await.map_err(|_| CancelError::Closed)?
    }

    /// The hub's answer to an earlier intent of this device, where it is known.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub async fn receipt(&self, command: CommandId) -> Result<Option<Receipt>, StoreError> {
        let find = move |store: &mut crate::mirror::Store| store.receipt(command);
        self.shared.mirror.write(find).await
    }

    /// The network changed or the machine woke: the line is made anew at once.
    pub fn nudge(&self) {
        self.ask(Request::Nudge);
    }

    /// Finds text in the mirror, newest first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub async fn search(&self, query: &str, limit: u32) -> Result<SearchFound, StoreError> {
        let mut found = self.shared.mirror.search(query.to_owned(), limit).await?;
        for hit in &mut found.hits {
            hit.title = self.shared.views.session_title(hit.session);
        }
        Ok(found)
    }

    /// Follows a log's events.
    pub fn tail(&self, log: LogId, start: TailStart) -> Tail {
        Tail::new(self.clone(), log, start)
    }

    /// A screen that serves `protocol::view`.
    pub fn screen(&self) -> Screen {
        Screen::new(self.clone())
    }

    /// The state of the line.
    pub fn connection(&self) -> ConnectionView {
        self.shared.views.connection()
    }

    /// The account as the mirror has it.
    pub fn account(&self) -> AccountView {
        self.shared.views.account()
    }

    /// The sessions list as the mirror has it.
    pub fn sessions(&self) -> Vec<SessionRow> {
        self.shared.views.session_rows()
    }

    /// Intents that the hub has not answered, and prompts that it refused.
    pub fn outbox(&self) -> Vec<OutboxEntry> {
        self.shared.views.outbox()
    }

    /// Intents that this version cannot read, and does not send: a newer one queued them, or their rows are damaged.
    pub fn opaque_intents(&self) -> Vec<OpaqueIntent> {
        self.shared.views.opaque_intents()
    }

    /// Discards an intent that this version cannot read, for good.
    ///
    /// # Errors
    /// Where it is not there, or the outbox cannot be written.
    pub async fn discard_opaque(&self, ordinal: i64) -> Result<(), CancelError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::DiscardOpaque { ordinal, reply });
        answer.await.map_err(|_| CancelError::Closed)?
    }

    /// Whether the mirror stands at the hub's head in this log.
    pub fn is_caught_up(&self, log: LogId) -> bool {
        self.shared.views.is_caught_up(log)
    }

    /// Counts up whenever anything changes: wait for it, then look again.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.views.changes()
    }

    /// What this device remembers under a name.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        let get = move |store: &mut crate::mirror::Store| store.setting(&name);
        self.shared.mirror.write(get).await
    }

    /// Remembers something small under a name.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        let set = move |store: &mut crate::mirror::Store| store.set_setting(&name, &value);
        self.shared.mirror.write(set).await
    }

    pub(crate) fn views(&self) -> &Arc<Views> {
        &self.shared.views
    }

    pub(crate) fn mirror(&self) -> &Mirror {
        &self.shared.mirror
    }

    pub(crate) fn want(&self, log: LogId) {
        self.ask(Request::Want(log));
    }

    pub(crate) fn want_history(&self, log: LogId) {
        self.ask(Request::WantHistory(log));
    }

    pub(crate) fn unwant(&self, log: LogId) {
        self.ask(Request::Unwant(log));
    }

    /// A driver that is gone answers nothing; whoever waits for it hears that the device is closed.
    fn ask(&self, request: Request) {
        let _ = self.shared.requests.send(request);
    }
}
