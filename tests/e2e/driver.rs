//! WebKitWebDriver: one for each window, in a process group of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use baton_testkit::{Child, eventually};
use fantoccini::{Client, ClientBuilder};
use serde_json::json;

use crate::programs::Place;

/// A debug build starts slowly on two busy cores.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Where a window's programs run, and where their driver can be reached.
#[derive(Clone, Debug)]
pub struct Seat {
    /// This host or a machine of a test's network.
    pub place: Place,
    /// The address that the driver listens on.
    pub control: Ipv4Addr,
}

impl Seat {
    /// This host, over loopback.
    pub const HERE: Self = Self {
        place: Place::Here,
        control: Ipv4Addr::LOCALHOST,
    };
}

/// A driver with the one application that it started.
pub struct Driver {
    process: Child,
    /// The WebDriver client for the page.
    pub client: Client,
}

impl Driver {
    /// Starts the application under a driver of its own.
    pub async fn start(seat: &Seat, application: &Path, arguments: &[String]) -> Self {
        let address = SocketAddr::from((seat.control, free_port()));
        let mut command = seat.place.command(Path::new("WebKitWebDriver"));
        command
            .arg(format!("--port={}", address.port()))
            .arg(format!("--host={}", seat.control))
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1");
        let process = Child::spawn(command);
        eventually(START_LIMIT, "WebKitWebDriver listens", || async {
            tokio::net::TcpStream::connect(address).await.ok()
        })
        .await;
        let options = json!({"binary": application, "args": arguments});
        let capabilities = [("webkitgtk:browserOptions".to_owned(), options)];
        let url = format!("http://{address}");
        let mut builder = ClientBuilder::rustls().expect("rustls has its provider");
        let connecting = builder
            .capabilities(capabilities.into_iter().collect())
            .connect(&url);
        let client = match tokio::time::timeout(START_LIMIT, Box::pin(connecting)).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => panic!("the application did not start: {error}\n{process}"),
            Err(_) => panic!("the application did not start within {START_LIMIT:?}\n{process}"),
        };
        Self { process, client }
    }

    /// Kills the driver and the application with everything it started, as a power cut would.
    pub async fn kill_9(&mut self) {
        self.process.kill_9().await;
    }

    /// Returns the output of both, for a failing test.
    pub fn said(&self) -> String {
        self.process.to_string()
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port on loopback")
        .port()
}
