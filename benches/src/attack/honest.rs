//! A client that asks for what everyone may ask, and measures how long it takes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::latency::Latencies;

/// Between two calls.
const PAUSE: Duration = Duration::from_millis(20);
/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Not the address of the attackers.
const FROM: [u8; 4] = [127, 0, 0, 2];

/// A client in a thread of its own.
pub(super) struct Honest {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<(Latencies, u64)>>,
}

impl Honest {
    pub(super) fn start(address: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            Ok(runtime.block_on(async {
                let (mut latencies, mut failed) = (Latencies::default(), 0);
                while !stopped.load(Ordering::Relaxed) {
                    let started = Instant::now();
                    match tokio::time::timeout(PATIENCE, call(address)).await {
                        Ok(Ok(())) => latencies.record(started.elapsed()),
                        Ok(Err(_)) | Err(_) => failed += 1,
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                (latencies, failed)
            }))
        });
        Self { stop, thread }
    }

    /// What it measured, and how many of its calls failed.
    pub(super) fn stop(self) -> anyhow::Result<(Latencies, u64)> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the honest client panicked"))?
    }
}

async fn call(address: SocketAddr) -> anyhow::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((FROM, 0).into())?;
    let mut stream = socket.connect(address).await?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    anyhow::ensure!(answer.starts_with(b"HTTP/1.1 200 "), "not answered");
    Ok(())
}
