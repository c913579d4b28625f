//! Connections that can be cut from the inside of a request, without an answer.

use std::{
    collections::HashMap,
    io::{self, ErrorKind},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use poem::{
    http::uri::Scheme,
    listener::Acceptor,
    web::{LocalAddr, RemoteAddr},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The open connections by the client's address.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Mutex<HashMap<SocketAddr, Weak<AtomicBool>>>,
}

impl Connections {
    /// Nothing more is written to the client at this address, and its connection ends.
    pub(crate) fn cut(&self, client: SocketAddr) {
        if let Some(cut) = self.lock().get(&client).and_then(Weak::upgrade) {
            cut.store(true, Ordering::SeqCst);
        }
    }

    /// As [`Self::cut`], for everybody.
    pub(crate) fn cut_all(&self) {
        for cut in self.lock().values().filter_map(Weak::upgrade) {
            cut.store(true, Ordering::SeqCst);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, Weak<AtomicBool>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts connections that are in the list.
pub(crate) struct Cuttable<A> {
    inner: A,
    connections: Arc<Connections>,
}

impl<A> Cuttable<A> {
    pub(crate) fn new(inner: A, connections: Arc<Connections>) -> Self {
        Self { inner, connections }
    }
}

impl<A: Acceptor> Acceptor for Cuttable<A> {
    type Io = Connection<A::Io>;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.inner.local_addr()
    }

    async fn accept(&mut self) -> io::Result<(Self::Io, LocalAddr, RemoteAddr, Scheme)> {
        let (inner, local, remote, scheme) = self.inner.accept().await?;
        let cut = Arc::new(AtomicBool::new(false));
        if let Some(client) = remote.as_socket_addr() {
            let mut open = self.connections.lock();
            open.retain(|_, connection| connection.strong_count() > 0);
            open.insert(*client, Arc::downgrade(&cut));
        }
        Ok((Connection { inner, cut }, local, remote, scheme))
    }
}

/// One connection; when it is cut, whatever is done with it fails, and its owner lets go of it.
pub(crate) struct Connection<S> {
    inner: S,
    cut: Arc<AtomicBool>,
}

impl<S> Connection<S> {
    fn check(&self) -> io::Result<()> {
        if self.cut.load(Ordering::SeqCst) { Err(ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
