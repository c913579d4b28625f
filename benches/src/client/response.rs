//! Reads responses out of the bytes of a connection (RFC 9112 sections 4, 6 and 7.1).

use std::ops::Range;

use anyhow::{Context, ensure};

/// Bounds against a server that never ends, not against real answers.
const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 64 * 1024 * 1024;

/// One response. The body is decoded, not interpreted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// The body without the transfer coding.
    pub body: &'a [u8],
}

impl<'a> Response<'a> {
    /// The value of the last string field with this name, found without parsing the JSON around it. Meant for ids and
    /// serial numbers: a value with an escape in it is answered as it stands.
    pub fn text_field(&self, name: &str) -> Option<&'a str> {
        let quoted = format!("\"{name}\"");
        let at = self.body.windows(quoted.len()).rposition(|window| window == quoted.as_bytes())?;
        let after = self.body.get(at + quoted.len()..)?.trim_ascii_start();
        let value = after.strip_prefix(b":")?.trim_ascii_start();
        let value = value.strip_prefix(b"\"")?;
        let end = value.iter().position(|byte| *byte == b'"')?;
        std::str::from_utf8(value.get(..end)?).ok()
    }
}

/// Collects the bytes of one response at a time. Fill `buffer`, then call `advance`, until it says that all is there.
#[derive(Debug, Default)]
pub struct ResponseReader {
    received: Vec<u8>,
    head: Option<Head>,
    body: Body,
    chunks: Vec<u8>,
}

#[derive(Debug)]
struct Head {
    status: u16,
    framing: Framing,
    closes: bool,
    length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// How much of the body is there; positions are in `received`.
#[derive(Debug, Default)]
enum Body {
    #[default]
    Unknown,
    /// The next chunk, or the trailer after the last one, begins here.
    Chunks {
        next: usize,
        trailer: bool,
    },
    Plain(Range<usize>),
    Decoded,
}

impl ResponseReader {
    /// Where received bytes are appended.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.received
    }

    /// Whether nothing of the response has come yet.
    pub fn is_empty(&self) -> bool {
        self.received.is_empty()
    }

    /// Forgets the response, keeps the memory.
    pub fn clear(&mut self) {
        self.received.clear();
        self.chunks.clear();
        self.head = None;
        self.body = Body::Unknown;
    }

    /// Reads on in what has been received; true when the response is complete.
    ///
    /// # Errors
    /// When the bytes are no HTTP/1.x response.
    pub fn advance(&mut self) -> anyhow::Result<bool> {
        while self.head.is_none() {
            let Some(head) = parse_head(&self.received)? else {
                return Ok(false);
            };
            if (100..200).contains(&head.status) {
                // An interim response: the one we asked for follows (RFC 9110 section 15.2).
                self.received.drain(..head.length);
            } else {
                self.head = Some(head);
            }
        }
        let Some(head) = &self.head else {
            return Ok(false);
        };
        match head.framing {
            Framing::Length(length) => {
                let body = head.length..head.length + length;
                let complete = self.received.len() >= body.end;
                ensure!(self.received.len() <= body.end, "bytes after the end of the response");
                self.body = Body::Plain(body);
                Ok(complete)
            }
            Framing::Chunked => {
                if matches!(self.body, Body::Unknown) {
                    self.body = Body::Chunks { next: head.length, trailer: false };
                }
                self.advance_chunks()
            }
            Framing::UntilClose => {
                ensure!(self.received.len() < MAX_BODY, "the body does not end");
                Ok(false)
            }
        }
    }

    /// The server has closed the connection; true when that ends the response as it should.
    pub fn close(&mut self) -> bool {
        match &self.head {
            Some(head) if head.framing == Framing::UntilClose => {
                self.body = Body::Plain(head.length..self.received.len());
                true
            }
            _ => false,
        }
    }

    /// The response, once it is complete. An incomplete one has an empty body.
    pub fn response(&self) -> Response<'_> {
        let body = match &self.body {
            Body::Plain(range) => self.received.get(range.clone()).unwrap_or_default(),
            Body::Decoded => &self.chunks,
            Body::Unknown | Body::Chunks { .. } => &[],
        };
        Response { status: self.head.as_ref().map_or(0, |head| head.status), body }
    }

    /// Whether the server will close the connection after this response.
    pub fn closes(&self) -> bool {
        self.head.as_ref().is_none_or(|head| head.closes)
    }

    fn advance_chunks(&mut self) -> anyhow::Result<bool> {
        while let Body::Chunks { next, trailer } = &mut self.body {
            let rest = self.received.get(*next..).unwrap_or_default();
            let Some(line) = line(rest)? else {
                return Ok(false);
            };
            if *trailer {
                *next += line.len() + 2;
                if line.is_empty() {
                    ensure!(*next == self.received.len(), "bytes after the end of the response");
                    self.body = Body::Decoded;
                }
                continue;
            }
            let size = chunk_size(line)?;
            if size == 0 {
                *next += line.len() + 2;
                *trailer = true;
                continue;
            }
            ensure!(self.chunks.len() + size <= MAX_BODY, "the body is too long");
            let start = line.len() + 2;
            let Some(chunk) = rest.get(start..start + size + 2) else {
                return Ok(false);
            };
            let data = chunk.strip_suffix(b"\r\n").context("a chunk is longer than it says")?;
            self.chunks.extend_from_slice(data);
            *next += start + size + 2;
        }
        Ok(true)
    }
}

fn parse_head(bytes: &[u8]) -> anyhow::Result<Option<Head>> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(end) = bytes.windows(END.len()).position(|window| window == END) else {
        ensure!(bytes.len() < MAX_HEAD, "the response's head does not end");
        return Ok(None);
    };
    let text = std::str::from_utf8(bytes.get(..end).unwrap_or_default())
        .context("the response's head is not text")?;
    let mut lines = text.split("\r\n");
    let (version, status) = status_line(lines.next().unwrap_or_default())?;

    let mut length = None;
    let mut chunked = false;
    let mut closes = version == "HTTP/1.0";
    for line in lines {
        let (name, value) = line.split_once(':').context("a header line without a colon")?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            let value = value.parse().context("Content-Length is not a number of bytes")?;
            ensure!(value <= MAX_BODY, "the body is too long");
            length = Some(value);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            ensure!(value.eq_ignore_ascii_case("chunked"), "a transfer coding other than chunked");
            chunked = true;
        } else if name.eq_ignore_ascii_case("connection") {
            closes =
                value.eq_ignore_ascii_case("close") || (closes && !value.eq_ignore_ascii_case("keep-alive"));
        }
    }
    let framing = match (status, chunked, length) {
        (100..200 | 204 | 304, _, _) => Framing::Length(0),
        (_, true, _) => Framing::Chunked,
        (_, false, Some(length)) => Framing::Length(length),
        (_, false, None) => Framing::UntilClose,
    };
    Ok(Some(Head {
        status,
        framing,
        closes: closes || framing == Framing::UntilClose,
        length: end + END.len(),
    }))
}

/// `HTTP/1.1 201 Created` → version and status.
fn status_line(line: &str) -> anyhow::Result<(&str, u16)> {
    let mut words = line.splitn(3, ' ');
    let version = words.next().unwrap_or_default();
    ensure!(matches!(version, "HTTP/1.1" | "HTTP/1.0"), "this is not an HTTP/1.1 response");
    let status = words.next().unwrap_or_default();
    ensure!(status.len() == 3, "a status that is not three digits");
    let status = status.parse().context("a status that is not three digits")?;
    Ok((version, status))
}

/// The first line without its end, or nothing when the end has not come yet.
fn line(bytes: &[u8]) -> anyhow::Result<Option<&[u8]>> {
    const END: &[u8] = b"\r\n";
    let end = bytes.windows(END.len()).position(|window| window == END);
    ensure!(end.is_some() || bytes.len() < MAX_HEAD, "a line of the chunked coding does not end");
    Ok(end.and_then(|end| bytes.get(..end)))
}

/// The size in front of a chunk; extensions after `;` mean nothing to us.
fn chunk_size(line: &[u8]) -> anyhow::Result<usize> {
    let text = std::str::from_utf8(line).context("a chunk size that is not text")?;
    let digits = text.split(';').next().unwrap_or_default().trim();
    let size = usize::from_str_radix(digits, 16).context("a chunk size that is not hexadecimal")?;
    ensure!(size <= MAX_BODY, "the body is too long");
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds the bytes in pieces of `step` and returns status, body and whether the connection ends.
    fn read_in_steps(bytes: &[u8], step: usize) -> anyhow::Result<(u16, Vec<u8>, bool)> {
        let mut reader = ResponseReader::default();
        let mut complete = false;
        for piece in bytes.chunks(step) {
            assert!(!complete, "complete before the last byte");
            reader.buffer().extend_from_slice(piece);
            complete = reader.advance()?;
        }
        let complete = complete || reader.close();
        ensure!(complete, "incomplete");
        let response = reader.response();
        Ok((response.status, response.body.to_vec(), reader.closes()))
    }

    /// However the network cuts the bytes, the response is the same.
    fn read(text: &str) -> anyhow::Result<(u16, String, bool)> {
        let whole = read_in_steps(text.as_bytes(), text.len().max(1));
        for step in 1..text.len() {
            match (&whole, read_in_steps(text.as_bytes(), step)) {
                (Ok(whole), Ok(pieces)) => assert_eq!(*whole, pieces, "in pieces of {step}"),
                (Err(_), Err(_)) => {}
                (whole, pieces) => panic!("whole: {whole:?}, in pieces of {step}: {pieces:?}"),
            }
        }
        whole.map(|(status, body, closes)| (status, String::from_utf8(body).unwrap(), closes))
    }

    #[test]
    fn reads_a_body_with_a_length() {
        let answer = read("HTTP/1.1 201 Created\r\nContent-LENGTH:  5\r\nx-a: b\r\n\r\nhello");
        assert_eq!(answer.unwrap(), (201, "hello".into(), false));
    }

    #[test]
    fn reads_chunks_extensions_and_trailers() {
        let answer = read(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
             5;x=y\r\nhello\r\nC\r\n, chunked\r\n!\r\n0\r\nx-sum: 1\r\n\r\n",
        );
        assert_eq!(answer.unwrap(), (200, "hello, chunked\r\n!".into(), false));
    }

    #[test]
    fn reads_an_error_status() {
        let answer = read("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\nretry-after: 1\r\n\r\n{}");
        assert_eq!(answer.unwrap(), (429, "{}".into(), false));
    }

    #[test]
    fn a_204_has_no_body_and_an_interim_response_is_skipped() {
        let answer = read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(answer.unwrap(), (204, String::new(), false));
    }

    #[test]
    fn sees_when_the_server_closes() {
        let answer = read("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nConnection: Close\r\n\r\n");
        assert_eq!(answer.unwrap(), (200, String::new(), true));
        let answer = read("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na");
        assert_eq!(answer.unwrap(), (200, "a".into(), true));
        let answer = read("HTTP/1.1 200 OK\r\n\r\nuntil the end");
        assert_eq!(answer.unwrap(), (200, "until the end".into(), true));
    }

    #[test]
    fn refuses_what_is_no_response() {
        for text in [
            "SSH-2.0-OpenSSH_9.2\r\n\r\n",
            "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 2 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
        ] {
            assert!(read_in_steps(text.as_bytes(), text.len()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn refuses_bytes_that_nobody_asked_for() {
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab";
        assert!(read_in_steps(text, text.len()).is_err());
    }

    #[test]
    fn forgets_one_response_before_the_next() {
        let mut reader = ResponseReader::default();
        for body in ["first", "2nd"] {
            reader.clear();
            let text = format!(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                body.len()
            );
            reader.buffer().extend_from_slice(text.as_bytes());
            assert!(reader.advance().unwrap());
            assert_eq!(reader.response().body, body.as_bytes());
        }
    }

    #[test]
    fn finds_a_field_without_parsing() {
        let response = Response {
            status: 201,
            body: br#"{"certificate":"x","serial_number" : "0a:0b","certificate_id":"cert_1"}"#,
        };
        assert_eq!(response.text_field("serial_number"), Some("0a:0b"));
        assert_eq!(response.text_field("certificate_id"), Some("cert_1"));
        assert_eq!(response.text_field("id"), None);
    }
}
