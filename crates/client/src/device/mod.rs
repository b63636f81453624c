//! A complete device: the mirror, the outbox and the connection behind one handle.

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

/// What a device needs to open.
pub struct DeviceConfig {
    /// Holds the mirror. Several processes may share it.
    pub data_dir: PathBuf,
    pub hub: LinkedHub,
    pub tokens: Arc<dyn TokenProvider>,
}

/// Why a device cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenDeviceError {
    /// The data directory cannot be created, or others can write into it.
    #[error(transparent)]
    DataDir(#[from] baton_private_files::ClaimDirError),
    #[error("the mirror cannot be opened")]
    Mirror(#[from] StoreError),
}

/// A handle to a running device. Dropping the last handle stops the device; queued intents stay in the outbox.
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
    /// Opens the mirror, which needs no network, and starts to follow the hub.
    ///
    /// # Errors
    /// If the data directory or the mirror cannot be used.
    pub async fn open(config: DeviceConfig) -> Result<Self, OpenDeviceError> {
        Self::open_with(config, Arc::new(SystemClock::default()), random_seed()).await
    }

    /// Like [`Self::open`], with the caller's clock and random seed.
    ///
    /// # Errors
    /// If the data directory or the mirror cannot be used.
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

    /// The link of this device: its hub, account and principal.
    pub fn linked(&self) -> &LinkedHub {
        &self.shared.linked
    }

    /// Queues an intent. Once this returns, the intent is durable and is sent until the hub answers.
    ///
    /// # Errors
    /// If the hub could never accept the intent, or it cannot be made durable. A stop that names its run may have reached the hub even
    /// then.
    pub async fn act(&self, log: LogId, body: CommandBody) -> Result<Intent, ActError> {
        let intents = self.act_together([(log, body)]).await?;
        intents.into_iter().next().ok_or(ActError::Closed)
    }

    /// Like [`Self::act`], under an id that the caller chose, so that another try is the same intent.
    ///
    /// # Errors
    /// If the hub could never accept the command, or it cannot be made durable.
    pub async fn act_as(&self, command: Command) -> Result<Intent, ActError> {
        let intents = self.queue(vec![command]).await?;
        intents.into_iter().next().ok_or(ActError::Closed)
    }

    /// Queues several intents atomically.
    ///
    /// # Errors
    /// If the hub could never accept one of them, or they cannot be made durable.
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

    /// Creates a session and sends its first prompt atomically: both are queued, or neither.
    ///
    /// # Errors
    /// If the hub could never accept them, or they cannot be made durable.
    pub async fn start_session(
        &self,
        session: SessionId,
        create: CreateSessionCommand,
        prompt: Option<SendPromptCommand>,
    ) -> Result<StartedSession, ActError> {
        self.start_session_and(session, create, prompt, None).await
    }

    /// Like [`Self::start_session`], with one more intent that is queued in the same transaction.
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

    /// Takes back an intent that was certainly never sent, or removes a refused one.
    ///
    /// # Errors
    /// If the intent may be at the hub, or does not exist.
    pub async fn cancel(&self, command: CommandId) -> Result<(), CancelError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Cancel { command, reply });
        answer.await.map_err(|_| CancelError::Closed)?
    }

    /// Sends an intent again at once. A refused one is queued again under a new id.
    ///
    /// # Errors
    /// If the intent does not exist.
    pub async fn retry(&self, command: CommandId) -> Result<CommandId, CancelError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Retry { command, reply });
        answer.await.map_err(|_| CancelError::Closed)?
    }

    /// The hub's answer to an earlier intent of this device, if it is known.
    ///
    /// # Errors
    /// If the mirror cannot be read.
    pub async fn receipt(&self, command: CommandId) -> Result<Option<Receipt>, StoreError> {
        let find = move |store: &mut crate::mirror::Store| store.receipt(command);
        self.shared.mirror.write(find).await
    }

    /// Reconnects at once, after a change of network or a wake-up.
    pub fn nudge(&self) {
        self.ask(Request::Nudge);
    }

    /// Searches the mirror; hits come newest first.
    ///
    /// # Errors
    /// If the mirror cannot be read.
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

    /// Opens a screen that serves `protocol::view`.
    pub fn screen(&self) -> Screen {
        Screen::new(self.clone())
    }

    /// The state of the connection.
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

    /// Intents that the hub has not answered, and refused prompts.
    pub fn outbox(&self) -> Vec<OutboxEntry> {
        self.shared.views.outbox()
    }

    /// Intents that this version cannot read and therefore does not send: a newer version queued them, or their rows are damaged.
    pub fn opaque_intents(&self) -> Vec<OpaqueIntent> {
        self.shared.views.opaque_intents()
    }

    /// Permanently discards an intent that this version cannot read.
    ///
    /// # Errors
    /// If the intent does not exist, or the outbox cannot be written.
    pub async fn discard_opaque(&self, ordinal: i64) -> Result<(), CancelError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::DiscardOpaque { ordinal, reply });
        answer.await.map_err(|_| CancelError::Closed)?
    }

    /// Whether the mirror has everything up to the hub's head in this log.
    pub fn is_caught_up(&self, log: LogId) -> bool {
        self.shared.views.is_caught_up(log)
    }

    /// A counter that increases with every change: await it, then look again.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.views.changes()
    }

    /// Reads a setting that this device stored under a name.
    ///
    /// # Errors
    /// If the mirror cannot be read.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        let get = move |store: &mut crate::mirror::Store| store.setting(&name);
        self.shared.mirror.write(get).await
    }

    /// Stores a small setting under a name.
    ///
    /// # Errors
    /// If the mirror cannot be written.
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

    /// A stopped driver answers nothing; the caller's reply channel then reports that the device is closed.
    fn ask(&self, request: Request) {
        let _ = self.shared.requests.send(request);
    }
}
