//! A relay between the processes and their database, whose connections can be cut.

use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinHandle};

/// Passes connections on until it is dropped.
pub(super) struct Relay {
    url: String,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// One in front of the server of a URL.
    pub(super) async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().to_string();
        let host = upstream.split_once('@').unwrap().1.split('/').next().unwrap().to_owned();
        let url = upstream.replace(&host, &own);
        let connections = Arc::<Mutex<Vec<AbortHandle>>>::default();
        let open = Arc::clone(&connections);
        let accepting = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let host = host.clone();
                let passing = tokio::spawn(async move {
                    // A server that is away means a connection that ends at once.
                    if let Ok(mut server) = TcpStream::connect(host).await {
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
                let mut open = open.lock().unwrap();
                open.retain(|connection| !connection.is_finished());
                open.push(passing.abort_handle());
            }
        });
        Self { url, connections, accepting }
    }

    /// The URL of the database by way of this relay.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Ends every connection in whatever it is doing.
    pub(super) fn cut(&self) -> usize {
        let connections: Vec<AbortHandle> = self.connections.lock().unwrap().drain(..).collect();
        connections.iter().filter(|connection| !connection.is_finished()).map(AbortHandle::abort).count()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.cut();
        self.accepting.abort();
    }
}
