//! Redis's wire format, as far as the benchmarks speak it.

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::loopback;

/// An answer.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply {
    Nothing,
    Number(i64),
    Bytes(Vec<u8>),
    List(Vec<Reply>),
}

impl Reply {
    pub fn list(&self) -> &[Reply] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            _ => &[],
        }
    }
}

/// One connection with at most one request under way.
pub struct RedisConnection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Where the unread bytes of the buffer begin.
    at: usize,
    /// Bytes that were received so far.
    pub received: u64,
}

impl RedisConnection {
    pub async fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(loopback(port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
            at: 0,
            received: 0,
        })
    }

    /// Sends a command and waits for its answer. An error of the server's is an error.
    pub async fn call(&mut self, words: &[&[u8]]) -> Result<Reply> {
        self.send(words).await?;
        self.answer().await
    }

    pub async fn send(&mut self, words: &[&[u8]]) -> Result<()> {
        self.write(&encode(words)).await
    }

    /// Sends commands as they were encoded.
    pub async fn write(&mut self, commands: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(commands).await?)
    }

    pub async fn answer(&mut self) -> Result<Reply> {
        loop {
            if let Some((reply, used)) = parse(&self.buffer[self.at..])? {
                self.at += used;
                if self.at == self.buffer.len() {
                    self.buffer.clear();
                    self.at = 0;
                }
                return Ok(reply);
            }
            let count = self.stream.read_buf(&mut self.buffer).await?;
            if count == 0 {
                bail!("redis closed the connection");
            }
            self.received += count as u64;
        }
    }
}

/// A command as bytes.
pub fn encode(words: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// The first whole answer and its length; none where more bytes must come.
fn parse(bytes: &[u8]) -> Result<Option<(Reply, usize)>> {
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else {
        return Ok(None);
    };
    let line = std::str::from_utf8(&bytes[1..end])?;
    let mut used = end + 2;
    let reply = match bytes[0] {
        b'+' => Reply::Bytes(line.as_bytes().to_vec()),
        b'-' => bail!("redis: {line}"),
        b':' => Reply::Number(line.parse()?),
        b'$' | b'*' if line == "-1" => Reply::Nothing,
        b'$' => {
            let length: usize = line.parse()?;
            let Some(body) = bytes.get(used..used + length + 2) else {
                return Ok(None);
            };
            used += length + 2;
            Reply::Bytes(body[..length].to_vec())
        }
        b'*' => {
            let mut items = Vec::new();
            for _ in 0..line.parse::<usize>()? {
                let rest = bytes.get(used..).context("a list within its bytes")?;
                let Some((item, length)) = (if rest.is_empty() { None } else { parse(rest)? })
                else {
                    return Ok(None);
                };
                used += length;
                items.push(item);
            }
            Reply::List(items)
        }
        other => bail!("redis said something that is no answer: {other}"),
    };
    Ok(Some((reply, used)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whole_or_not_at_all() {
        let whole = b"*2\r\n$3\r\nabc\r\n*1\r\n:7\r\nrest";
        let expected = Reply::List(vec![
            Reply::Bytes(b"abc".to_vec()),
            Reply::List(vec![Reply::Number(7)]),
        ]);
        let used = whole.len() - 4;
        assert_eq!(parse(whole).unwrap(), Some((expected, used)));
        for length in 0..used {
            assert_eq!(parse(&whole[..length]).unwrap(), None, "{length} bytes");
        }
    }

    #[test]
    fn nothing_and_errors() {
        assert_eq!(parse(b"*-1\r\n").unwrap(), Some((Reply::Nothing, 5)));
        assert!(parse(b"-ERR no\r\n").is_err());
    }
}
