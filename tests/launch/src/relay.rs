//! Passes DNS from one loopback address on to another: `named` listens only on addresses that an interface has, and of the
//! loopback network that is 127.0.0.1 alone, while every other one can be bound to.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Longer than clients wait for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Relays UDP and TCP until it is dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    listen: SocketAddr,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    /// The error is that of binding to `listen`, as when the port is taken there.
    pub(crate) fn start(listen: SocketAddr, upstream: SocketAddr) -> io::Result<Self> {
        let (datagrams, streams) = (UdpSocket::bind(listen)?, TcpListener::bind(listen)?);
        let over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&over);
        let by_datagram = thread::spawn(move || {
            let mut question = [0; 4096];
            while let Ok((length, client)) = datagrams.recv_from(&mut question) {
                if flag.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(answers) = datagrams.try_clone() else { return };
                let question = question.get(..length).unwrap_or_default().to_vec();
                thread::spawn(move || {
                    // Without an answer the client waits in vain, as with any silent server.
                    if let Ok(answer) = ask(upstream, &question) {
                        let _ = answers.send_to(&answer, client);
                    }
                });
            }
        });
        let flag = Arc::clone(&over);
        let by_stream = thread::spawn(move || {
            for client in streams.incoming() {
                if flag.load(Ordering::SeqCst) {
                    return;
                }
                if let (Ok(client), Ok(server)) = (client, TcpStream::connect(upstream)) {
                    let (Ok(from_client), Ok(from_server)) = (client.try_clone(), server.try_clone()) else {
                        return;
                    };
                    thread::spawn(move || pass_on(from_client, server));
                    thread::spawn(move || pass_on(from_server, client));
                }
            }
        });
        Ok(Self { listen, over, threads: vec![by_datagram, by_stream] })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes both threads, which then see that it is over; one that is gone already needs no waking.
        let _ = TcpStream::connect(self.listen);
        let _ = UdpSocket::bind((self.listen.ip(), 0)).and_then(|socket| socket.send_to(&[], self.listen));
        for thread in self.threads.drain(..) {
            // One that has panicked has let go of its socket as well.
            let _ = thread.join();
        }
    }
}

fn ask(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    socket.set_read_timeout(Some(ANSWER_WITHIN))?;
    socket.connect(server)?;
    socket.send(question)?;
    let mut answer = vec![0; 65_535];
    let length = socket.recv(&mut answer)?;
    answer.truncate(length);
    Ok(answer)
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    // The other side sees the end, whether it came in order or not.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
