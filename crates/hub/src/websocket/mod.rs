//! The hub's half of a WebSocket.
//!
//! Ten thousand idle devices share one machine, and one frame goes to a thousand of them. So a socket owns next to no buffers: it reads
//! onto the stack and keeps what is incomplete, and it writes frames that were encoded once, header included, from the bytes that all
//! share. What the protocol is stands in `tungstenite`: the handshake, headers, and everything about frames that come.
//!
//! Invariant: a message or a frame beyond [`baton_protocol::limits::FRAME_BYTES_MAX`] is refused before it is kept.

mod encode;
mod halves;
mod reader;

pub use encode::{close, text};
pub use halves::{SocketWriter, halves};
pub use reader::SocketReader;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use baton_protocol::limits;
    use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
    use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::protocol::Role;
    use tokio_tungstenite::tungstenite::{Error, Message};

    use super::*;

    /// A client of the library's, and the hub's halves, over a line that takes so many bytes at once.
    async fn line(
        bytes: usize,
    ) -> (
        WebSocketStream<DuplexStream>,
        SocketReader<DuplexStream>,
        SocketWriter<DuplexStream>,
    ) {
        let (theirs, ours) = tokio::io::duplex(bytes);
        let client = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
        let (reader, writer) = halves(ours);
        (client, reader, writer)
    }

    async fn write_all(writer: &mut SocketWriter<DuplexStream>) {
        while !writer.is_empty() {
            poll_fn(|cx| writer.poll_write(cx)).await.unwrap();
        }
        poll_fn(|cx| writer.poll_flush(cx)).await.unwrap();
    }

    #[tokio::test]
    async fn texts_come_whole_in_whatever_pieces_they_travel() {
        for bytes in [7, 4_096, 2 * limits::FRAME_BYTES_MAX] {
            let (mut client, mut reader, _writer) = line(bytes).await;
            let texts = [0, 1, 125, 126, 300, 70_000, limits::FRAME_BYTES_MAX]
                .map(|length| "x".repeat(length));
            let send = async {
                for text in &texts {
                    client.feed(Message::text(text.clone())).await.unwrap();
                }
                client.flush().await.unwrap();
            };
            let read = async {
                for text in &texts {
                    let received = reader.next().await.unwrap();
                    assert_eq!(received.message, Message::text(text.clone()));
                    assert!(received.reply.is_empty());
                }
            };
            tokio::join!(send, read);
        }
    }

    #[tokio::test]
    async fn a_text_beyond_the_limit_is_refused() {
        let (mut client, mut reader, _writer) = line(64 * 1024).await;
        let text = Message::text("x".repeat(limits::FRAME_BYTES_MAX + 1));
        let refused = tokio::select! {
            refused = reader.next() => refused,
            _ = client.send(text) => panic!("it does not fit into the line"),
        };
        assert!(matches!(refused, Err(Error::Capacity(_))));
    }

    #[tokio::test]
    async fn a_ping_and_a_goodbye_have_the_replies_that_the_client_wants() {
        let (mut client, mut reader, mut writer) = line(4_096).await;
        client.send(Message::Ping("tide".into())).await.unwrap();
        let received = reader.next().await.unwrap();
        assert_eq!(received.message, Message::Ping("tide".into()));
        writer.push(received.reply);
        write_all(&mut writer).await;
        let pong = client.next().await.unwrap().unwrap();
        assert_eq!(pong, Message::Pong("tide".into()));

        client.close(None).await.unwrap();
        let received = reader.next().await.unwrap();
        assert_eq!(received.message, Message::Close(None));
        writer.push(received.reply);
        writer.finish().await.unwrap();
        assert!(matches!(
            client.next().await,
            Some(Ok(Message::Close(None)))
        ));
        drop((reader, writer));
        assert!(client.next().await.is_none(), "both said goodbye");
    }

    #[tokio::test]
    async fn what_is_written_in_any_pieces_is_read_in_its_order() {
        let (mut client, _reader, mut writer) = line(50).await;
        let texts: Vec<String> = (0..200).map(|length| "y".repeat(length * 7)).collect();
        for expected in &texts {
            let (frame, _) = text(|bytes| bytes.extend_from_slice(expected.as_bytes()));
            writer.push(frame);
        }
        let read = async {
            for expected in &texts {
                let message = client.next().await.unwrap().unwrap();
                assert_eq!(message, Message::text(expected.clone()));
            }
        };
        tokio::join!(write_all(&mut writer), read);
        assert!(writer.is_clean());
    }

    /// Takes all that is written and passes it on when it may, as TLS does.
    #[derive(Default)]
    struct Holding {
        passes_on: bool,
    }

    impl AsyncRead for Holding {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Holding {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.passes_on = bytes.starts_with(b"pass");
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            if self.passes_on {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            }
        }

        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.poll_flush(cx)
        }
    }

    #[tokio::test]
    async fn a_writer_is_not_clean_while_the_layer_below_holds_a_frame() {
        let (_reader, mut writer) = halves(Holding::default());
        let held = |writer: &mut SocketWriter<Holding>, frame: &'static [u8]| {
            writer.push(frame.into());
            poll_fn(|cx| writer.poll_write(cx))
                .now_or_never()
                .unwrap()
                .unwrap();
            poll_fn(|cx| writer.poll_flush(cx)).now_or_never().is_none()
        };
        assert!(writer.is_clean());
        assert!(held(&mut writer, b"keep"));
        assert!(writer.is_empty());
        assert!(!writer.is_clean());
        assert!(!held(&mut writer, b"pass"));
        assert!(writer.is_clean());
    }
}
