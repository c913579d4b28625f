//! One ACME server: its directory, its nonces, and signed requests to it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use certmill_domain::{Clock, Timestamp};
use certmill_egress::{Egress, Limits, Request, Response};
use openssl::pkey::{PKey, Private};

use crate::jws::{self, Signatory};
use crate::wire::{Directory, https};
use crate::{AcmeError, Problem};

const DIRECTORY: Limits = Limits { timeout: Duration::from_secs(20), max_bytes: 1 << 20 };
/// For a signed request. Chains are the largest answers.
const SIGNED: Limits = Limits { timeout: Duration::from_secs(30), max_bytes: 1 << 20 };
/// How long a directory is taken to be right, and how long it serves while the server cannot be asked.
const FRESH: Duration = Duration::from_hours(1);
const USABLE: Duration = Duration::from_hours(7 * 24);
/// Nonces that are kept, and for how long: servers forget them.
const NONCES: usize = 64;
const NONCE_AGE: Duration = Duration::from_mins(5);
/// How often a request is signed anew because the server did not like the nonce.
const NONCE_TRIES: usize = 8;
/// Bounds of what a server may ask for with `Retry-After`.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_hours(7 * 24);
pub(crate) const JOSE: &str = "application/jose+json";

/// An ACME server.
pub(crate) struct Server {
    egress: Egress,
    clock: Arc<dyn Clock>,
    url: String,
    directory: Mutex<Option<Known>>,
    nonces: Mutex<Vec<(String, Timestamp)>>,
}

#[derive(Clone)]
struct Known {
    at: Timestamp,
    directory: Arc<Directory>,
    body: Arc<[u8]>,
}

/// An answer that is no error.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) location: Option<String>,
    /// The URLs of `Link` headers with `rel="alternate"`.
    pub(crate) alternates: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Server {
    pub(crate) fn new(egress: Egress, clock: Arc<dyn Clock>, url: String) -> Self {
        Self { egress, clock, url, directory: Mutex::new(None), nonces: Mutex::new(Vec::new()) }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The directory: the one at hand if it is fresh, or if the server cannot be asked.
    pub(crate) async fn directory(&self) -> Result<Arc<Directory>, AcmeError> {
        self.known().await.map(|known| known.directory)
    }

    /// The directory as `instant-acme` reads it.
    pub(crate) async fn directory_body(&self) -> Result<Arc<[u8]>, AcmeError> {
        self.known().await.map(|known| known.body)
    }

    async fn known(&self) -> Result<Known, AcmeError> {
        let now = self.clock.now();
        let at_hand = lock(&self.directory).clone();
        if let Some(known) = at_hand.as_ref().filter(|known| now.since(known.at) < FRESH) {
            return Ok(known.clone());
        }
        match self.fetch_directory().await {
            Ok((directory, body)) => {
                let known = Known { at: now, directory: Arc::new(directory), body: body.into() };
                *lock(&self.directory) = Some(known.clone());
                Ok(known)
            }
            Err(error) => at_hand.filter(|known| now.since(known.at) < USABLE).ok_or(error),
        }
    }

    async fn fetch_directory(&self) -> Result<(Directory, Vec<u8>), AcmeError> {
        https(&self.url).map_err(|_| AcmeError::Unreachable {
            reason: "the directory has no https URL".to_owned(),
            permanent: true,
        })?;
        let request = Request { method: "GET", url: &self.url, headers: Vec::new(), body: Vec::new() };
        let response = self
            .egress
            .request(request, DIRECTORY)
            .await
            .map_err(|error| AcmeError::from(error).of_common())?;
        let reply = self.judge(response).map_err(AcmeError::of_common)?;
        let directory = Directory::parse(&reply.body)?;
        let plain = directory.plain();
        Ok((directory, plain))
    }

    /// Fetches what needs no signature.
    pub(crate) async fn get(&self, url: &str) -> Result<Reply, AcmeError> {
        https(url)?;
        let request = Request { method: "GET", url, headers: Vec::new(), body: Vec::new() };
        self.judge(self.egress.request(request, SIGNED).await?)
    }

    /// Sends a signed request; an empty payload asks for a resource. A nonce that the server does not like is replaced.
    pub(crate) async fn post(
        &self,
        key: &PKey<Private>,
        signatory: Signatory<'_>,
        url: &str,
        payload: &str,
    ) -> Result<Reply, AcmeError> {
        let mut tries = 0;
        loop {
            let nonce = self.nonce().await?;
            let body = jws::signed(key, signatory, &nonce, url, payload)?;
            tries += 1;
            match self.send(url, body).await {
                Err(error) if error.is_problem("badNonce") && tries < NONCE_TRIES => {}
                other => return other,
            }
        }
    }

    /// Sends a request that is signed already.
    pub(crate) async fn send(&self, url: &str, body: Vec<u8>) -> Result<Reply, AcmeError> {
        https(url)?;
        let headers = vec![("content-type", JOSE.to_owned())];
        let request = Request { method: "POST", url, headers, body };
        let response = self.egress.request(request, SIGNED).await?;
        if let Some(nonce) = response.header("replay-nonce") {
            self.keep_nonce(nonce.to_owned());
        }
        self.judge(response)
    }

    /// A nonce: the newest at hand, or a new one.
    pub(crate) async fn nonce(&self) -> Result<String, AcmeError> {
        let oldest = self.clock.now().minus(NONCE_AGE);
        let at_hand = {
            let mut nonces = lock(&self.nonces);
            nonces.retain(|(_, at)| *at > oldest);
            nonces.pop()
        };
        if let Some((nonce, _)) = at_hand {
            return Ok(nonce);
        }
        let directory = self.directory().await?;
        let request =
            Request { method: "HEAD", url: &directory.new_nonce, headers: Vec::new(), body: Vec::new() };
        let response = self.egress.request(request, DIRECTORY).await.map_err(|error| {
            // Asking for a nonce changes nothing, so it does not matter whether it arrived.
            AcmeError::Unreachable { reason: error.to_string(), permanent: false }
        })?;
        let nonce = response.header("replay-nonce").map(ToOwned::to_owned);
        self.judge(response).map_err(AcmeError::of_common)?;
        nonce.ok_or_else(|| AcmeError::protocol("newNonce answered no nonce"))
    }

    fn keep_nonce(&self, nonce: String) {
        let mut nonces = lock(&self.nonces);
        if nonces.len() >= NONCES {
            nonces.remove(0);
        }
        nonces.push((nonce, self.clock.now()));
    }

    /// Tells answers from errors.
    fn judge(&self, response: Response) -> Result<Reply, AcmeError> {
        let status = response.status();
        let retry_after = response.header("retry-after").and_then(|text| self.wait(text));
        if (200..300).contains(&status) {
            return Ok(Reply {
                status,
                retry_after,
                location: response.header("location").map(ToOwned::to_owned),
                alternates: response.headers("link").filter_map(alternate).collect(),
                body: response.into_body(),
            });
        }
        let problem = is_problem(&response)
            .then(|| serde_json::from_slice(response.body()).ok())
            .flatten()
            .and_then(|body| Problem::read(&body));
        Err(match problem {
            Some(problem) if status >= 500 && problem.kind != "rateLimited" => match (status, retry_after) {
                (503, Some(_)) => AcmeError::Busy { retry_after, common: false },
                _ => AcmeError::Server { status, reason: problem.to_string(), retry_after, common: false },
            },
            Some(problem) => AcmeError::Problem { problem: Box::new(problem), status, retry_after },
            None if status == 503 && retry_after.is_some() => AcmeError::Busy { retry_after, common: false },
            None => {
                let reason = "the answer is no problem document".to_owned();
                AcmeError::Server { status, reason, retry_after, common: false }
            }
        })
    }

    /// What `Retry-After` asks for: seconds or a date (RFC 9110 section 10.2.3), within reason.
    fn wait(&self, text: &str) -> Option<Duration> {
        let text = text.trim();
        let wait = if let Ok(seconds) = text.parse::<u64>() {
            Duration::from_secs(seconds)
        } else {
            let at = http_date(text)?;
            let now = self.clock.now();
            if at > now { at.since(now) } else { Duration::ZERO }
        };
        Some(wait.clamp(SHORTEST_WAIT, LONGEST_WAIT))
    }
}

/// A problem document, or what passes for one: some servers send it as plain JSON.
fn is_problem(response: &Response) -> bool {
    response.header("content-type").is_some_and(|kind| kind.contains("json"))
}

/// The URL of `<https://…>;rel="alternate"` (RFC 8288).
fn alternate(link: &str) -> Option<String> {
    let (url, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_alternate = parameters.split(';').any(|parameter| {
        let parameter = parameter.trim().to_ascii_lowercase();
        parameter == "rel=\"alternate\"" || parameter == "rel=alternate"
    });
    is_alternate.then(|| url.to_owned())
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn http_date(text: &str) -> Option<Timestamp> {
    let mut words = text.split_ascii_whitespace().skip(1);
    let (day, month, year, time, zone) =
        (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|name| *name == month)? + 1;
    if zone != "GMT" {
        return None;
    }
    Timestamp::parse_rfc3339(&format!("{year}-{month:02}-{day}T{time}Z"))
}

/// What a mutex holds is whole between any two statements here, so one whose holder panicked is as good.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read() {
        let date = http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(date, Timestamp::from_unix_seconds(784_111_777));
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 CET"), None);
        assert_eq!(http_date("soon"), None);
    }

    #[test]
    fn alternates_are_found_among_links() {
        assert_eq!(alternate("<https://a/1>;rel=\"alternate\"").as_deref(), Some("https://a/1"));
        assert_eq!(alternate("<https://a/1>; title=x; rel=alternate").as_deref(), Some("https://a/1"));
        assert_eq!(alternate("<https://a/dir>;rel=\"index\""), None);
        assert_eq!(alternate("nonsense"), None);
    }
}
