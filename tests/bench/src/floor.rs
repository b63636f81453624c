//! What no program can save: a flush, a round trip, and both one after the other.
//!
//! A flush and a wake-up take longer where the disk and the processor had nothing to do right before. So there is the floor of the targets,
//! made of flushes and of round trips that follow each other without a pause, and an answer behind a flush at the pace of what is measured.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::figures::quantile;

/// What a flush writes: a page, the least that SQLite's WAL writes for a commit.
const FLUSH_BYTES: usize = 4096;

/// What goes there and back.
const TRIP_BYTES: usize = 256;

/// Overwrites pages of a file that is there already, as a log does that uses its file again. Microseconds.
pub fn flush_p50(folder: &Path, samples: usize) -> Result<f64> {
    let file = FlushedFile::create(folder, samples)?;
    let mut times = Vec::with_capacity(samples);
    for n in 0..samples {
        let began = Instant::now();
        file.flush(n)?;
        times.push(micros(began));
    }
    Ok(quantile(&times, 0.5))
}

/// 256 bytes there and back over TCP on loopback. Microseconds.
pub async fn round_trip_p50(samples: usize) -> Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let echo = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let mut bytes = [0; TRIP_BYTES];
        for _ in 0..samples {
            stream.read_exact(&mut bytes).await?;
            stream.write_all(&bytes).await?;
        }
        anyhow::Ok(())
    });
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut times = Vec::with_capacity(samples);
    let mut bytes = [7; TRIP_BYTES];
    for _ in 0..samples {
        let began = Instant::now();
        stream.write_all(&bytes).await?;
        stream.read_exact(&mut bytes).await?;
        times.push(micros(began));
    }
    echo.await??;
    Ok(quantile(&times, 0.5))
}

/// From a question to its answer, which a bare server gives once it has flushed a page: a thread that waits for nothing else, and questions
/// with a pause between them. Microseconds.
pub fn answer_p50(folder: &Path, samples: usize, pause: Duration) -> Result<f64> {
    let file = FlushedFile::create(folder, samples)?;
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut bytes = [0; TRIP_BYTES];
        for n in 0..samples {
            stream.read_exact(&mut bytes)?;
            file.flush(n)?;
            stream.write_all(&bytes)?;
        }
        anyhow::Ok(())
    });
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut times = Vec::with_capacity(samples);
    let mut bytes = [7; TRIP_BYTES];
    for _ in 0..samples {
        std::thread::sleep(pause);
        let began = Instant::now();
        stream.write_all(&bytes)?;
        stream.read_exact(&mut bytes)?;
        times.push(micros(began));
    }
    let served = server.join();
    served.map_err(|_| anyhow!("the bare server panicked"))??;
    Ok(quantile(&times, 0.5))
}

/// A file that has its size already, as a log has that uses its file again.
struct FlushedFile(File);

impl FlushedFile {
    fn create(folder: &Path, pages: usize) -> Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(folder.join("flush"))?;
        let page = [7_u8; FLUSH_BYTES];
        for n in 0..pages {
            file.write_all_at(&page, (n * FLUSH_BYTES) as u64)?;
        }
        file.sync_all()?;
        Ok(Self(file))
    }

    /// Overwrites a page of it and waits for the disk.
    fn flush(&self, n: usize) -> std::io::Result<()> {
        let page = [7_u8; FLUSH_BYTES];
        self.0.write_all_at(&page, (n * FLUSH_BYTES) as u64)?;
        self.0.sync_data()
    }
}

/// Microseconds since then.
pub fn micros(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e6
}
