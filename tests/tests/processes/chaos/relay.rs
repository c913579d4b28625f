//! A relay between processes and a server that they need. Its connections can be cut, and it can be a bad network.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, sleep, sleep_until};

/// On the way there and on the way back, at a bad network.
const DELAY: Duration = Duration::from_millis(150);
/// Of the connections that get this old, since they may get lost, one of so many does; the first one is among them.
const ENDS_EARLY: usize = 10;
const EARLY: Duration = Duration::from_secs(2);

/// What is between the processes and the server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    Good,
    /// An answer takes 300 ms longer, and a tenth of the connections is lost from [`Relay::lose_some`] on.
    Bad,
}

/// Passes connections on until it is dropped.
pub(super) struct Relay {
    url: String,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
    lost: Arc<AtomicUsize>,
    losing: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// One in front of the server of a URL.
    pub(super) async fn start(upstream: &str, network: Network) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().to_string();
        let authority = upstream.split_once("://").unwrap().1.split('/').next().unwrap();
        let host = authority.rsplit('@').next().unwrap().to_owned();
        let url = upstream.replace(&host, &own);
        let server: SocketAddr = host.parse().unwrap();
        let connections = Arc::<Mutex<Vec<AbortHandle>>>::default();
        let lost = Arc::<AtomicUsize>::default();
        let (losing, may_lose) = watch::channel(false);
        let (open, counted) = (Arc::clone(&connections), Arc::clone(&lost));
        let accepting = tokio::spawn(async move {
            let old = Arc::<AtomicUsize>::default();
            while let Ok((client, _)) = listener.accept().await {
                let (old, counted, may_lose) = (Arc::clone(&old), Arc::clone(&counted), may_lose.clone());
                let passing = tokio::spawn(async move {
                    // A server that is away means a connection that ends at once.
                    let Ok(server) = TcpStream::connect(server).await else { return };
                    tokio::select! {
                        () = pass_on(client, server, network) => {}
                        () = end_early(&old, may_lose) => {
                            counted.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
                let mut open = open.lock().unwrap();
                open.retain(|connection| !connection.is_finished());
                open.push(passing.abort_handle());
            }
        });
        Self { url, connections, lost, losing, accepting }
    }

    /// The URL of the server by way of this relay.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Ends every connection in whatever it is doing.
    pub(super) fn cut(&self) -> usize {
        let connections: Vec<AbortHandle> = self.connections.lock().unwrap().drain(..).collect();
        connections.iter().filter(|connection| !connection.is_finished()).map(AbortHandle::abort).count()
    }

    /// From now on a tenth of the connections is lost.
    pub(super) fn lose_some(&self) {
        self.losing.send_replace(true);
    }

    /// How many connections a bad network has lost.
    pub(super) fn lost(&self) -> usize {
        self.lost.load(Ordering::Relaxed)
    }
}

/// Waits until a connection is lost, which most never are.
async fn end_early(old: &AtomicUsize, mut may_lose: watch::Receiver<bool>) {
    if may_lose.wait_for(|may| *may).await.is_err() {
        std::future::pending::<()>().await;
    }
    sleep(EARLY).await;
    if !old.fetch_add(1, Ordering::Relaxed).is_multiple_of(ENDS_EARLY) {
        std::future::pending::<()>().await;
    }
}

/// Passes on in both directions until either side has ended.
async fn pass_on(client: TcpStream, server: TcpStream, network: Network) {
    let delay = if network == Network::Bad { DELAY } else { Duration::ZERO };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::join!(one_way(from_client, to_server, delay), one_way(from_server, to_client, delay));
}

/// Passes on what comes, each piece so much later.
async fn one_way(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: Duration) {
    let (sender, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(64);
    let reading = async move {
        let mut piece = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut piece).await {
            if sender.send((Instant::now() + delay, piece[..length].to_vec())).await.is_err() {
                return;
            }
        }
    };
    let writing = async move {
        while let Some((due, piece)) = pieces.recv().await {
            sleep_until(due).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
        // The other side sees the end as well; it may have gone before.
        let _ = to.shutdown().await;
    };
    tokio::join!(reading, writing);
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.cut();
        self.accepting.abort();
    }
}
