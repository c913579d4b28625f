//! What the generated methods send with and answer with.

use std::fmt;
use std::ops::Deref;

use reqwest::header::{HeaderMap, InvalidHeaderValue};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use serde::ser::{Serialize, SerializeSeq, Serializer};

use crate::Client;
use crate::bounds::{MOST_OCTETS, TIME_LIMIT};

impl Client {
    pub(crate) const fn api_version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// Sends a request whose answer is read as a whole, within a bounded time.
    pub(crate) async fn send(&self, mut request: reqwest::Request) -> reqwest::Result<Response> {
        *request.timeout_mut() = Some(TIME_LIMIT);
        self.client.execute(request).await
    }

    /// Sends a request whose answer is a stream: only the time between two parts of it is bounded.
    pub(crate) async fn send_for_stream(&self, request: reqwest::Request) -> reqwest::Result<Response> {
        self.client.execute(request).await
    }
}

/// An answer: its content, status and headers.
#[derive(Debug)]
pub struct ResponseValue<T> {
    value: T,
    status: StatusCode,
    headers: HeaderMap,
}

impl<T> ResponseValue<T> {
    /// The content alone.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The status, where `202` says that the work goes on.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers, such as `ETag`, `Location` and `X-Request-ID`.
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn of(response: &Response, value: T) -> Self {
        Self { value, status: response.status(), headers: response.headers().clone() }
    }
}

impl<T> Deref for ResponseValue<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: DeserializeOwned> ResponseValue<T> {
    pub(crate) async fn from_response<E>(mut response: Response) -> Result<Self, Error<E>> {
        let mut octets = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if octets.len() + chunk.len() > MOST_OCTETS {
                return Err(Error::TooLong(MOST_OCTETS));
            }
            octets.extend_from_slice(&chunk);
        }
        let value = serde_json::from_slice(&octets).map_err(|error| Error::InvalidPayload {
            status: response.status(),
            line: error.line(),
            column: error.column(),
        })?;
        Ok(Self::of(&response, value))
    }
}

impl ResponseValue<()> {
    pub(crate) fn empty(response: Response) -> Self {
        Self::of(&response, ())
    }
}

impl ResponseValue<ByteStream> {
    pub(crate) fn stream(response: Response) -> Self {
        Self { status: response.status(), headers: response.headers().clone(), value: ByteStream(response) }
    }
}

/// Octets that come one part after the other, as many as the service has.
#[derive(Debug)]
pub struct ByteStream(Response);

impl ByteStream {
    /// The next part; nothing at the end.
    ///
    /// # Errors
    /// The connection broke, or nothing came for 90 s.
    pub async fn chunk(&mut self) -> reqwest::Result<Option<Vec<u8>>> {
        Ok(self.0.chunk().await?.map(|chunk| chunk.to_vec()))
    }
}

/// Why a call has no answer that could be used. Neither what was sent nor what came is in its texts, since both may hold private keys.
#[derive(Debug)]
pub enum Error<E> {
    /// Something cannot be sent as it is.
    InvalidRequest(String),
    /// No answer came, or it broke off.
    Communication(reqwest::Error),
    /// The service said no, and why.
    ErrorResponse(ResponseValue<E>),
    /// The answer has a status that the document does not know.
    UnexpectedStatus(StatusCode),
    /// The answer is not what the document says, from this line and column on.
    InvalidPayload {
        /// The status of the answer.
        status: StatusCode,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// The answer has more than this many octets.
    TooLong(usize),
}

impl<E: fmt::Debug> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidRequest(problem) => write!(f, "this cannot be sent: {problem}"),
            Self::Communication(error) => write!(f, "no answer came: {error}"),
            Self::ErrorResponse(refusal) => write!(f, "refused with {}: {:?}", refusal.status, refusal.value),
            Self::UnexpectedStatus(status) => write!(f, "the answer has the status {status}"),
            Self::InvalidPayload { status, line, column } => write!(
                f,
                "the answer with status {status} is not what is expected, at line {line} column {column}"
            ),
            Self::TooLong(most) => write!(f, "the answer is longer than {most} octets"),
        }
    }
}

impl<E: fmt::Debug> std::error::Error for Error<E> {}

impl<E> From<reqwest::Error> for Error<E> {
    fn from(error: reqwest::Error) -> Self {
        Self::Communication(error.without_url())
    }
}

impl<E> From<InvalidHeaderValue> for Error<E> {
    fn from(_: InvalidHeaderValue) -> Self {
        Self::InvalidRequest("a header cannot have these characters".to_owned())
    }
}

/// Encodes a text as one segment of a path (RFC 3986 §3.3).
///
/// # Errors
/// `.` and `..`, which mean another path however they are written.
pub(crate) fn encode_path<E>(segment: &str) -> Result<String, Error<E>> {
    if matches!(segment, "." | "..") {
        return Err(Error::InvalidRequest(format!("nothing is named `{segment}`")));
    }
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
    let encode =
        |octet: u8| if is_plain(octet) { char::from(octet).to_string() } else { format!("%{octet:02X}") };
    Ok(segment.bytes().map(encode).collect())
}

/// A parameter of a query, which is left out when it has no value.
pub(crate) struct QueryParam<'a, T> {
    name: &'static str,
    value: &'a Option<T>,
}

impl<'a, T> QueryParam<'a, T> {
    #[expect(clippy::ref_option, reason = "the generated methods give it so")]
    pub(crate) const fn new(name: &'static str, value: &'a Option<T>) -> Self {
        Self { name, value }
    }
}

impl<T: Serialize> Serialize for QueryParam<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pairs = serializer.serialize_seq(None)?;
        if let Some(value) = self.value {
            pairs.serialize_element(&(self.name, value))?;
        }
        pairs.end()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::Api;

    /// A server that answers its one call with this body, in a media type that is not JSON's.
    fn answering(body: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked);
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(head.as_bytes());
            for part in body.chunks(1 << 20).cycle().take(if body.len() < 1 << 20 { 1 } else { 300 }) {
                if stream.write_all(part).is_err() {
                    return;
                }
            }
        });
        url
    }

    async fn roles(url: &str) -> Error<crate::types::ErrorBody> {
        let client = Api::new(url, &"cmt_x".into(), None).unwrap().client();
        client.list_roles(crate::queries::ListRoles::default()).await.unwrap_err()
    }

    #[tokio::test]
    async fn an_answer_that_is_not_understood_is_not_shown() {
        let error = roles(&answering(br#"{"roles": "-----BEGIN PRIVATE KEY"}"#)).await;
        assert!(matches!(error, Error::InvalidPayload { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("PRIVATE"), "{error:?}");
    }

    #[tokio::test]
    async fn an_answer_has_an_end_whatever_it_says_it_is() {
        static BLANKS: [u8; 1 << 20] = [b' '; 1 << 20];
        let error = roles(&answering(&BLANKS)).await;
        assert!(matches!(error, Error::TooLong(MOST_OCTETS)), "{error}");
    }

    #[test]
    fn segments_stay_segments() {
        assert_eq!(encode_path::<()>("a/b c").unwrap(), "a%2Fb%20c");
        for other in [".", ".."] {
            assert!(encode_path::<()>(other).is_err());
        }
    }
}
