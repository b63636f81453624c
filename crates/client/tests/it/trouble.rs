//! What a device does about bad connections and hubs.

use std::sync::Arc;

use baton_client::{TailItem, TailStart};
use baton_protocol::view::ConnectionPhase;
use baton_protocol::{HubAddress, Incarnation, LogId, Seq};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

use crate::fake_hub::FakeHub;
use crate::fake_world::Fault;
use crate::screen::{Shown, open};
use crate::script::Script;
use crate::stage::{device, device_at, hasty_device, until};

fn phase(device: &baton_client::Device, wanted: ConnectionPhase) -> Option<()> {
    (device.connection().phase == wanted).then_some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_cut_inside_a_batch_leaves_no_gap_and_no_duplicate() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let session = hub.change(|world| {
        let mut script = Script::new(world.account);
        script.exchange("one", &["a", "b", "c"]);
        world.add(script)
    });
    let device = device(&hub, dir.path()).await;
    let screen = device.screen();
    let mut shown = Shown::default();
    open(&screen, session).await;
    shown
        .until(&screen, "an answer", |shown| {
            (shown.rows.len() == 3).then_some(())
        })
        .await;
    hub.change(|world| {
        world.fault = Fault::CutInBatch;
        world.script(session).exchange("two", &["漢", "字"]);
    });
    let expected = hub.change(|world| {
        let script = world.script(session);
        script.transcript(script.head()).rows
    });
    let same = |shown: &Shown| (shown.rows == expected).then_some(());
    shown.until(&screen, "both answers", same).await;
    assert_eq!(hub.world().connections, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_log_replaces_what_was_mirrored() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let session = hub.change(|world| {
        let mut script = Script::new(world.account);
        script.exchange("old", &["gone"]);
        world.add(script)
    });
    let device = device(&hub, dir.path()).await;
    let screen = device.screen();
    let mut shown = Shown::default();
    open(&screen, session).await;
    shown
        .until(&screen, "the old answer", |shown| {
            (shown.rows.len() == 3).then_some(())
        })
        .await;
    let expected = hub.change(|world| {
        let mut restored = Script::new(world.account);
        restored.session = session;
        restored.incarnation = Incarnation::mint();
        restored.exchange("new", &["here"]);
        restored.exchange("more", &["too"]);
        let rows = restored.transcript(restored.head()).rows;
        world.sessions.insert(session, restored);
        rows
    });
    device.nudge();
    shown
        .until(&screen, "the restored log", |shown| {
            (shown.rows == expected).then_some(())
        })
        .await;
    let hits = device.search("gone", 10).await.unwrap().hits;
    assert_eq!(hits, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_stops_answering_is_stale_then_left_and_found_again() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let device = hasty_device(&hub, dir.path()).await;
    until(&device, "live", |device| {
        phase(device, ConnectionPhase::Live)
    })
    .await;
    hub.change(|world| world.muted_through = world.connections);
    until(&device, "stale", |device| {
        phase(device, ConnectionPhase::Stale)
    })
    .await;
    hub.until("a second connection", |world| world.connections >= 2)
        .await;
    until(&device, "live again", |device| {
        phase(device, ConnectionPhase::Live)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_device_is_refused_and_asks_no_more() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    hub.change(|world| world.fault = Fault::Close(4403));
    let device = device(&hub, dir.path()).await;
    until(&device, "refused", |device| {
        phase(device, ConnectionPhase::Refused)
    })
    .await;
    let problem = device.connection().problem.unwrap();
    assert_eq!(problem.message, "this device's access was taken away");
    assert_eq!(hub.world().connections, 1);
}

struct Certificate {
    acceptor: TlsAcceptor,
    fingerprint: String,
}

fn certificate() -> Certificate {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let spki = rcgen::PublicKeyData::subject_public_key_info(&key);
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    Certificate {
        acceptor: TlsAcceptor::from(Arc::new(config)),
        fingerprint: hex::encode(Sha256::digest(spki)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_is_recognised_by_its_key_and_by_nothing_else() {
    let dir = TempDir::new().unwrap();
    let mut hub = FakeHub::absent().await;
    let (right, wrong) = (certificate(), certificate());
    hub.listen(Some(right.acceptor)).await;
    let address = |fingerprint: &str| HubAddress {
        authority: hub.address.authority.clone(),
        fingerprint: Some(fingerprint.to_owned()),
        public_path: None,
    };
    let known = device_at(&hub, dir.path(), address(&right.fingerprint)).await;
    until(&known, "live", |device| {
        phase(device, ConnectionPhase::Live)
    })
    .await;
    drop(known);

    let other = device_at(&hub, dir.path(), address(&wrong.fingerprint)).await;
    until(&other, "refused", |device| {
        phase(device, ConnectionPhase::Refused)
    })
    .await;
    let problem = other.connection().problem.unwrap();
    assert!(
        problem
            .message
            .contains("another key than the one in your link")
    );
    assert!(problem.hint.contains("link this device again"));
    // The token was never sent: there was no WebSocket upgrade.
    assert_eq!(hub.world().connections, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_never_leaves_the_machine_in_plain_text() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::absent().await;
    let beyond = HubAddress {
        authority: "192.0.2.1:7420".into(),
        fingerprint: None,
        public_path: None,
    };
    let device = device_at(&hub, dir.path(), beyond).await;
    until(&device, "refused", |device| {
        phase(device, ConnectionPhase::Refused)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_gives_every_event_and_then_waits_at_the_end() {
    let dir = TempDir::new().unwrap();
    let hub = FakeHub::start().await;
    let session = hub.change(|world| {
        let mut script = Script::new(world.account);
        script.exchange("one", &["a", "b"]);
        world.add(script)
    });
    let device = device(&hub, dir.path()).await;
    let mut tail = device.tail(LogId::Session(session), TailStart::After(Seq(0)));
    let mut seqs = Vec::new();
    loop {
        match tail.next().await.unwrap() {
            TailItem::Event(event) => seqs.push(event.seq.0),
            TailItem::AtEnd(end) if end.caught_up => {
                assert!(end.idle);
                break;
            }
            TailItem::AtEnd(_) => {}
            TailItem::Restarted | TailItem::Deleted => panic!("the same log"),
        }
    }
    let head = hub.world().sessions[&session].head();
    assert!(seqs.is_sorted());
    assert_eq!((seqs[0], *seqs.last().unwrap()), (1, head));
}
