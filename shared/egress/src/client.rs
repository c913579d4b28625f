//! Requests and answers.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use reqwest::{
    Client, Method, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION},
    redirect, tls,
};

use crate::{
    EgressError, EgressPolicy,
    resolver::{Lookup, Screened, SystemLookup},
};

/// Hops after the first request.
const MAX_REDIRECTS: usize = 5;
const MAX_URL: usize = 4096;
const MAX_HEADERS: usize = 64;

/// How long and how much is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// For everything together: names, connections, redirects and the whole body.
    pub timeout: Duration,
    /// Octets of the body.
    pub max_bytes: usize,
}

/// An HTTP client that is kept within an [`EgressPolicy`]. Cloning is cheap.
#[derive(Clone)]
pub struct Egress {
    client: Client,
    policy: Arc<EgressPolicy>,
}

/// An answer, whatever its status.
#[derive(Clone)]
pub struct Response {
    host: String,
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Response {
    /// The status of HTTP.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first header of this name (in any case), if it is ASCII text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as it was sent.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as it was sent, to keep.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// The answer, if its status is 200 to 299.
    ///
    /// # Errors
    /// [`EgressError::BadStatus`].
    pub fn success(self) -> Result<Self, EgressError> {
        if (200..300).contains(&self.status) {
            Ok(self)
        } else {
            Err(EgressError::BadStatus { host: self.host, status: self.status })
        }
    }
}

/// Without headers and body, which may hold anything.
impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Response")
            .field("host", &self.host)
            .field("status", &self.status)
            .field("octets", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Egress").field("policy", &self.policy).finish_non_exhaustive()
    }
}

struct Outgoing<'a> {
    method: Method,
    /// Its type and its octets.
    body: Option<(&'a str, Vec<u8>)>,
}

impl Egress {
    /// A client that asks the operating system for addresses, and trusts the system's root
    /// certificates.
    ///
    /// # Errors
    /// [`EgressError::Setup`] when TLS cannot be set up.
    pub fn new(policy: EgressPolicy) -> Result<Self, EgressError> {
        Self::with_lookup(policy, Arc::new(SystemLookup))
    }

    /// A client that finds addresses in another way. They are judged by the policy all the same.
    ///
    /// # Errors
    /// [`EgressError::Setup`] when TLS cannot be set up.
    pub fn with_lookup(policy: EgressPolicy, lookup: Arc<dyn Lookup>) -> Result<Self, EgressError> {
        let policy = Arc::new(policy);
        let client = Client::builder()
            .dns_resolver(Screened { policy: Arc::clone(&policy), lookup })
            // Redirects are followed below, each hop judged like a first request.
            .redirect(redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .no_proxy()
            .http1_max_headers(MAX_HEADERS)
            .tls_version_min(tls::Version::TLS_1_2)
            // Hosts differ from request to request, so idle connections would only pile up.
            .pool_max_idle_per_host(0)
            .user_agent("certmill")
            .build()
            .map_err(|error| EgressError::Setup(error.to_string()))?;
        Ok(Self { client, policy })
    }

    /// Fetches `url`, following up to five redirects.
    ///
    /// # Errors
    /// Any [`EgressError`] but [`EgressError::BadStatus`], which [`Response::success`] makes.
    pub async fn get(&self, url: &str, limits: Limits) -> Result<Response, EgressError> {
        self.send(Outgoing { method: Method::GET, body: None }, url, limits).await
    }

    /// Posts `body` to `url`. Only redirects that keep method and body (307 and 308) are followed;
    /// the others are answers.
    ///
    /// # Errors
    /// Those of [`Egress::get`]; [`EgressError::InvalidUrl`] also for a content type that is no
    /// header value.
    pub async fn post(
        &self,
        url: &str,
        content_type: &str,
        body: Vec<u8>,
        limits: Limits,
    ) -> Result<Response, EgressError> {
        self.send(Outgoing { method: Method::POST, body: Some((content_type, body)) }, url, limits).await
    }

    async fn send(&self, request: Outgoing<'_>, url: &str, limits: Limits) -> Result<Response, EgressError> {
        let url = parse(url)?;
        let host = host(&url);
        tokio::time::timeout(limits.timeout, self.follow(request, url, limits.max_bytes))
            .await
            .unwrap_or(Err(EgressError::Timeout { host, limit: limits.timeout }))
    }

    async fn follow(
        &self,
        request: Outgoing<'_>,
        mut url: Url,
        max_bytes: usize,
    ) -> Result<Response, EgressError> {
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.hop(&request, &url).await?;
            let Some(next) = redirection(&request.method, answer.status(), answer.headers(), &url)? else {
                return read(answer, &url, max_bytes).await;
            };
            url = next;
        }
        Err(refused(&url, format!("there are more than {MAX_REDIRECTS} in a row")))
    }

    /// One request and the head of its answer.
    async fn hop(&self, request: &Outgoing<'_>, url: &Url) -> Result<reqwest::Response, EgressError> {
        let host = host(url);
        // Names are judged when they are resolved; literals are not resolved.
        if let Some(address) = literal(url) {
            self.policy
                .check(address)
                .map_err(|denial| EgressError::Denied { host: host.clone(), denial })?;
        }
        let mut builder = self.client.request(request.method.clone(), url.clone());
        if let Some((content_type, body)) = &request.body {
            let content_type = HeaderValue::from_str(content_type)
                .map_err(|_| EgressError::InvalidUrl("the content type is no header value".into()))?;
            builder = builder.header(CONTENT_TYPE, content_type).body(body.clone());
        }
        builder.send().await.map_err(|error| EgressError::of_client(&host, &error))
    }
}

/// Reads a URL that may be asked for: `http` or `https`, with a host and without credentials.
fn parse(text: &str) -> Result<Url, EgressError> {
    let invalid = |reason: &str| Err(EgressError::InvalidUrl(reason.into()));
    if text.len() > MAX_URL {
        return Err(EgressError::InvalidUrl(format!("it has at most {MAX_URL} characters")));
    }
    let Ok(mut url) = Url::parse(text) else {
        return invalid("it must be absolute, as in http://host/path");
    };
    if !matches!(url.scheme(), "http" | "https") {
        return invalid("it must begin with http:// or https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return invalid("it must not hold a user name or password");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return invalid("it must name a host");
    }
    if url.port() == Some(0) {
        return invalid("its port must be 1 to 65535");
    }
    url.set_fragment(None);
    Ok(url)
}

/// Where an answer sends us, if it is a redirect that is followed.
fn redirection(
    method: &Method,
    status: StatusCode,
    headers: &HeaderMap,
    from: &Url,
) -> Result<Option<Url>, EgressError> {
    let followed = match status.as_u16() {
        301..=303 => *method == Method::GET,
        307 | 308 => true,
        _ => false,
    };
    let Some(location) = headers.get(LOCATION).filter(|_| followed) else {
        return Ok(None);
    };
    let target = location
        .to_str()
        .ok()
        .filter(|location| location.len() <= MAX_URL)
        .and_then(|location| from.join(location).ok())
        .ok_or_else(|| refused(from, "its location is no URL".into()))?;
    let target = parse(target.as_str()).map_err(|error| refused(from, error.to_string()))?;
    if from.scheme() == "https" && target.scheme() != "https" {
        return Err(refused(from, "it leads from https to http".into()));
    }
    Ok(Some(target))
}

async fn read(mut answer: reqwest::Response, url: &Url, max_bytes: usize) -> Result<Response, EgressError> {
    let host = host(url);
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX);
    let too_large = |host: String| EgressError::TooLarge { host, max_bytes };
    if answer.content_length().is_some_and(|length| length > limit) {
        return Err(too_large(host));
    }
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let mut body = Vec::new();
    loop {
        let chunk = answer.chunk().await.map_err(|error| EgressError::of_client(&host, &error))?;
        let Some(chunk) = chunk else {
            return Ok(Response { host, status, headers, body });
        };
        if chunk.len() > max_bytes.saturating_sub(body.len()) {
            return Err(too_large(host));
        }
        body.extend_from_slice(&chunk);
    }
}

fn refused(from: &Url, reason: String) -> EgressError {
    EgressError::RefusedRedirect { host: host(from), reason }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// The address, when the host is one. The URL parser has brought unusual spellings
/// (`http://2130706433/`, `http://0x7f.1/`) into the usual form.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_never_leave_tls() {
        let headers =
            |location: &str| HeaderMap::from_iter([(LOCATION, HeaderValue::from_str(location).unwrap())]);
        let from = |url: &str, location: &str| {
            redirection(&Method::GET, StatusCode::FOUND, &headers(location), &url.parse().unwrap())
        };
        for (url, location, target) in [
            ("https://a.example/x", "https://b.example/", "https://b.example/"),
            ("https://a.example/x", "//b.example/", "https://b.example/"),
            ("https://a.example/x/y", "../z#f", "https://a.example/z"),
            ("http://a.example/", "https://b.example/", "https://b.example/"),
        ] {
            assert_eq!(from(url, location).unwrap().unwrap().as_str(), target);
        }
        let error = from("https://a.example/", "http://a.example/").unwrap_err();
        assert!(matches!(error, EgressError::RefusedRedirect { .. }), "{error}");
        let post = redirection(
            &Method::POST,
            StatusCode::SEE_OTHER,
            &headers("/"),
            &"http://a.example/".parse().unwrap(),
        );
        assert_eq!(post.unwrap(), None);
    }
}
