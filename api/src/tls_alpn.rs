//! The tls-alpn-01 responder (RFC 8737, RFC 8738): a listener that does handshakes with ACME servers and nothing else.
//!
//! The ClientHello is read before OpenSSL sees the connection, so that the row it asks for can be looked up without blocking
//! a callback; then the connection gets a context with the one certificate for it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use certmill_listen::{Arrival, Listener};
use certmill_service::App;
use certmill_service::acme::responses::{self, TlsAlpnAnswer};
use openssl::pkey::PKey;
use openssl::ssl::{AlpnError, Ssl, SslAcceptor, SslMethod, SslVersion};
use openssl::x509::X509;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;
use tokio_util::sync::CancellationToken;

/// The one protocol that is spoken (RFC 8737 section 6.2).
const PROTOCOL: &[u8] = b"acme-tls/1";
/// How long a connection may go on when the listener stops.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The longest record of TLS (RFC 8446 section 5.1), in which a ClientHello of anyone we serve fits.
const RECORD: usize = 1 << 14;
/// Alerts of RFC 8446 section 6.
const UNRECOGNIZED_NAME: u8 = 112;
const NO_APPLICATION_PROTOCOL: u8 = 120;

/// Answers on `listener` until `stop`.
pub async fn serve(app: App, listener: Listener, stop: CancellationToken) {
    listener.run(stop, move |arrival| connection(app.clone(), arrival)).await;
}

async fn connection(app: App, arrival: Arrival) {
    let Arrival { tcp, limits, stop, .. } = arrival;
    let last_words = async {
        stop.cancelled().await;
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::select! {
        answered = tokio::time::timeout(limits.handshake_timeout, answer(&app, tcp)) => {
            if let Ok(Err(error)) = answered {
                tracing::debug!(error = %error, "a tls-alpn-01 connection was not answered");
            }
        }
        () = last_words => {}
    }
}

async fn answer(app: &App, mut stream: TcpStream) -> io::Result<()> {
    let hello = read_record(&mut stream).await?;
    let Some(wish) = Wish::of(&hello) else {
        return Ok(());
    };
    if !wish.speaks_acme {
        return refuse(&mut stream, NO_APPLICATION_PROTOCOL).await;
    }
    let found = match &wish.host {
        Some(host) => responses::tls_alpn01(app, host).await.map_err(io::Error::other)?,
        None => None,
    };
    let Some(found) = found else {
        return refuse(&mut stream, UNRECOGNIZED_NAME).await;
    };
    let ssl = context(&found).map_err(io::Error::other)?;
    let mut tls = SslStream::new(ssl, Again { read: hello, at: 0, stream }).map_err(io::Error::other)?;
    Pin::new(&mut tls).accept().await.map_err(io::Error::other)?;
    // The handshake is all there is (RFC 8737 section 3).
    let _ = Pin::new(&mut tls).shutdown().await;
    Ok(())
}

/// The first record of a connection, with its header.
async fn read_record(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut header = [0; 5];
    stream.read_exact(&mut header).await?;
    let [kind, major, _, high, low] = header;
    let length = usize::from(u16::from_be_bytes([high, low]));
    // A handshake of any version.
    if kind != 22 || major != 3 || length > RECORD {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no TLS handshake"));
    }
    let mut record = vec![0; 5 + length];
    record[..5].copy_from_slice(&header);
    stream.read_exact(&mut record[5..]).await?;
    Ok(record)
}

async fn refuse(stream: &mut TcpStream, alert: u8) -> io::Result<()> {
    // A fatal alert in a record of TLS 1.2.
    stream.write_all(&[21, 3, 3, 0, 2, 2, alert]).await?;
    stream.shutdown().await
}

fn context(answer: &TlsAlpnAnswer) -> Result<Ssl, openssl::error::ErrorStack> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_certificate(&*X509::from_der(&answer.certificate_der)?)?;
    builder.set_private_key(&*PKey::private_key_from_pkcs8(&answer.key_pkcs8_der)?)?;
    builder.set_alpn_select_callback(|_, offered| {
        offers_acme(offered).then_some(PROTOCOL).ok_or(AlpnError::ALERT_FATAL)
    });
    Ssl::new(builder.build().context())
}

/// Whether a list of protocols, each with its length before it, has ours.
fn offers_acme(offered: &[u8]) -> bool {
    let mut rest = Octets(offered);
    while let Some(protocol) = rest.u8().and_then(|length| rest.take(length.into())) {
        if protocol == PROTOCOL {
            return true;
        }
    }
    false
}

/// What a client wants.
struct Wish {
    /// The name or address that it asks for.
    host: Option<String>,
    speaks_acme: bool,
}

impl Wish {
    /// Reads a record with a ClientHello (RFC 8446 section 4.1.2); none when it is something else.
    fn of(record: &[u8]) -> Option<Self> {
        let mut hello = Octets(record.get(5..)?);
        if hello.u8()? != 1 {
            return None;
        }
        let length = hello.u24()?;
        let mut hello = Octets(hello.take(length)?);
        // Version and random, session id, cipher suites, compression methods.
        hello.take(34)?;
        let session = hello.u8()?;
        hello.take(session.into())?;
        let suites = hello.u16()?;
        hello.take(suites.into())?;
        let compression = hello.u8()?;
        hello.take(compression.into())?;
        let mut wish = Self { host: None, speaks_acme: false };
        let length = hello.u16()?;
        let mut extensions = Octets(hello.take(length.into())?);
        while let (Some(kind), Some(length)) = (extensions.u16(), extensions.u16()) {
            let content = extensions.take(length.into())?;
            match kind {
                0 => wish.host = server_name(content).and_then(|name| identifier(&name)),
                16 => wish.speaks_acme = offers_acme(content.get(2..)?),
                _ => {}
            }
        }
        Some(wish)
    }
}

/// The host name of a `server_name` extension (RFC 6066 section 3).
fn server_name(content: &[u8]) -> Option<String> {
    let mut list = Octets(content);
    list.u16()?;
    if list.u8()? != 0 {
        return None;
    }
    let length = list.u16()?;
    let name = std::str::from_utf8(list.take(length.into())?).ok()?;
    Some(name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase())
}

/// The identifier that a name stands for: an address that is written backwards (RFC 8738 section 6) is that address.
fn identifier(name: &str) -> Option<String> {
    if let Some(octets) = name.strip_suffix(".in-addr.arpa") {
        let forwards: Vec<&str> = octets.rsplit('.').collect();
        return forwards.join(".").parse::<Ipv4Addr>().ok().map(|address| address.to_string());
    }
    if let Some(nibbles) = name.strip_suffix(".ip6.arpa") {
        let digits: String = nibbles.rsplit('.').collect();
        let number = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32)?;
        return Some(IpAddr::from(Ipv6Addr::from(number)).to_string());
    }
    (!name.is_empty() && name.len() <= 253).then(|| name.to_owned())
}

/// Octets that are read from the front.
struct Octets<'a>(&'a [u8]);

impl<'a> Octets<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    fn u24(&mut self) -> Option<usize> {
        let high = self.u8()?;
        Some(usize::from(high) << 16 | usize::from(self.u16()?))
    }
}

/// A connection of which something was read already.
struct Again {
    read: Vec<u8>,
    at: usize,
    stream: TcpStream,
}

impl AsyncRead for Again {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = self.read.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let taken = rest.len().min(buffer.remaining());
        buffer.put_slice(rest.get(..taken).unwrap_or_default());
        self.at += taken;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Again {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reversed_names_are_addresses() {
        assert_eq!(identifier("1.2.0.192.in-addr.arpa").as_deref(), Some("192.0.2.1"));
        let v6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
        assert_eq!(identifier(v6).as_deref(), Some("2001:db8::1"));
        assert_eq!(identifier("example.com").as_deref(), Some("example.com"));
        for name in ["", "1.2.in-addr.arpa", "x.y.z.w.in-addr.arpa", "1.ip6.arpa"] {
            assert_eq!(identifier(name), None, "{name}");
        }
    }

    #[test]
    fn garbage_is_no_wish() {
        for length in 0..64 {
            let record: Vec<u8> = (0..length).map(|n: u8| n.wrapping_mul(37)).collect();
            assert!(Wish::of(&record).is_none_or(|wish| wish.host.is_none()), "{length}");
        }
        assert!(offers_acme(b"\x0aacme-tls/1"));
        assert!(offers_acme(b"\x02h2\x0aacme-tls/1"));
        assert!(!offers_acme(b"\x02h2\x0bacme-tls/1"));
    }
}
