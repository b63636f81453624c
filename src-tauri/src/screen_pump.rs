//! Carries frames from the device to the page.
//!
//! The webview has no backpressure: unread messages pile up. So it gets at most one message per frame; the device sets that pace.

use std::sync::{Arc, Mutex, PoisonError};

use baton_client::{Device, Screen};
use baton_protocol::view::{ViewFrame, ViewRequest, ViewResponse};
use tauri::ipc::Channel;

use crate::tasks::{self, OwnedTask};

/// The page's screen; absent until the page has connected.
#[derive(Default)]
pub struct ScreenPump {
    open: Mutex<Option<Open>>,
}

struct Open {
    screen: Arc<Screen>,
    _pump: OwnedTask,
}

impl ScreenPump {
    /// Opens a new screen: a page that was loaded again has no views, and receives the state of everything at once.
    pub fn connect(&self, device: &Device, channel: Channel<ViewFrame>) {
        let screen = Arc::new(device.screen());
        let frames = Arc::clone(&screen);
        let work = async move {
            loop {
                let frame = frames.next_frame().await;
                if let Err(error) = channel.send(frame) {
                    tracing::info!(%error, "the page is gone");
                    return;
                }
            }
        };
        let open = Open {
            screen,
            _pump: tasks::spawn_owned("frames to the page", work),
        };
        *self.lock() = Some(open);
    }

    /// Closes the screen.
    pub fn disconnect(&self) {
        *self.lock() = None;
    }

    /// Serves a request of the page; `None` if the page has not connected.
    pub async fn request(&self, request: ViewRequest) -> Option<ViewResponse> {
        let screen = self.lock().as_ref().map(|open| Arc::clone(&open.screen))?;
        Some(screen.request(request).await)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
