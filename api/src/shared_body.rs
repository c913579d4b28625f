//! Bodies that many read at once, and slowly: CRLs of many megabytes, and the pages that need no token. Nothing here copies
//! them.

use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use certmill_service::domain::Crl;
use futures_util::stream;
use poem::http::{HeaderMap, StatusCode, header};
use poem::{Body, Request, Response};

/// Octets that are handed to the connection at a time. It copies what it is about to send, for each reader, so this must not
/// be the whole.
const PIECE: usize = 64 << 10;
/// Octets in a line of PEM (RFC 7468 §2).
const PER_LINE: usize = 48;
/// Lines of PEM that are written at a time.
const LINES: usize = 512;

/// These octets, in pieces. The length is to be said in the head.
pub(crate) fn pieces(octets: Bytes) -> Body {
    let starts = (0..octets.len()).step_by(PIECE);
    let piece = move |start: usize| io::Result::Ok(octets.slice(start..octets.len().min(start + PIECE)));
    Body::from_bytes_stream(stream::iter(starts.map(piece)))
}

/// The octets of a CRL, shared.
struct Der(Arc<Crl>);

impl AsRef<[u8]> for Der {
    fn as_ref(&self) -> &[u8] {
        &self.0.der
    }
}

/// The CRL in DER; of several parts the one that `Range` asks for (RFC 9110 §14), so that a transfer that broke off can go on.
pub(crate) fn der(request: &Request, crl: Arc<Crl>, tag: &str) -> Response {
    let octets = Bytes::from_owner(Der(crl));
    let answer = Response::builder().header(header::ACCEPT_RANGES, "bytes");
    let length = octets.len();
    match wanted(request.headers(), tag, length) {
        Wanted::All => answer.header(header::CONTENT_LENGTH, length).body(pieces(octets)),
        Wanted::Part(range) => answer
            .status(StatusCode::PARTIAL_CONTENT)
            .header(header::CONTENT_RANGE, format!("bytes {}-{}/{length}", range.start(), range.end()))
            .header(header::CONTENT_LENGTH, range.end() - range.start() + 1)
            .body(pieces(octets.slice(range))),
        Wanted::Nothing => answer
            .status(StatusCode::RANGE_NOT_SATISFIABLE)
            .header(header::CONTENT_RANGE, format!("bytes */{length}"))
            .finish(),
    }
}

#[derive(Debug, PartialEq)]
enum Wanted {
    All,
    Part(RangeInclusive<usize>),
    /// A range beyond the end.
    Nothing,
}

/// Several ranges, and ranges that cannot be read, may be answered with everything (RFC 9110 §14.2).
fn wanted(headers: &HeaderMap, tag: &str, length: usize) -> Wanted {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let of_another = text(header::IF_RANGE).is_some_and(|known| known.trim() != tag);
    let range = text(header::RANGE).filter(|_| !of_another && length > 0);
    let Some((first, last)) = range.and_then(|range| range.strip_prefix("bytes=")?.trim().split_once('-'))
    else {
        return Wanted::All;
    };
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let end = length - 1;
    let part = match (number(first), number(last)) {
        (Some(first), None) if last.is_empty() => (first, end),
        (Some(first), Some(last)) if first <= last => (first, end.min(last)),
        (None, Some(last)) if first.is_empty() && last > 0 => (length.saturating_sub(last), end),
        (None, Some(0)) if first.is_empty() => (length, end),
        _ => return Wanted::All,
    };
    if part.0 > end { Wanted::Nothing } else { Wanted::Part(part.0..=part.1) }
}

/// The CRL as PEM, written while it is read.
pub(crate) fn pem(crl: Arc<Crl>) -> Response {
    const BEGIN: &str = "-----BEGIN X509 CRL-----\n";
    const END: &str = "-----END X509 CRL-----\n";
    let length = crl.der.len();
    let text = BEGIN.len() + length.div_ceil(3) * 4 + length.div_ceil(PER_LINE) + END.len();
    let steps = length.div_ceil(PER_LINE * LINES);
    let part = move |step: usize| -> io::Result<Bytes> {
        let mut text = String::with_capacity(if step < steps { 65 * LINES + BEGIN.len() } else { END.len() });
        if step == 0 {
            text.push_str(BEGIN);
        }
        for line in crl.der.chunks(PER_LINE).skip(step * LINES).take(LINES) {
            STANDARD.encode_string(line, &mut text);
            text.push('\n');
        }
        if step == steps {
            text.push_str(END);
        }
        Ok(text.into())
    };
    Response::builder()
        .header(header::CONTENT_LENGTH, text)
        .body(Body::from_bytes_stream(stream::iter((0..=steps).map(part))))
}

#[cfg(test)]
mod tests {
    use certmill_service::domain::{CrlInfo, Timestamp};
    use poem::http::{HeaderName, HeaderValue};

    use super::*;

    fn crl(der: Vec<u8>) -> Arc<Crl> {
        let at = Timestamp::from_unix_seconds(0);
        Arc::new(Crl {
            info: CrlInfo { number: 1, this_update: at, next_update: at, entries: 0, builds: 1 },
            der,
        })
    }

    #[tokio::test]
    async fn pem_in_parts_is_pem() {
        for length in [0, 1, 47, 48, 49, PER_LINE * LINES - 1, PER_LINE * LINES, PER_LINE * LINES * 2 + 5] {
            let der: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let whole = certmill_service::x509::pem::encode("X509 CRL", &der);
            let response = pem(crl(der));
            assert_eq!(response.headers()[header::CONTENT_LENGTH], whole.len().to_string(), "{length}");
            assert_eq!(response.into_body().into_string().await.unwrap(), whole, "{length}");
        }
    }

    #[test]
    fn ranges_are_those_of_rfc_9110() {
        let of = |headers: &[(HeaderName, &'static str)]| {
            let headers = headers.iter().map(|(name, text)| (name.clone(), HeaderValue::from_static(text)));
            wanted(&headers.collect(), "\"7\"", 1_000)
        };
        let range = |text| of(&[(header::RANGE, text)]);
        for (text, part) in [
            ("bytes=0-499", 0..=499),
            ("bytes=500-", 500..=999),
            ("bytes=-1", 999..=999),
            ("bytes=-5000", 0..=999),
            ("bytes=900-4000", 900..=999),
        ] {
            assert_eq!(range(text), Wanted::Part(part), "{text}");
        }
        for text in ["bytes=1000-", "bytes=-0"] {
            assert_eq!(range(text), Wanted::Nothing, "{text}");
        }
        for text in ["bytes=0-1,5-6", "bytes=5-1", "bytes=a-", "lines=0-1", "bytes=", "bytes=-", "bytes=+1-2"]
        {
            assert_eq!(range(text), Wanted::All, "{text}");
        }
        assert_eq!(of(&[(header::RANGE, "bytes=1-2"), (header::IF_RANGE, "\"7\"")]), Wanted::Part(1..=2));
        assert_eq!(of(&[(header::RANGE, "bytes=1-2"), (header::IF_RANGE, "\"6\"")]), Wanted::All);
    }
}
