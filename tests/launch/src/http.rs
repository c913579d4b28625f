//! One HTTP/1.0 request to a server on the loopback interface, because a whole client is not worth its weight here.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use openssl::{
    ssl::{SslConnector, SslMethod},
    x509::{X509, store::X509StoreBuilder},
};

const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The status and the body of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// A plain POST; errors are those of the connection, or an answer that is not HTTP.
pub(crate) fn post(port: u16, path: &str, body: &str) -> io::Result<Answer> {
    exchange(connect(port)?, "POST", path, (&[], body))
}

/// A plain request with headers and a body.
pub(crate) fn request(
    port: u16,
    method: &str,
    path: &str,
    (headers, body): (&[(&str, &str)], &str),
) -> io::Result<Answer> {
    exchange(connect(port)?, method, path, (headers, body))
}

/// A request over TLS to a server that `ca_pem` vouches for.
pub(crate) fn request_tls(
    ca_pem: &str,
    port: u16,
    method: &str,
    path: &str,
    body: &str,
) -> io::Result<Answer> {
    let mut store = X509StoreBuilder::new()?;
    store.add_cert(X509::from_pem(ca_pem.as_bytes())?)?;
    let mut connector = SslConnector::builder(SslMethod::tls_client())?;
    connector.set_cert_store(store.build());
    let stream = connector.build().connect("127.0.0.1", connect(port)?).map_err(io::Error::other)?;
    exchange(stream, method, path, (&[], body))
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    Ok(stream)
}

fn exchange(
    mut stream: impl Read + Write,
    method: &str,
    path: &str,
    (headers, body): (&[(&str, &str)], &str),
) -> io::Result<Answer> {
    let more =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
    // HTTP/1.0, so that the end of the connection is the end of the answer; Pebble wants a User-Agent (RFC 8555 §6.1).
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: localhost\r\nUser-Agent: certmill-tests\r\n{more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(Answer { status: status.ok_or(io::ErrorKind::InvalidData)?, body: body.to_owned() })
}
