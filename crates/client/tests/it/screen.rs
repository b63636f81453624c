//! A renderer for tests: applies frames and holds what a screen would show.

use std::time::Duration;

use baton_client::Screen;
use baton_protocol::SessionId;
use baton_protocol::view::{
    AccountView, ConnectionView, DraftView, OpaqueIntentView, QueueView, RowBody, RowPatch,
    SessionHeader, SessionRow, TranscriptRow, ViewId, ViewMessage, ViewRequest, ViewResponse,
};

#[derive(Default, Debug)]
pub struct Shown {
    pub connection: Option<ConnectionView>,
    pub account: Option<AccountView>,
    pub sessions: Vec<SessionRow>,
    pub drafts: Vec<DraftView>,
    pub opaque: Vec<OpaqueIntentView>,
    pub header: Option<SessionHeader>,
    pub queue: Option<QueueView>,
    pub rows: Vec<TranscriptRow>,
}

pub const SESSION: ViewId = ViewId(1);
pub const LIST: ViewId = ViewId(2);

impl Shown {
    /// Takes frames until a condition on what is shown holds.
    pub async fn until<T>(
        &mut self,
        screen: &Screen,
        what: &str,
        pick: impl Fn(&Self) -> Option<T>,
    ) -> T {
        let wait = async {
            loop {
                if let Some(picked) = pick(self) {
                    return picked;
                }
                for message in screen.next_frame().await.messages {
                    self.take(message);
                }
            }
        };
        match tokio::time::timeout(Duration::from_secs(20), wait).await {
            Ok(picked) => picked,
            Err(_) => panic!("never shown: {what}; {self:?}"),
        }
    }

    fn take(&mut self, message: ViewMessage) {
        match message {
            ViewMessage::Connection { connection } => self.connection = Some(connection),
            ViewMessage::Account { account } => self.account = Some(account),
            ViewMessage::Drafts { drafts } => self.drafts = drafts,
            ViewMessage::OpaqueIntents { intents } => self.opaque = intents,
            ViewMessage::Sessions { rows, .. } => self.sessions = rows,
            ViewMessage::Header { header, .. } => self.header = Some(header),
            ViewMessage::Queue { queue, .. } => self.queue = Some(queue),
            ViewMessage::Rows { patches, .. } => {
                for patch in patches {
                    self.patch(patch);
                }
            }
        }
    }

    fn patch(&mut self, patch: RowPatch) {
        let at = |rows: &[TranscriptRow], id| rows.iter().position(|row| row.id == id).unwrap();
        match patch {
            RowPatch::Reset { rows } => self.rows = rows,
            RowPatch::Insert { row, before } => {
                let at = before.map_or(self.rows.len(), |before| at(&self.rows, before));
                self.rows.insert(at, row);
            }
            RowPatch::Update { row } => {
                let at = at(&self.rows, row.id.clone());
                self.rows[at] = row;
            }
            RowPatch::AppendText { id, text: more } => {
                let at = at(&self.rows, id);
                let RowBody::Text { text, .. } = &mut self.rows[at].body else {
                    panic!("not a text row");
                };
                text.push_str(&more);
            }
            RowPatch::Remove { id } => {
                let at = at(&self.rows, id);
                self.rows.remove(at);
            }
        }
    }
}

pub async fn open(screen: &Screen, session: SessionId) {
    let request = ViewRequest::OpenSession {
        view: SESSION,
        session,
        rows: 100,
    };
    assert_eq!(screen.request(request).await, ViewResponse::Done);
}
