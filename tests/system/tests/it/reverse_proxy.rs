//! A hub on loopback behind a real nginx that terminates TLS, under a public name and a path.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use baton_protocol::{CommandEffect, LinkCode, RunOutcome};
use baton_testkit::{Child, FakeModel, Reply, eventually};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::stage::*;

/// The proxy's ports: TLS for clients, and plain text for a peer that connects from another address.
struct Ports {
    tls: u16,
    plain: u16,
}

/// An nginx with a certificate for `localhost` from a certificate authority of its own.
struct Proxy {
    _nginx: Child,
    ports: Ports,
    folder: TempDir,
}

async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("bound").port()
}

fn make_certificates(folder: &Path) {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("no names");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().expect("a key");
    let root = authority.self_signed(&authority_key).expect("a root");
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().expect("a key");
    let names = vec!["localhost".to_owned()];
    let site = rcgen::CertificateParams::new(names).expect("a name");
    let site = site.signed_by(&key, &issuer).expect("a certificate");
    fs::write(folder.join("root.pem"), root.pem()).expect("writes");
    fs::write(folder.join("site.pem"), site.pem()).expect("writes");
    fs::write(folder.join("site-key.pem"), key.serialize_pem()).expect("writes");
}

/// Returns the configuration of `docs/OPERATIONS.md`, with what nginx needs to run next to other instances.
fn configuration(folder: &Path, ports: &Ports, hub: &str) -> String {
    let (folder, tls, plain) = (folder.display(), ports.tls, ports.plain);
    format!(
        r#"
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{tls} ssl;
    listen 127.0.0.1:{plain};
    server_name localhost;
    ssl_certificate {folder}/site.pem;
    ssl_certificate_key {folder}/site-key.pem;
    location /baton/ {{
      proxy_pass http://{hub}/;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
"#
    )
}

impl Proxy {
    /// Starts the proxy and its hub.
    async fn start() -> (Self, Hub) {
        let folder = TempDir::new().expect("a temporary folder");
        make_certificates(folder.path());
        let ports = Ports {
            tls: free_port().await,
            plain: free_port().await,
        };
        let url = format!("https://localhost:{}/baton", ports.tls);
        let more = ["--public-url", &url, "--trusted-proxy", "127.0.0.1"];
        let hub = Hub::start_at(Place::Here, "127.0.0.1:0", &more).await;
        let file = folder.path().join("nginx.conf");
        fs::write(&file, configuration(folder.path(), &ports, &hub.listening)).expect("writes");
        let program = ["/usr/sbin/nginx", "/usr/bin/nginx"];
        let program = program.iter().find(|path| Path::new(path).exists());
        let mut command = Command::new(program.expect("nginx is installed: cargo xtask setup"));
        command.arg("-p").arg(folder.path()).arg("-c").arg(&file);
        let nginx = Child::spawn(command);
        eventually(LIMIT, "nginx", || async {
            let port = ports.tls;
            TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        let proxy = Self {
            _nginx: nginx,
            ports,
            folder,
        };
        (proxy, hub)
    }

    fn trusting(&self) -> Place {
        Place::Trusting(self.root())
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// Tries an invalid link code from an address of this computer. Returns the status.
    async fn guess_from(&self, address: &str) -> u16 {
        let socket = TcpSocket::new_v4().expect("a socket");
        let from: SocketAddr = format!("{address}:0").parse().expect("an address");
        socket.bind(from).expect("all of 127.0.0.0/8 is ours");
        let to = SocketAddr::from(([127, 0, 0, 1], self.ports.plain));
        let mut stream = socket.connect(to).await.expect("nginx");
        let body = format!(r#"{{"code":"{}","name":"Guess"}}"#, "0".repeat(32));
        let head = "POST /baton/v1/link HTTP/1.1\r\nHost: localhost\r\nConnection: close";
        let forged = "X-Forwarded-For: 203.0.113.77";
        let length = body.len();
        let request = format!("{head}\r\n{forged}\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.expect("sends");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("answers");
        let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok());
        status.unwrap_or_else(|| panic!("no answer: {answer:?}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_behind_nginx_is_linked_followed_and_stopped_under_its_public_address() {
    let model = FakeModel::start().await;
    let text = long_text(300);
    model.reply(Reply::text(text.clone()).write_bytes(7));
    model.reply(Reply::text(long_text(300)).hold_after(60));
    let (proxy, hub) = Proxy::start().await;
    let link: LinkCode = hub.link("device").await.parse().expect("a link");
    assert_eq!(link.hub.authority, format!("localhost:{}", proxy.ports.tls));
    assert_eq!(link.hub.public_path.as_deref(), Some("/baton/"));
    assert_eq!(link.hub.fingerprint, None);

    let place = proxy.trusting();
    let _runner = Runner::start_at(&place, &hub, &model.base_url(), "build-box").await;
    let a = Device::link_at(place.clone(), &hub, "Laptop").await;
    let b = Device::link_at(place, &hub, "Desk").await;
    let session = a.new_session("Why?").await;
    let on_b = b.tail(&session);
    assert_eq!(on_b.wait_end(0).await.outcome, RunOutcome::Completed);
    assert_eq!(answer(&on_b.events()), text);

    a.receipt(&["send", &session, "and now?"]).await;
    on_b.wait_text(text.len() + 50).await;
    let (_, effect) = a.receipt(&["stop", &session]).await;
    assert!(matches!(effect, CommandEffect::Stopped { .. }));
    model.wait_closed(1).await;
    let end = on_b.wait_end(1).await;
    assert!(matches!(end.outcome, RunOutcome::Stopped { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_does_not_trust_the_proxys_certificate_spends_no_code() {
    let (proxy, hub) = Proxy::start().await;
    let link = hub.link("device").await;
    let stranger = Device::unlinked(Place::Here, "Laptop");
    let refused = stranger.ctl(&["link", &link, "--name", "Laptop"]).await;
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("not trusted"), "{refused:?}");
    // The certificate does not have this name.
    let other_name = link.replace("localhost", "127.0.0.1");
    let device = Device::unlinked(proxy.trusting(), "Laptop");
    let refused = device.ctl(&["link", &other_name, "--name", "Laptop"]).await;
    assert!(refused.stderr.contains("not trusted"), "{refused:?}");
    let linked = device.ctl(&["link", &link, "--name", "Laptop"]).await;
    assert_eq!(linked.code, 0, "the code is good still: {linked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_codes_behind_a_trusted_proxy_keeps_nobody_else_from_linking() {
    let (proxy, hub) = Proxy::start().await;
    eventually(LIMIT, "the end of the guesser's attempts", || async {
        (proxy.guess_from("127.0.0.2").await == 429).then_some(())
    })
    .await;
    assert_eq!(proxy.guess_from("127.0.0.3").await, 404, "another address");
    Device::link_at(proxy.trusting(), &hub, "Laptop").await;
}
