//! Another process at the hub's port while the hub is down.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use baton_testkit::{Child, FakeModel, eventually};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::stage::*;

/// The first byte of a TLS connection.
const TLS_HANDSHAKE: u8 = 0x16;

/// Takes the port, reads the first bytes of each connection, and hangs up.
struct Impostor {
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
    accepting: JoinHandle<()>,
}

impl Impostor {
    async fn at(address: &str) -> Self {
        let address: SocketAddr = address.parse().expect("an address");
        let listener = TcpListener::bind(address).await.expect("the hub's port");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&heard);
        let accepting = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = vec![0; 16 * 1024];
                let read = stream.read(&mut bytes).await.unwrap_or(0);
                bytes.truncate(read);
                keep.lock().expect("no panic").push(bytes);
            }
        });
        Self { heard, accepting }
    }

    /// Waits for two more connections.
    async fn wait_for_two(&self, who: &str) {
        let count = || self.heard.lock().expect("no panic").len();
        let until = count() + 2;
        eventually(LIMIT, &format!("two connections of {who}"), || async {
            (count() >= until).then_some(())
        })
        .await;
    }

    /// Frees the port, and returns what it has read.
    async fn leave(self) -> Vec<Vec<u8>> {
        self.accepting.abort();
        let _ = self.accepting.await;
        std::mem::take(&mut self.heard.lock().expect("no panic"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_the_port_of_a_hub_on_loopback_gets_no_token() {
    let model = FakeModel::start().await;
    let mut hub = Hub::start().await;
    let device = Device::link(&hub, "Laptop").await;
    let mut runner = Runner::start(&hub, &model.base_url()).await;
    let session = device.new_session("Why?").await;
    hub.kill_9().await;

    let impostor = Impostor::at(&hub.listening).await;
    impostor.wait_for_two("the runner").await;
    runner.child.kill_9().await;
    let mut tail = device.tail(&session);
    impostor.wait_for_two("a device that follows").await;
    tail.child.kill_9().await;
    let mut send = Child::spawn(device.command(&["send", &session, "And now?"]));
    impostor.wait_for_two("a device that sends").await;
    send.kill_9().await;
    for heard in impostor.leave().await {
        assert!(
            heard.is_empty() || heard[0] == TLS_HANDSHAKE,
            "a credential may be in {:?}",
            String::from_utf8_lossy(&heard)
        );
    }

    hub.run().await;
    assert_eq!(device.ctl(&["list"]).await.code, 0);
}
