//! Validation of challenges (RFC 8555 §8, RFC 8737). Connections go to 127.0.0.1 whatever the name is.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpStream},
    time::Duration,
};

use openssl::{
    sha::sha256,
    ssl::{SslConnector, SslMethod, SslVerifyMode},
    x509::X509,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::{authority::names_of, dns, jws::base64url, problem::Problem, state::Identifier};

const WITHIN: Duration = Duration::from_secs(5);
/// A key authorization is some 90 octets; an answer that is longer than this is not one.
const ANSWER_LIMIT: u64 = 64 * 1024;
/// The identifier of the extension acmeIdentifier, critical, with 32 octets inside of two octet strings (RFC 8737 §3).
const ACME_IDENTIFIER: [u8; 17] =
    [0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x1f, 0x01, 0x01, 0xff, 0x04, 0x22, 0x04, 0x20];

/// A challenge to validate.
pub(crate) struct Task {
    pub(crate) kind: &'static str,
    pub(crate) identifier: Identifier,
    pub(crate) token: String,
    pub(crate) key_authorization: String,
}

/// Validates by the ports of http-01 and tls-alpn-01 and the server of dns-01.
pub(crate) async fn validate(
    task: &Task,
    (http_port, tls_port, dns_server): (u16, u16, Option<SocketAddr>),
) -> Result<(), Problem> {
    match task.kind {
        "http-01" => http(task, http_port).await,
        "dns-01" => by_dns(task, dns_server).await,
        _ => tls(task, tls_port).await,
    }
}

async fn http(task: &Task, port: u16) -> Result<(), Problem> {
    let host = match task.identifier.value.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => task.identifier.value.clone(),
    };
    let path = format!("/.well-known/acme-challenge/{}", task.token);
    let failed = |error: &dyn std::fmt::Display| {
        Problem::new(400, "connection", &format!("http://{host}{path}: {error}"))
    };
    let fetch = async {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: fake-acme\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_LIMIT).read_to_end(&mut answer).await?;
        io::Result::Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = timeout(WITHIN, fetch).await.map_err(|error| failed(&error))?;
    let answer = answer.map_err(|error| failed(&error))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).unwrap_or_default();
    if status != "200" {
        return Err(Problem::unauthorized(&format!("http://{host}{path}: status {status:?}")));
    }
    let chunked = head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked");
    let body = if chunked { first_chunk(body) } else { body };
    if body.trim_end() != task.key_authorization {
        return Err(Problem::unauthorized(&format!("http://{host}{path}: not the key authorization")));
    }
    Ok(())
}

/// The body of an answer whose length was not announced (RFC 9112 §7.1); a key authorization is one chunk.
fn first_chunk(body: &str) -> &str {
    let (size, rest) = body.split_once("\r\n").unwrap_or_default();
    let size = usize::from_str_radix(size, 16).unwrap_or_default();
    rest.get(..size).unwrap_or_default()
}

async fn by_dns(task: &Task, server: Option<SocketAddr>) -> Result<(), Problem> {
    let name = format!("_acme-challenge.{}.", task.identifier.value);
    let failed = |detail: &str| Problem::new(400, "dns", detail);
    let server = server.ok_or_else(|| failed("this server has no DNS server to ask"))?;
    let values = dns::txt(server, &name).await.map_err(|detail| failed(&detail))?;
    let expected = base64url(&sha256(task.key_authorization.as_bytes()));
    if values.contains(&expected) {
        return Ok(());
    }
    let detail = format!("none of the {} TXT records at {name} is the right one", values.len());
    Err(Problem::unauthorized(&detail))
}

async fn tls(task: &Task, port: u16) -> Result<(), Problem> {
    let server_name = match task.identifier.value.parse() {
        Ok(address) => reverse_name(address),
        Err(_) => task.identifier.value.clone(),
    };
    let shake = tokio::task::spawn_blocking(move || handshake(port, &server_name));
    let (certificate, protocol) = shake
        .await
        .map_err(|error| Problem::new(400, "connection", &error.to_string()))?
        .map_err(|error| Problem::new(400, "tls", &error.to_string()))?;
    let digest = sha256(task.key_authorization.as_bytes());
    let extension = [&ACME_IDENTIFIER[..], &digest].concat();
    let der = certificate.to_der().unwrap_or_default();
    if protocol != b"acme-tls/1" {
        return Err(Problem::unauthorized("the protocol acme-tls/1 was not chosen"));
    }
    if names_of(&certificate) != [task.identifier.value.as_str()] {
        return Err(Problem::unauthorized("the certificate is not for this one name"));
    }
    if !der.windows(extension.len()).any(|window| window == extension) {
        return Err(Problem::unauthorized("the certificate does not have the right acmeIdentifier"));
    }
    Ok(())
}

/// The certificate of the server and the protocol it chose.
fn handshake(port: u16, server_name: &str) -> io::Result<(X509, Vec<u8>)> {
    let stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), WITHIN)?;
    stream.set_read_timeout(Some(WITHIN))?;
    let mut connector = SslConnector::builder(SslMethod::tls_client())?;
    // It is self-signed; the extension in it is what counts.
    connector.set_verify(SslVerifyMode::NONE);
    connector.set_alpn_protos(b"\x0aacme-tls/1")?;
    let configuration = connector.build().configure()?.verify_hostname(false);
    let stream = configuration.connect(server_name, stream).map_err(io::Error::other)?;
    let certificate = stream.ssl().peer_certificate().ok_or(io::ErrorKind::InvalidData)?;
    let protocol = stream.ssl().selected_alpn_protocol().unwrap_or_default().to_vec();
    Ok((certificate, protocol))
}

/// The name by which an address is asked for (RFC 8738 §6).
fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let digits = format!("{:032x}", u128::from(address));
            let reversed: String = digits.chars().rev().flat_map(|digit| [digit, '.']).collect();
            format!("{reversed}ip6.arpa")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{first_chunk, reverse_name};

    #[test]
    fn addresses_are_asked_for_by_their_reverse_names() {
        assert_eq!(reverse_name("192.0.2.1".parse().unwrap()), "1.2.0.192.in-addr.arpa");
        let name = reverse_name("2001:db8::1".parse().unwrap());
        assert!(name.starts_with("1.0.0.0.") && name.ends_with("8.b.d.0.1.0.0.2.ip6.arpa"), "{name}");
    }

    #[test]
    fn a_body_in_chunks_is_read() {
        assert_eq!(first_chunk("3\r\nabc\r\n0\r\n\r\n"), "abc");
        assert_eq!(first_chunk("nonsense"), "");
    }
}
