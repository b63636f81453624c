//! Closes a window as its title bar does: without a window manager, nothing draws one.

use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt as _, EventMask, Window,
};
use x11rb::rust_connection::RustConnection;

/// Asks the window with this title to close, as the button in its frame does. Returns false if there is no such window.
pub fn ask_to_close(title: &str) -> bool {
    let (display, screen) = x11rb::connect(None).expect("there is a display");
    let root = display.setup().roots[screen].root;
    let Some(window) = find(&display, root, title) else {
        return false;
    };
    let data = [atom(&display, "WM_DELETE_WINDOW"), 0, 0, 0, 0];
    let message = ClientMessageEvent::new(32, window, atom(&display, "WM_PROTOCOLS"), data);
    display
        .send_event(false, window, EventMask::NO_EVENT, message)
        .expect("the message is sent");
    display.flush().expect("the message is on its way");
    true
}

/// Whether there is a window with this title.
pub fn is_open(title: &str) -> bool {
    let (display, screen) = x11rb::connect(None).expect("there is a display");
    let root = display.setup().roots[screen].root;
    find(&display, root, title).is_some()
}

/// Finds the window that listens for a close: frames and helper windows have no `WM_PROTOCOLS`.
fn find(display: &RustConnection, root: Window, title: &str) -> Option<Window> {
    let mut open = vec![root];
    while let Some(window) = open.pop() {
        let name = text(display, window, atom(display, "_NET_WM_NAME"));
        let listens = text(display, window, atom(display, "WM_PROTOCOLS")).is_some();
        if listens && name.as_deref() == Some(title.as_bytes()) {
            return Some(window);
        }
        // A window may go away in between.
        if let Some(tree) = display
            .query_tree(window)
            .ok()
            .and_then(|asked| asked.reply().ok())
        {
            open.extend(tree.children);
        }
    }
    None
}

fn atom(display: &RustConnection, name: &str) -> u32 {
    let asked = display.intern_atom(false, name.as_bytes());
    let reply = asked.expect("the display is asked").reply();
    reply.expect("the display answers").atom
}

fn text(display: &RustConnection, window: Window, property: u32) -> Option<Vec<u8>> {
    let asked = display.get_property(false, window, property, AtomEnum::ANY, 0, 1024);
    let reply = asked.ok()?.reply().ok()?;
    (!reply.value.is_empty()).then_some(reply.value)
}
