//! Servers that are looked at for their certificate: TLS from the start or after the dialogue of a protocol, and some that do
//! not behave.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openssl::pkey::PKey;
use openssl::ssl::{NameType, SslAcceptor, SslAcceptorBuilder, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::X509;

/// What a server does with each connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// TLS after the dialogue of this scheme of endpoints; `tls` has none.
    Serves(&'static str),
    /// The dialogue of this scheme, up to where TLS is refused.
    Refuses(&'static str),
    /// TLS of this version for whoever has a client's certificate.
    WantsClient(SslVersion),
    /// TLS 1.2 with RSA key exchange, in which the server signs nothing.
    ExchangesByRsa,
    /// The same of somebody who has the certificate and not its key: a refusal comes where the key would be needed.
    HasNoKey,
    /// Nothing at all.
    Hangs,
    /// These octets for ever.
    Endless(&'static [u8]),
    /// These octets, and the end.
    Says(&'static [u8]),
}

/// A server on a port of its own, until it is dropped.
pub struct TlsServer {
    /// Its port.
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    manner: Manner,
    /// Certificate chain and key in PEM.
    material: Mutex<(String, String)>,
    names: Mutex<Vec<String>>,
    calls: AtomicU64,
    is_over: AtomicBool,
}

impl TlsServer {
    /// Starts one that has no certificate yet.
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            manner,
            material: Mutex::default(),
            names: Mutex::default(),
            calls: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let of_server = Arc::clone(&shared);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if of_server.is_over.load(Ordering::Relaxed) {
                    return;
                }
                of_server.calls.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::clone(&of_server);
                std::thread::spawn(move || shared.serve(connection));
            }
        });
        Self { port, shared }
    }

    /// Starts one that serves this certificate and key, both PEM.
    pub fn with(manner: Manner, certificate: &str, key: &str) -> Self {
        let server = Self::start(manner);
        server.present(certificate, key);
        server
    }

    /// Serves this certificate from now on.
    pub fn present(&self, certificate: &str, key: &str) {
        *self.shared.material.lock().unwrap() = (certificate.to_owned(), key.to_owned());
    }

    /// Waits until somebody has connected.
    pub fn is_called(&self) {
        for _ in 0..1_000 {
            if self.shared.calls.load(Ordering::Relaxed) > 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("nobody has connected");
    }

    /// The server name that the first client has sent, once its handshake is over; empty when it has sent none.
    pub fn first_name(&self) -> String {
        for _ in 0..1_000 {
            if let Some(name) = self.shared.names.lock().unwrap().first() {
                return name.clone();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("nobody has shaken hands");
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    /// Whoever goes away in the midst of it ends it.
    fn serve(&self, mut connection: TcpStream) {
        let _ = connection.set_read_timeout(Some(Duration::from_mins(1)));
        match self.manner {
            Manner::Serves(scheme) => {
                if converse(&mut connection, scheme, true).is_some() {
                    self.shake(connection, |_| {});
                }
            }
            Manner::Refuses(scheme) => {
                let _ = converse(&mut connection, scheme, false);
                let _ = connection.read(&mut [0; 64]);
            }
            Manner::WantsClient(version) => self.shake(connection, |builder| {
                builder.set_max_proto_version(Some(version)).unwrap();
                builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
            }),
            Manner::ExchangesByRsa => self.shake(connection, |builder| {
                builder.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
                builder.set_cipher_list("AES128-SHA:@SECLEVEL=0").unwrap();
            }),
            Manner::HasNoKey => {
                let _ = self.pretend(&mut connection);
            }
            Manner::Hangs => while connection.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {},
            Manner::Endless(octets) => while connection.write_all(octets).is_ok() {},
            Manner::Says(octets) => {
                let _ = connection.write_all(octets);
                let _ = connection.shutdown(std::net::Shutdown::Write);
                while connection.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {}
            }
        }
    }

    fn shake(&self, connection: TcpStream, configure: impl FnOnce(&mut SslAcceptorBuilder)) {
        let (chain, key) = self.material.lock().unwrap().clone();
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        let chain = X509::stack_from_pem(chain.as_bytes()).unwrap();
        builder.set_certificate(&chain[0]).unwrap();
        for above in &chain[1..] {
            builder.add_extra_chain_cert(above.clone()).unwrap();
        }
        builder.set_private_key(&PKey::private_key_from_pem(key.as_bytes()).unwrap()).unwrap();
        configure(&mut builder);
        if let Ok(mut stream) = builder.build().accept(connection) {
            let name = stream.ssl().servername(NameType::HOST_NAME).unwrap_or_default().to_owned();
            self.names.lock().unwrap().push(name);
            let _ = stream.read(&mut [0; 64]);
        }
    }

    /// ServerHello with TLS_RSA_WITH_AES_128_CBC_SHA, Certificate and ServerHelloDone (RFC 5246 section 7.4), and after the
    /// client's answer the fatal alert `handshake_failure`.
    fn pretend(&self, connection: &mut TcpStream) -> std::io::Result<()> {
        let chain = self.material.lock().unwrap().0.clone();
        let der = X509::from_pem(chain.as_bytes()).unwrap().to_der().unwrap();
        // No session, the suite, no compression, and `renegotiation_info` (RFC 5746), without which clients break off.
        let choices = [0, 0, 0x2f, 0, 0, 5, 0xff, 1, 0, 1, 0];
        let hello = [&[3, 3][..], &[7; 32], &choices].concat();
        let certificates = with_length(&with_length(&der));
        let flight = [message(2, &hello), message(11, &certificates), message(14, &[])].concat();
        let _ = connection.read(&mut [0; 4096])?;
        let length = u16::try_from(flight.len()).unwrap().to_be_bytes();
        connection.write_all(&[&[0x16, 3, 3], &length[..], &flight].concat())?;
        let _ = connection.read(&mut [0; 4096])?;
        connection.write_all(&[0x15, 3, 3, 0, 2, 2, 40])?;
        connection.shutdown(std::net::Shutdown::Write)?;
        while connection.read(&mut [0; 4096])? > 0 {}
        Ok(())
    }
}

/// A message of a handshake.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &with_length(body)].concat()
}

/// Octets with their number in three octets before them.
fn with_length(octets: &[u8]) -> Vec<u8> {
    let length = u32::try_from(octets.len()).unwrap().to_be_bytes();
    [&length[1..], octets].concat()
}

/// The server's side of a dialogue; none when the client does not get so far. Real clients, `openssl s_client` among them, ask for
/// more than ours does, and get it.
fn converse(connection: &mut TcpStream, scheme: &str, consents: bool) -> Option<()> {
    let greeting = match scheme {
        "smtp" => "220-mail.test ESMTP\r\n220 be brief\r\n",
        "imap" => "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n",
        "pop3" => "+OK ready\r\n",
        "ftp" => "220-files.test\r\n  who goes there\r\n220 ready\r\n",
        "ldap" => return ldap(connection, consents),
        "postgres" => return postgres(connection, consents),
        _ => return Some(()),
    };
    connection.write_all(greeting.as_bytes()).ok()?;
    loop {
        let line = line(connection)?;
        let (first, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let (answer, is_over) = match (scheme, first.to_ascii_uppercase().as_str(), rest) {
            ("smtp", "EHLO", _) if consents => {
                ("250-mail.test\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 HELP\r\n".to_owned(), false)
            }
            ("smtp", "EHLO", _) => ("250-mail.test\r\n250 HELP\r\n".to_owned(), true),
            ("smtp", "STARTTLS", "") => ("220 go ahead\r\n".to_owned(), true),
            ("imap", _, "CAPABILITY") => {
                (format!("* CAPABILITY IMAP4rev1 STARTTLS\r\n{first} OK\r\n"), false)
            }
            ("imap", _, "STARTTLS") if consents => (format!("* a word\r\n{first} OK begin\r\n"), true),
            ("imap", _, "STARTTLS") => (format!("{first} NO not here\r\n"), true),
            ("pop3", "STLS", "") if consents => ("+OK begin\r\n".to_owned(), true),
            ("pop3", "STLS", "") => ("-ERR not here\r\n".to_owned(), true),
            ("ftp", "FEAT", "") => ("211-Features:\r\n AUTH TLS\r\n211 End\r\n".to_owned(), false),
            ("ftp", "AUTH", "TLS") if consents => ("234 begin\r\n".to_owned(), true),
            ("ftp", "AUTH", "TLS") => ("534 not here\r\n".to_owned(), true),
            _ => return None,
        };
        connection.write_all(answer.as_bytes()).ok()?;
        if is_over {
            return consents.then_some(());
        }
    }
}

/// An `ExtendedResponse` to message 1 with the result success or unavailable (RFC 4511).
fn ldap(connection: &mut TcpStream, consents: bool) -> Option<()> {
    let mut request = [0; 31];
    connection.read_exact(&mut request).ok()?;
    assert!(request.ends_with(b"1.3.6.1.4.1.1466.20037"), "{request:?}");
    let result = if consents { 0 } else { 52 };
    let answer = [0x30, 12, 2, 1, 1, 0x78, 7, 10, 1, result, 4, 0, 4, 0];
    connection.write_all(&answer).ok()?;
    consents.then_some(())
}

fn postgres(connection: &mut TcpStream, consents: bool) -> Option<()> {
    let mut request = [0; 8];
    connection.read_exact(&mut request).ok()?;
    assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47]);
    connection.write_all(if consents { b"S" } else { b"N" }).ok()?;
    consents.then_some(())
}

/// A line, of which nothing beyond is read: a client may begin its handshake only after the answer.
fn line(connection: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    let mut reader = BufReader::with_capacity(1, connection);
    reader.read_line(&mut text).ok().filter(|read| *read > 0)?;
    Some(text.trim_end().to_owned())
}
