//! One question or update to one name server, and its answer.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::DnsError;

/// What fits into a datagram on every path (RFC 6891 section 6.2.5 leaves the number to us).
const PAYLOAD: u16 = 1_232;
/// How often a question goes out by UDP before the time is over.
const SENDINGS: u32 = 3;

/// By what a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// A question.
pub(crate) fn question(name: &Name, kind: RecordType, recursive: bool) -> Message {
    let mut message = Message::query();
    message.metadata.op_code = OpCode::Query;
    message.metadata.recursion_desired = recursive;
    message.add_query(Query::query(name.clone(), kind));
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD);
    edns.set_version(0);
    message.set_edns(edns);
    message
}

/// Whether there is a way to an address from here; nothing is sent. Without a way, no server can be asked at addresses of
/// its family: a host without IPv6, or with nothing else.
pub(crate) async fn has_route(server: SocketAddr) -> bool {
    match connected(server).await {
        Ok(_) => true,
        Err(error) => !is_no_route(&error),
    }
}

/// What the system says when it has no route, no address of the family to send from, or does not know the family.
fn is_no_route(error: &std::io::Error) -> bool {
    /// `EAFNOSUPPORT` of Linux, which has no kind of its own.
    const NO_SUCH_FAMILY: i32 = 97;
    matches!(error.kind(), ErrorKind::NetworkUnreachable | ErrorKind::AddrNotAvailable)
        || error.raw_os_error() == Some(NO_SUCH_FAMILY)
}

/// A socket that receives only what this server sends to it.
async fn connected(server: SocketAddr) -> std::io::Result<UdpSocket> {
    let local: SocketAddr = if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(server).await?;
    Ok(socket)
}

/// Asks by UDP, and once more by TCP when the answer does not fit.
pub(crate) async fn ask(server: SocketAddr, message: &Message, limit: Duration) -> Result<Message, DnsError> {
    let octets = message.to_vec().map_err(|error| DnsError::Invalid(error.to_string()))?;
    let id = message.metadata.id;
    let answer = read(&send(server, &octets, id, (Transport::Udp, limit)).await?)?;
    if !answer.metadata.truncation {
        return Ok(answer);
    }
    read(&send(server, &octets, id, (Transport::Tcp, limit)).await?)
}

fn read(octets: &[u8]) -> Result<Message, DnsError> {
    Message::from_vec(octets)
        .map_err(|error| DnsError::Unavailable(format!("an answer cannot be read: {error}")))
}

/// Sends octets and answers those that come back.
pub(crate) async fn send(
    server: SocketAddr,
    octets: &[u8],
    id: u16,
    (transport, limit): (Transport, Duration),
) -> Result<Vec<u8>, DnsError> {
    match transport {
        Transport::Udp => by_udp(server, octets, id, limit).await,
        Transport::Tcp => by_tcp(server, octets, limit).await,
    }
}

async fn by_udp(server: SocketAddr, octets: &[u8], id: u16, limit: Duration) -> Result<Vec<u8>, DnsError> {
    let failed = |error: std::io::Error| DnsError::Unavailable(format!("{server} cannot be asked: {error}"));
    let socket = connected(server).await.map_err(failed)?;
    let mut buffer = vec![0; 65_535];
    for _ in 0..SENDINGS {
        socket.send(octets).await.map_err(failed)?;
        let received = async {
            loop {
                let length = socket.recv(&mut buffer).await?;
                if buffer.get(..2) == Some(&id.to_be_bytes()[..]) && length > 2 {
                    return Ok::<_, std::io::Error>(length);
                }
            }
        };
        match tokio::time::timeout(limit / SENDINGS, received).await {
            Ok(Ok(length)) => {
                buffer.truncate(length);
                return Ok(buffer);
            }
            Ok(Err(error)) => return Err(failed(error)),
            Err(_) => {}
        }
    }
    Err(DnsError::OutcomeUnknown(format!("{server} did not answer within {} s", limit.as_secs())))
}

async fn by_tcp(server: SocketAddr, octets: &[u8], limit: Duration) -> Result<Vec<u8>, DnsError> {
    let unavailable =
        |error: std::io::Error| DnsError::Unavailable(format!("{server} cannot be asked: {error}"));
    let slow = || DnsError::Unavailable(format!("{server} took no connection within {} s", limit.as_secs()));
    let connection = tokio::time::timeout(limit, TcpStream::connect(server)).await;
    let mut stream = connection.map_err(|_| slow())?.map_err(unavailable)?;
    let length =
        u16::try_from(octets.len()).map_err(|_| DnsError::Invalid("the message is too long".to_owned()))?;
    let framed = [&length.to_be_bytes()[..], octets].concat();
    let exchange = async {
        stream.write_all(&framed).await?;
        let length = stream.read_u16().await?;
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let unknown =
        |reason: String| DnsError::OutcomeUnknown(format!("{server} did not answer completely: {reason}"));
    match tokio::time::timeout(limit, exchange).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(unknown(error.to_string())),
        Err(_) => Err(unknown(format!("{} s have passed", limit.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_that_there_is_no_way_is_no_route() {
        let of = |number| is_no_route(&std::io::Error::from_raw_os_error(number));
        // ENETUNREACH, EADDRNOTAVAIL and EAFNOSUPPORT of Linux; ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH and EACCES.
        assert!([101, 99, 97].into_iter().all(of));
        assert!(![111, 110, 113, 13].into_iter().any(of));
    }

    #[tokio::test]
    async fn this_machine_is_on_the_way_to_itself() {
        assert!(has_route(([127, 0, 0, 1], 53).into()).await);
    }
}
