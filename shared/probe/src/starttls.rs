//! The dialogues that lead to TLS, each as its protocol has it. Not an octet of the server's is read beyond its consent: what
//! follows belongs to TLS.

use certmill_domain::EndpointScheme;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::ProbeError;
use crate::metered::Metered;

/// Octets of a line that are read: RFC 5321 section 4.5.3.1.5 has 512, and greetings are often longer.
const LONGEST_LINE: usize = 2048;
/// Lines of one answer.
const MOST_LINES: usize = 64;

/// Speaks to the server until it expects the handshake.
pub(crate) async fn begin(stream: &mut Metered, scheme: EndpointScheme) -> Result<(), ProbeError> {
    match scheme {
        EndpointScheme::Tls => Ok(()),
        EndpointScheme::Smtp => smtp(stream).await,
        EndpointScheme::Imap => imap(stream).await,
        EndpointScheme::Pop3 => pop3(stream).await,
        EndpointScheme::Ftp => ftp(stream).await,
        EndpointScheme::Ldap => ldap(stream).await,
        EndpointScheme::Postgres => postgres(stream).await,
    }
}

/// RFC 3207 section 4; RFC 5321 section 3.2. The name is that of a client without one (RFC 5321 section 4.1.3).
async fn smtp(stream: &mut Metered) -> Result<(), ProbeError> {
    const SMTP: &str = "SMTP";
    expect(reply(stream, SMTP).await?, "220", SMTP)?;
    send(stream, b"EHLO [127.0.0.1]\r\n").await?;
    let said = reply(stream, SMTP).await?;
    let offers = said
        .iter()
        .any(|line| line.get(4..).is_some_and(|rest| rest.trim().eq_ignore_ascii_case("STARTTLS")));
    expect(said, "250", SMTP)?;
    if !offers {
        return Err(ProbeError::NoTls("STARTTLS is not among its extensions".to_owned()));
    }
    send(stream, b"STARTTLS\r\n").await?;
    consent(&reply(stream, SMTP).await?, "220")
}

/// RFC 4217 section 4; RFC 959 section 4.2 for the replies.
async fn ftp(stream: &mut Metered) -> Result<(), ProbeError> {
    const FTP: &str = "FTP";
    expect(reply(stream, FTP).await?, "220", FTP)?;
    send(stream, b"AUTH TLS\r\n").await?;
    consent(&reply(stream, FTP).await?, "234")
}

/// RFC 9051 section 6.2.1.
async fn imap(stream: &mut Metered) -> Result<(), ProbeError> {
    const IMAP: &str = "IMAP";
    let greeting = line(stream, IMAP).await?;
    if !greeting.starts_with("* OK") {
        return Err(other(IMAP, &greeting));
    }
    send(stream, b"a STARTTLS\r\n").await?;
    for _ in 0..MOST_LINES {
        let said = line(stream, IMAP).await?;
        match said.split_once(' ') {
            Some(("a", rest)) if rest.starts_with("OK") => return Ok(()),
            Some(("a", rest)) if rest.starts_with("NO") || rest.starts_with("BAD") => {
                return Err(ProbeError::NoTls(shortened(&said)));
            }
            Some(("*", _)) => {}
            _ => return Err(other(IMAP, &said)),
        }
    }
    Err(endless(IMAP))
}

/// RFC 2595 section 4; RFC 1939 section 3.
async fn pop3(stream: &mut Metered) -> Result<(), ProbeError> {
    const POP3: &str = "POP3";
    let greeting = line(stream, POP3).await?;
    if !greeting.starts_with("+OK") {
        return Err(other(POP3, &greeting));
    }
    send(stream, b"STLS\r\n").await?;
    let said = line(stream, POP3).await?;
    if said.starts_with("+OK") {
        Ok(())
    } else if said.starts_with("-ERR") {
        Err(ProbeError::NoTls(shortened(&said)))
    } else {
        Err(other(POP3, &said))
    }
}

/// `LDAPMessage` 1 with an `ExtendedRequest` of the OID 1.3.6.1.4.1.1466.20037 (RFC 4511 sections 4.12 and 4.14.1).
const START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// RFC 4511 section 4.14.
async fn ldap(stream: &mut Metered) -> Result<(), ProbeError> {
    const LDAP: &str = "LDAP";
    let foreign =
        || ProbeError::Protocol { protocol: LDAP, problem: "it answers with something else".to_owned() };
    send(stream, START_TLS).await?;
    let mut head = [0; 2];
    read(stream, &mut head).await?;
    let [0x30, length] = head else { return Err(foreign()) };
    let length = match length {
        short @ 0..=0x7f => usize::from(short),
        long @ 0x81..=0x84 => {
            let mut octets = vec![0; usize::from(long - 0x80)];
            read(stream, &mut octets).await?;
            octets.iter().fold(0, |sum, octet| (sum << 8) | usize::from(*octet))
        }
        _ => return Err(foreign()),
    };
    if length > LONGEST_LINE {
        return Err(foreign());
    }
    let mut message = vec![0; length];
    read(stream, &mut message).await?;
    // The message's number, then an ExtendedResponse whose first field is the result, 0 for success.
    let Some([0x78, rest @ ..]) = message.strip_prefix(b"\x02\x01\x01") else { return Err(foreign()) };
    let skipped = match rest.first() {
        Some(0..=0x7f) => 1,
        Some(long @ 0x81..=0x84) => usize::from(long - 0x80) + 1,
        _ => return Err(foreign()),
    };
    match rest.get(skipped..) {
        Some([0x0a, 0x01, 0, ..]) => Ok(()),
        Some([0x0a, 0x01, code, ..]) => Err(ProbeError::NoTls(format!("StartTLS has the result {code}"))),
        _ => Err(foreign()),
    }
}

/// `SSLRequest` of PostgreSQL's protocol 3: its length and a number that is no version ("Message Formats").
const SSL_REQUEST: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

async fn postgres(stream: &mut Metered) -> Result<(), ProbeError> {
    send(stream, SSL_REQUEST).await?;
    let mut answer = [0];
    read(stream, &mut answer).await?;
    match answer {
        [b'S'] => Ok(()),
        [b'N'] => Err(ProbeError::NoTls("it answers N to SSLRequest".to_owned())),
        _ => Err(ProbeError::Protocol {
            protocol: "PostgreSQL's protocol",
            problem: "it answers with something else".to_owned(),
        }),
    }
}

/// A reply of SMTP or FTP: lines that begin with a code and `-`, and a last one with a space or nothing in its place. FTP's
/// lines in between may begin with anything.
async fn reply(stream: &mut Metered, protocol: &'static str) -> Result<Vec<String>, ProbeError> {
    let mut lines: Vec<String> = Vec::new();
    while lines.len() < MOST_LINES {
        let said = line(stream, protocol).await?;
        let code = lines.first().unwrap_or(&said).get(..3).unwrap_or_default().to_owned();
        if code.len() != 3 || !code.bytes().all(|octet| octet.is_ascii_digit()) {
            return Err(other(protocol, &said));
        }
        let is_last = said.starts_with(&code) && matches!(said.as_bytes().get(3), None | Some(b' '));
        lines.push(said);
        if is_last {
            return Ok(lines);
        }
    }
    Err(endless(protocol))
}

fn expect(said: Vec<String>, code: &str, protocol: &'static str) -> Result<(), ProbeError> {
    match said.last() {
        Some(last) if last.starts_with(code) => Ok(()),
        last => Err(other(protocol, last.map_or("", String::as_str))),
    }
}

fn consent(said: &[String], code: &str) -> Result<(), ProbeError> {
    match said.last() {
        Some(last) if last.starts_with(code) => Ok(()),
        last => Err(ProbeError::NoTls(shortened(last.map_or("", String::as_str)))),
    }
}

/// A line without its end, octet by octet: what comes after it may be the handshake.
async fn line(stream: &mut Metered, protocol: &'static str) -> Result<String, ProbeError> {
    let mut octets = Vec::new();
    loop {
        let mut next = [0];
        read(stream, &mut next).await?;
        match next {
            [b'\n'] => break,
            [octet] => octets.push(octet),
        }
        if octets.len() > LONGEST_LINE {
            return Err(endless(protocol));
        }
    }
    Ok(String::from_utf8_lossy(&octets).trim_end_matches('\r').to_owned())
}

async fn read(stream: &mut Metered, octets: &mut [u8]) -> Result<(), ProbeError> {
    match stream.read_exact(octets).await {
        Ok(_) => Ok(()),
        Err(error) => Err(broken(stream, &error)),
    }
}

async fn send(stream: &mut Metered, octets: &[u8]) -> Result<(), ProbeError> {
    match stream.write_all(octets).await {
        Ok(()) => Ok(()),
        Err(error) => Err(broken(stream, &error)),
    }
}

fn broken(stream: &Metered, error: &std::io::Error) -> ProbeError {
    match (stream.used_up(), error.kind()) {
        (Some(max_bytes), _) => ProbeError::TooMuch { max_bytes },
        (None, std::io::ErrorKind::UnexpectedEof) => ProbeError::Closed,
        (None, kind) => ProbeError::Broken(kind),
    }
}

fn endless(protocol: &'static str) -> ProbeError {
    ProbeError::Protocol { protocol, problem: "its answer does not end".to_owned() }
}

/// A server that speaks something else may say what is not for whoever named it, so no more of its words is told than a code.
fn other(protocol: &'static str, said: &str) -> ProbeError {
    let problem = match code(said) {
        Some(code) => format!("it answers with `{code}`"),
        None => "it answers with something else".to_owned(),
    };
    ProbeError::Protocol { protocol, problem }
}

/// The code at the beginning of an answer of these protocols.
fn code(said: &str) -> Option<&str> {
    let digits = said.get(..3).filter(|code| code.bytes().all(|octet| octet.is_ascii_digit()));
    let words = ["-ERR", "* BYE", "* PREAUTH", "* NO", "* BAD"];
    let code = digits.or_else(|| words.into_iter().find(|word| said.starts_with(word)))?;
    let rest = said.get(code.len()..)?;
    (rest.is_empty() || rest.starts_with([' ', '-'])).then_some(code)
}

/// The words with which a server of the protocol refuses, as far as people want to read them.
fn shortened(said: &str) -> String {
    said.chars().take(80).map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}
