use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use baton_testkit::{Direction, TcpCutter};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Starts a server that sends back what it receives.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    addr
}

async fn said_back(stream: &mut TcpStream, text: &[u8]) -> Vec<u8> {
    stream.write_all(text).await.unwrap();
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).await.unwrap();
    back
}

#[tokio::test]
async fn bytes_pass_and_are_counted() {
    let cutter = TcpCutter::start(echo().await).await;
    let mut stream = TcpStream::connect(cutter.addr()).await.unwrap();
    assert_eq!(said_back(&mut stream, b"hello").await, b"hello");
    assert_eq!((cutter.accepted_count(), cutter.open_count()), (1, 1));
    assert_eq!(
        (
            cutter.carried(Direction::ToServer),
            cutter.carried(Direction::ToClient)
        ),
        (5, 5)
    );
    drop(stream);
    cutter.wait_open(0).await;
}

#[tokio::test]
async fn exactly_the_asked_bytes_arrive_before_the_cut_and_only_once() {
    for limit in 1..=10_usize {
        let cutter = TcpCutter::start(echo().await).await;
        cutter.cut_once_after(Direction::ToClient, limit as u64);
        let mut stream = TcpStream::connect(cutter.addr()).await.unwrap();
        stream.write_all(b"0123456789").await.unwrap();
        let mut arrived = Vec::new();
        // The connection may end with a reset or an end of file: neither takes back bytes that have arrived.
        let _ = stream.read_to_end(&mut arrived).await;
        assert_eq!(arrived, b"0123456789"[..limit]);
        assert!(!cutter.is_armed());
        let mut next = TcpStream::connect(cutter.addr()).await.unwrap();
        assert_eq!(said_back(&mut next, b"0123456789").await, b"0123456789");
    }
}

#[tokio::test]
async fn a_black_hole_says_nothing_at_all_and_gives_everything_back_later() {
    let mut cutter = TcpCutter::start(echo().await).await;
    let mut open = TcpStream::connect(cutter.addr()).await.unwrap();
    assert_eq!(said_back(&mut open, b"before").await, b"before");
    cutter.blackhole();
    let mut fresh = TcpStream::connect(cutter.addr()).await.unwrap();
    let mut byte = [0];
    for stream in [&mut open, &mut fresh] {
        stream.write_all(b"x").await.unwrap();
        let silence =
            tokio::time::timeout(Duration::from_millis(100), stream.read(&mut byte)).await;
        assert!(silence.is_err(), "heard {silence:?}");
    }
    assert_eq!(cutter.carried(Direction::ToServer), 6);
    cutter.resume().await;
    for stream in [&mut open, &mut fresh] {
        stream.read_exact(&mut byte).await.unwrap();
        assert_eq!(&byte, b"x");
    }
}

#[tokio::test]
async fn refusing_cuts_and_refuses_until_it_is_resumed_on_the_same_port() {
    let mut cutter = TcpCutter::start(echo().await).await;
    let mut open = TcpStream::connect(cutter.addr()).await.unwrap();
    assert_eq!(said_back(&mut open, b"x").await, b"x");
    cutter.refuse().await;
    assert_eq!(open.read(&mut [0]).await.unwrap_or(0), 0);
    let refused = TcpStream::connect(cutter.addr()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    cutter.resume().await;
    let mut again = TcpStream::connect(cutter.addr()).await.unwrap();
    assert_eq!(said_back(&mut again, b"y").await, b"y");
}

#[tokio::test]
async fn a_server_on_another_port_is_found_and_a_cut_ends_all() {
    let gone = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let cutter = TcpCutter::start(gone).await;
    let mut none = TcpStream::connect(cutter.addr()).await.unwrap();
    assert_eq!(none.read(&mut [0]).await.unwrap_or(0), 0);
    cutter.set_target(echo().await);
    let mut stream = TcpStream::connect(cutter.addr()).await.unwrap();
    assert_eq!(said_back(&mut stream, b"x").await, b"x");
    cutter.cut_all();
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
    cutter.wait_open(0).await;
}
