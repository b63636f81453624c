//! Proxies from the environment: the program uses them for remote models, and never for a model on this machine.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use baton_protocol::{Delivery, RunOutcome};
use baton_testkit::{Child, RawAnswer, RawModel};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::fake_hub::FakeHub;
use crate::program::link;

const ANSWER: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"yes\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

/// A name that only a proxy can know.
const ELSEWHERE: &str = "http://model.baton.internal/v1";

fn program(data: &Path, base_url: &str, environment: &[(&str, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_baton-runner"));
    command
        .arg("--data")
        .arg(data)
        .args(["--base-url", base_url, "--model", "m"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command
        .env_remove("OPENAI_API_KEY")
        .envs(environment.iter().cloned());
    command
}

/// Asks once, with this environment.
async fn outcome(base_url: &str, environment: &[(&str, String)]) -> RunOutcome {
    let (hub, data) = (
        FakeHub::start().await,
        tempfile::tempdir().expect("a directory"),
    );
    link(data.path(), &hub);
    let child = Child::spawn(program(data.path(), base_url, environment));
    child
        .wait_for_line("its greeting", |line| {
            line.contains("connected").then_some(())
        })
        .await;
    hub.send("?", Delivery::Queue);
    let run = hub.started().await;
    hub.ended(run).await
}

/// A SOCKS 5 proxy that resolves every name to one address. Returns the name that it was asked for.
async fn socks(to: SocketAddr) -> (SocketAddr, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("bound");
    let served = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.expect("a client");
        let mut greeting = [0; 2];
        client.read_exact(&mut greeting).await.expect("a greeting");
        let mut methods = vec![0; usize::from(greeting[1])];
        client.read_exact(&mut methods).await.expect("methods");
        client.write_all(&[5, 0]).await.expect("no password");
        let mut request = [0; 5];
        client.read_exact(&mut request).await.expect("a request");
        assert_eq!(&request[..4], [5, 1, 0, 3], "it connects to a name");
        let mut name = vec![0; usize::from(request[4]) + 2];
        client
            .read_exact(&mut name)
            .await
            .expect("a name and a port");
        name.truncate(name.len() - 2);
        client
            .write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
            .await
            .expect("connected");
        let mut server = TcpStream::connect(to).await.expect("the model");
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        String::from_utf8(name).expect("a name")
    });
    (addr, served)
}

#[tokio::test]
async fn a_model_elsewhere_is_asked_through_the_proxy_of_the_environment() {
    let proxy = RawModel::start(|_| RawAnswer::stream(ANSWER)).await;
    let environment = [("HTTP_PROXY", format!("http://{}", proxy.addr()))];
    assert_eq!(
        outcome(ELSEWHERE, &environment).await,
        RunOutcome::Completed
    );
    let requests = proxy.requests();
    assert_eq!(requests[0].target, format!("{ELSEWHERE}/chat/completions"));
}

#[tokio::test]
async fn a_model_elsewhere_is_asked_through_a_socks_proxy() {
    let model = RawModel::start(|_| RawAnswer::stream(ANSWER)).await;
    let (socks, served) = socks(model.addr()).await;
    let environment = [("ALL_PROXY", format!("socks5h://{socks}"))];
    assert_eq!(
        outcome(ELSEWHERE, &environment).await,
        RunOutcome::Completed
    );
    assert_eq!(served.await.expect("served"), "model.baton.internal");
}

#[tokio::test]
async fn a_model_on_this_machine_is_never_asked_through_a_proxy() {
    let proxy = RawModel::start(|_| RawAnswer::new(500, "text/plain", "the proxy")).await;
    let model = RawModel::start(|_| RawAnswer::stream(ANSWER)).await;
    let through = format!("http://{}", proxy.addr());
    let environment = [("HTTP_PROXY", through.clone()), ("ALL_PROXY", through)];
    let port = model.addr().port();
    for host in ["127.0.0.1", "localhost"] {
        let base_url = format!("http://{host}:{port}/v1");
        assert_eq!(
            outcome(&base_url, &environment).await,
            RunOutcome::Completed,
            "{host}"
        );
    }
    assert!(proxy.requests().is_empty());
}
