//! *Use from other devices*, without a window and over loopback: the same sockets, the same TLS.

use baton_client::{DeviceConfig, LinkedHub, TokenInMemory};
use baton_protocol::{HubAddress, LinkCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::network::{DeviceSeen, NetworkState};
use crate::shell::BackgroundChoice;

/// Links another device with a code that the hub inside issues for the host.
async fn other_device(shell: &Shell, folder: &Path) -> Device {
    let code = {
        let inside = shell.inside.lock().await;
        let inside = inside.as_ref().unwrap();
        let crate::inside::NetworkDoorState::Open(door) = &inside.door else {
            panic!("the door is open")
        };
        let (hub, account) = (&inside.hub, inside.hub.account());
        hub.network_link_code(door, "127.0.0.1", Role::Device, account)
            .await
            .unwrap()
    };
    link_with(&code, folder).await
}

async fn link_with(code: &LinkCode, folder: &Path) -> Device {
    let linked = baton_client::link(code, "Phone").await.unwrap();
    let config = DeviceConfig {
        data_dir: folder.to_owned(),
        hub: LinkedHub {
            hub: code.hub.clone(),
            account: linked.account,
            principal: linked.principal,
            hub_name: linked.hub_name,
        },
        tokens: Arc::new(TokenInMemory(linked.token)),
    };
    Device::open(config).await.unwrap()
}

async fn phase(device: &Device, wanted: ConnectionPhase) {
    eventually(LIMIT, &format!("a device that is {wanted:?}"), || async {
        (device.connection().phase == wanted).then_some(())
    })
    .await;
}

async fn port(shell: &Shell) -> u16 {
    match shell.network().await.unwrap().unwrap().state {
        NetworkState::On { port } => port,
        state => panic!("the network is {state:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_device_comes_in_from_the_network_and_is_out_when_it_closes() {
    let root = TempDir::new().unwrap();
    let model = FakeModel::start().await;
    let shell = shell(root.path());
    let here = start_here(&shell, &model).await;
    let view = shell.network().await.unwrap().unwrap();
    assert_eq!(view.state, NetworkState::Off);
    assert!(view.devices.iter().all(|device| device.is_here));

    shell.open_network().await.unwrap();
    let kept = port(&shell).await;
    let phone = other_device(&shell, &root.path().join("phone")).await;
    phase(&phone, ConnectionPhase::Live).await;
    let listed = shell.network().await.unwrap().unwrap().devices;
    let listed = listed.iter().find(|device| device.name == "Phone").unwrap();
    assert_eq!((listed.is_here, &listed.seen), (false, &DeviceSeen::Now));

    // A client that holds a connection half open does not keep the listener open.
    let mut stranger = TcpStream::connect(("127.0.0.1", kept)).await.unwrap();
    stranger.write_all(b"\x16\x03\x01").await.unwrap();
    shell.close_network().await.unwrap();
    assert_eq!(stranger.read(&mut [0]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(("127.0.0.1", kept)).await.is_err());
    phase(&phone, ConnectionPhase::Reconnecting).await;
    assert_eq!(
        here.connection().phase,
        ConnectionPhase::Live,
        "this computer goes on"
    );
    let seen = shell.network().await.unwrap().unwrap().devices;
    let seen = seen.iter().find(|device| device.name == "Phone").unwrap();
    assert!(matches!(seen.seen, DeviceSeen::At { .. }), "{seen:?}");

    shell.open_network().await.unwrap();
    assert_eq!(
        port(&shell).await,
        kept,
        "linked devices look for the hub there"
    );
    phase(&phone, ConnectionPhase::Live).await;
    let id = seen.id.clone();
    shell.revoke_device(&id).await.unwrap();
    phase(&phone, ConnectionPhase::Refused).await;
    let listed = shell.network().await.unwrap().unwrap().devices;
    assert!(listed.iter().all(|device| device.is_here), "{listed:?}");
    let here = listed[0].id.clone();
    assert!(
        shell.revoke_device(&here).await.is_err(),
        "not the app itself"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_gets_tls_with_the_hubs_own_key_and_nothing_in_plain_text() {
    let root = TempDir::new().unwrap();
    let model = FakeModel::start().await;
    let shell = shell(root.path());
    start_here(&shell, &model).await;
    shell.open_network().await.unwrap();
    let port = port(&shell).await;
    let mut plain = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    plain
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");

    let other_key = LinkCode {
        hub: HubAddress {
            authority: format!("127.0.0.1:{port}"),
            fingerprint: Some("0".repeat(64)),
            public_path: None,
        },
        secret: "0".repeat(32),
    };
    let refused = baton_client::link(&other_key, "Phone").await;
    assert!(
        matches!(
            refused,
            Err(baton_client::LinkError::Connect(
                baton_client::ConnectError::KeyMismatch { .. }
            ))
        ),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_network_is_kept_over_a_restart_and_keeps_the_app_without_a_window() {
    let root = TempDir::new().unwrap();
    let model = FakeModel::start().await;
    let before = shell(root.path());
    start_here(&before, &model).await;
    before.at_rest().await;
    before.open_network().await.unwrap();
    let kept = port(&before).await;
    before.stop().await;

    let after = shell(root.path());
    after.start().await;
    live(&after).await;
    assert_eq!(port(&after).await, kept);
    let rest = after.at_rest();
    tokio::pin!(rest);
    let is_at_rest = futures::poll!(rest.as_mut()).is_ready();
    assert!(!is_at_rest, "other devices use it");
    after
        .stay_in_background(BackgroundChoice::End)
        .await
        .unwrap();
    tokio::time::timeout(LIMIT, rest).await.unwrap();

    // If the port was taken in the meantime, the status says so and the port stays recorded.
    after.stop().await;
    let thief = tokio::net::TcpListener::bind(("0.0.0.0", kept))
        .await
        .unwrap();
    let third = shell(root.path());
    third.start().await;
    live(&third).await;
    let state = third.network().await.unwrap().unwrap().state;
    assert!(matches!(state, NetworkState::Failed { .. }), "{state:?}");
    drop(thief);
    third.open_network().await.unwrap();
    assert_eq!(port(&third).await, kept);
}
