//! One screen: it takes requests and returns frames.

use std::sync::Arc;
use std::time::Duration;

use baton_protocol::view::{SentDraft, ViewFrame, ViewId, ViewRequest, ViewResponse};
use baton_protocol::{
    CommandBody, CreateSessionCommand, Delivery, ErrorBody, ErrorCode, LogId, MarkReadCommand,
    SendPromptCommand, Seq, SessionId,
};
use tokio::sync::Notify;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::session_view::SessionView;
use crate::device::{ActError, CancelError, Device};
use crate::limits::{ROWS_PER_REQUEST_MAX, VIEW_FRAME_INTERVAL_MS};
use crate::mirror::{SearchFound, StoreError};

/// A window, a browser tab or a terminal that follows views, until it is dropped.
///
/// Requests and frames are independent: one task may send requests while another takes frames.
pub struct Screen {
    device: Device,
    id: u64,
    wake: Arc<Notify>,
    pace: tokio::sync::Mutex<Interval>,
}

impl Screen {
    pub(crate) fn new(device: Device) -> Self {
        let (id, wake) = device.views().add_screen();
        let mut pace = interval(Duration::from_millis(VIEW_FRAME_INTERVAL_MS));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            device,
            id,
            wake,
            pace: tokio::sync::Mutex::new(pace),
        }
    }

    /// Waits until something changes, and returns all changes since the last frame. At most one frame per [`VIEW_FRAME_INTERVAL_MS`].
    ///
    /// Cancel safe: a cancelled call loses no frame.
    pub async fn next_frame(&self) -> ViewFrame {
        let mut pace = self.pace.lock().await;
        pace.tick().await;
        loop {
            for (view, session, rows) in self.device.views().stale(self.id) {
                if let Err(error) = self.fill(view, session, rows).await {
                    tracing::error!(error = %error, "a session cannot be opened anew");
                }
            }
            for (view, rows) in self.device.views().with_older(self.id) {
                if let Err(error) = self.read_older(view, rows).await {
                    tracing::error!(error = %error, "older rows cannot be read");
                }
            }
            if let Some(frame) = self.device.views().take_frame(self.id) {
                return frame;
            }
            self.wake.notified().await;
            pace.tick().await;
        }
    }

    /// Serves one request.
    pub async fn request(&self, request: ViewRequest) -> ViewResponse {
        let served = match request {
            ViewRequest::OpenSessions { view } => {
                self.device.views().open_list(self.id, view);
                Ok(ViewResponse::Done)
            }
            ViewRequest::OpenSession {
                view,
                session,
                rows,
            } => self.open_session(view, session, rows).await,
            ViewRequest::LoadOlder { view, rows } => self.load_older(view, rows).await,
            ViewRequest::Close { view } => {
                self.close(view);
                Ok(ViewResponse::Done)
            }
            ViewRequest::Act { log, body, draft } => self.act(log, body, draft).await,
            ViewRequest::StartSession {
                session,
                agent,
                text,
                draft,
            } => {
                let create = CreateSessionCommand {
                    agent: agent.agent,
                    runner: agent.runner,
                    title: None,
                };
                self.start_session(session, create, (text, draft)).await
            }
            ViewRequest::MarkRead { session, seq } => {
                let log = LogId::Account(self.device.linked().account);
                let body = CommandBody::MarkRead(MarkReadCommand { session, seq });
                self.act(log, body, None).await
            }
            ViewRequest::SaveDraft {
                session,
                text,
                seen,
            } => match self.device.save_draft(session, text, seen).await {
                Ok(intent) => Ok(ViewResponse::Queued {
                    command: intent.command,
                }),
                Err(error) => Err(refused_act(&error)),
            },
            ViewRequest::RetryIntent { command } => match self.device.retry(command).await {
                Ok(command) => Ok(ViewResponse::Queued { command }),
                Err(error) => Err(refused_cancel(&error)),
            },
            ViewRequest::CancelIntent { command } => match self.device.cancel(command).await {
                Ok(()) => Ok(ViewResponse::Done),
                Err(error) => Err(refused_cancel(&error)),
            },
            ViewRequest::DiscardOpaque { ordinal } => {
                match self.device.discard_opaque(ordinal).await {
                    Ok(()) => Ok(ViewResponse::Done),
                    Err(error) => Err(refused_cancel(&error)),
                }
            }
            ViewRequest::Search { query, limit } => match self.device.search(&query, limit).await {
                Ok(SearchFound { hits, note }) => Ok(ViewResponse::Found { hits, note }),
                Err(error) => Err(storage(&error)),
            },
        };
        served.unwrap_or_else(|error| ViewResponse::Refused { error })
    }

    async fn open_session(
        &self,
        view: ViewId,
        session: SessionId,
        rows: u32,
    ) -> Result<ViewResponse, ErrorBody> {
        let rows = rows.min(ROWS_PER_REQUEST_MAX);
        self.device.want(LogId::Session(session));
        let opened = SessionView::new(session, rows);
        if let Some(before) = self.device.views().open_session(self.id, view, opened) {
            self.device.unwant(LogId::Session(before));
        }
        let filled = self.fill(view, session, rows).await;
        filled.map_err(|error| storage(&error))?;
        Ok(ViewResponse::Done)
    }

    async fn fill(&self, view: ViewId, session: SessionId, rows: u32) -> Result<(), StoreError> {
        let (views, screen) = (self.device.views().clone(), self.id);
        let fill = move |store: &mut crate::mirror::Store| {
            let opened = store.open_session(session, rows)?;
            views.fill(screen, view, opened.rows, opened.has_older, opened.state);
            Ok(())
        };
        self.device.mirror().write(fill).await
    }

    async fn load_older(&self, view: ViewId, rows: u32) -> Result<ViewResponse, ErrorBody> {
        let rows = rows.min(ROWS_PER_REQUEST_MAX);
        let loaded = self.read_older(view, rows).await;
        loaded.map_err(|error| storage(&error))?;
        Ok(ViewResponse::Done)
    }

    /// Shows older rows. Rows in a gap of the mirror are fetched, and shown once they arrive.
    async fn read_older(&self, view: ViewId, limit: u32) -> Result<(), StoreError> {
        let (views, screen) = (self.device.views().clone(), self.id);
        let load = move |store: &mut crate::mirror::Store| {
            let Some((session, first)) = views.oldest(screen, view) else {
                return Ok(None);
            };
            let (rows, has_older) = store.rows_before(session, first, limit)?;
            let is_short = views.prepend((screen, view), rows, has_older, limit);
            Ok(is_short.then_some(session))
        };
        if let Some(session) = self.device.mirror().write(load).await? {
            self.device.want_history(LogId::Session(session));
        }
        Ok(())
    }

    fn close(&self, view: ViewId) {
        if let Some(session) = self.device.views().close(self.id, view) {
            self.device.unwant(LogId::Session(session));
        }
    }

    /// Queues an intent. If a prompt came from a draft, the draft is emptied in the same transaction, so that no crash leaves the
    /// text as both.
    async fn act(
        &self,
        log: LogId,
        body: CommandBody,
        draft: Option<Seq>,
    ) -> Result<ViewResponse, ErrorBody> {
        let emptied = match (log, &body) {
            (LogId::Session(session), CommandBody::SendPrompt(_)) => {
                Some(self.device.draft_sent(session, draft))
            }
            _ => None,
        };
        let intents = std::iter::once((log, body)).chain(emptied);
        let intents = self.device.act_together(intents).await;
        let intents = intents.map_err(|error| refused_act(&error))?;
        let intent = intents.into_iter().next();
        let command = intent
            .ok_or_else(|| refused_act(&ActError::Closed))?
            .command;
        Ok(ViewResponse::Queued { command })
    }

    async fn start_session(
        &self,
        session: SessionId,
        create: CreateSessionCommand,
        (text, draft): (String, Option<SentDraft>),
    ) -> Result<ViewResponse, ErrorBody> {
        let emptied = draft.map(|draft| self.device.draft_sent(draft.session, draft.seen));
        let prompt = SendPromptCommand {
            run: None,
            text,
            delivery: Delivery::Queue,
        };
        let started = self
            .device
            .start_session_and(session, create, Some(prompt), emptied);
        let started = started.await.map_err(|error| refused_act(&error))?;
        let intent = started.prompt.unwrap_or(started.create);
        Ok(ViewResponse::Queued {
            command: intent.command,
        })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        for session in self.device.views().remove_screen(self.id) {
            self.device.unwant(LogId::Session(session));
        }
    }
}

fn storage(error: &StoreError) -> ErrorBody {
    tracing::error!(error = %error, "the mirror failed");
    ErrorCode::StorageUnavailable.with(error.to_string(), error.hint())
}

fn refused_act(error: &ActError) -> ErrorBody {
    match error {
        ActError::Invalid(error) => error.clone(),
        ActError::Store(error) => storage(error),
        ActError::Closed => {
            ErrorCode::Internal.with("the device is shutting down", "start Baton again")
        }
    }
}

fn refused_cancel(error: &CancelError) -> ErrorBody {
    match error {
        CancelError::MaybeSent => ErrorCode::PromptAlreadyTaken.with(
            "the hub may have it already",
            "wait for the connection; then withdraw it or stop what it started",
        ),
        CancelError::NotWaiting => {
            ErrorCode::PromptNotFound.with("it is not in the outbox any more", "look again")
        }
        CancelError::Store(error) => storage(error),
        CancelError::Closed => {
            ErrorCode::Internal.with("the device is shutting down", "start Baton again")
        }
    }
}
