//! How long and how much a call may take.

use std::time::Duration;

use progenitor_client::{ClientHooks, ClientInfo, OperationInfo};
use reqwest::Response;

use crate::Client;

/// Longer than any call waits for work to be done (30 s).
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(90);
pub(crate) const CONNECT: Duration = Duration::from_secs(10);
/// A CRL of a million entries has some 40 MiB.
pub(crate) const MOST_OCTETS: usize = 256 * 1024 * 1024;

impl ClientHooks<()> for Client {
    /// JSON is read as a whole, so it is bounded here; what is no JSON is a stream that the caller bounds.
    async fn exec(&self, request: reqwest::Request, _: &OperationInfo) -> reqwest::Result<Response> {
        let answer = self.client().execute(request).await?;
        let is_json = answer
            .headers()
            .get(reqwest::header::CONTENT_TYPE)
            .is_some_and(|it| it.as_bytes().starts_with(b"application/json"));
        if is_json { bounded(answer).await } else { Ok(answer) }
    }
}

/// The answer with its body read, up to [`MOST_OCTETS`]. What is cut off there is no JSON any more, so the call fails.
async fn bounded(mut answer: Response) -> reqwest::Result<Response> {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut octets = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        let room = MOST_OCTETS - octets.len();
        if chunk.len() > room {
            octets.extend_from_slice(&chunk[..room]);
            break;
        }
        octets.extend_from_slice(&chunk);
    }
    let mut read = http::Response::new(octets);
    *read.status_mut() = status;
    *read.headers_mut() = headers;
    Ok(read.into())
}
