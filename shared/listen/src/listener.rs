//! An open port, and the loop that takes connections from it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::door::{Door, Place};
use crate::{Limits, Room};

/// How long no connection is taken after one could not be.
const PAUSE: Duration = Duration::from_millis(200);

/// An open port with limits.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    name: &'static str,
    address: SocketAddr,
    limits: Arc<Limits>,
    door: Arc<Door>,
}

/// A connection that was let in.
#[derive(Debug)]
pub struct Arrival {
    /// The connection. Small answers are sent at once instead of waiting for more to send (RFC 9293 §3.7.4).
    pub tcp: TcpStream,
    /// The client's address.
    pub peer: SocketAddr,
    /// Where it came to.
    pub local: SocketAddr,
    /// The listener's limits.
    pub limits: Arc<Limits>,
    /// Cancelled when nothing new may be begun.
    pub stop: CancellationToken,
    /// Cancelled when everything must end.
    pub end: CancellationToken,
}

impl Listener {
    /// Opens a port. `name` is for the log and the figures.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(
        name: &'static str,
        address: SocketAddr,
        limits: Limits,
        room: &Room,
    ) -> io::Result<Self> {
        let tcp = TcpListener::bind(address).await?;
        let address = tcp.local_addr()?;
        let door = Door::new(name, &limits, room.clone());
        Ok(Self { tcp, name, address, limits: Arc::new(limits), door })
    }

    /// Where it listens, with the port that the system chose for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers each connection in a task of its own until `stop`. Then no connection is accepted, and those that are open have
    /// [`Limits::grace`] to end, and are dropped after it.
    pub async fn run<F, A>(self, stop: CancellationToken, answer: F)
    where
        F: Fn(Arrival) -> A,
        A: Future<Output = ()> + Send + 'static,
    {
        let end = CancellationToken::new();
        let _ends_with_this = end.clone().drop_guard();
        let mut connections = JoinSet::new();
        let mut trouble = Trouble::default();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.tcp.accept() => accepted,
                Some(_) = connections.join_next() => continue,
            };
            match accepted {
                Ok((tcp, peer)) => {
                    trouble.over(self.name);
                    let Some(place) = self.door.admit(peer.ip()) else { continue };
                    let arrival = self.arrival(tcp, peer, &stop, &end);
                    let answered = answer(arrival);
                    connections.spawn(async move {
                        answered.await;
                        drop::<Place>(place);
                    });
                }
                // The client has given up before it was its turn (accept(2)).
                Err(error) if gave_up(&error) => {}
                Err(error) => {
                    trouble.met(self.name, &error);
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                }
            }
        }
        let grace = self.limits.grace;
        drop(self.tcp);
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all).await.is_err() {
            tracing::warn!(
                listener = self.name,
                connections.open = connections.len(),
                "connections were still open when the time for stopping was over, and are closed"
            );
        }
    }

    fn arrival(
        &self,
        tcp: TcpStream,
        peer: SocketAddr,
        stop: &CancellationToken,
        end: &CancellationToken,
    ) -> Arrival {
        // Both fail only when the client has gone already, which reading will tell.
        let _ = tcp.set_nodelay(true);
        let local = tcp.local_addr().unwrap_or(self.address);
        let (limits, stop, end) = (Arc::clone(&self.limits), stop.clone(), end.clone());
        Arrival { tcp, peer, local, limits, stop, end }
    }
}

fn gave_up(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Failures to take connections, logged once and not five times a second.
#[derive(Debug, Default)]
struct Trouble {
    failures: u64,
    told: Option<Instant>,
}

impl Trouble {
    fn met(&mut self, listener: &'static str, error: &io::Error) {
        self.failures += 1;
        if self.told.is_some_and(|told| told.elapsed() < Duration::from_mins(1)) {
            return;
        }
        self.told = Some(Instant::now());
        tracing::error!(
            listener,
            error = %error,
            failures = self.failures,
            "connections cannot be accepted; it is tried five times a second"
        );
    }

    fn over(&mut self, listener: &'static str) {
        if self.failures > 0 {
            tracing::info!(listener, failures = self.failures, "connections are accepted again");
            self.failures = 0;
        }
    }
}
