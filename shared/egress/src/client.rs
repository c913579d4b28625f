//! Requests and answers.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use reqwest::{
    Method, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION},
};

use crate::{
    EgressError, EgressPolicy, Purpose,
    clients::{Clients, setup},
    resolver::{Lookup, Screen, SystemLookup},
};

/// Hops after the first request.
const MAX_REDIRECTS: usize = 5;
const MAX_URL: usize = 4096;

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
    pub(crate) clients: Arc<Clients>,
    policy: EgressPolicy,
    pub(crate) has_credentials: bool,
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

    /// Every header of this name that is ASCII text.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
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

/// How a client differs from one of [`Egress::new`].
#[derive(Default)]
pub struct EgressOptions {
    /// CA certificates in PEM that are trusted beside those of the system.
    pub trusted_pem: Option<String>,
    /// Whether connections are kept for a while, for servers that are asked again and again. The address of a kept connection
    /// was judged when it was opened.
    pub keep_alive: bool,
}

/// A request of any method, for servers that are spoken to rather than fetched from.
pub struct Request<'a> {
    /// `GET`, `HEAD`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: &'a str,
    /// Where to.
    pub url: &'a str,
    /// Names and values; the values may be secret, and appear in no message.
    pub headers: Vec<(&'a str, String)>,
    /// The body; none is sent when it is empty.
    pub body: Vec<u8>,
}

struct Outgoing {
    method: Method,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<Vec<u8>>,
    follow: bool,
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

    /// A client that asks the operating system for addresses, with these options.
    ///
    /// # Errors
    /// [`EgressError::Setup`] when TLS cannot be set up or the trusted certificates cannot be read.
    pub fn with_options(policy: EgressPolicy, options: &EgressOptions) -> Result<Self, EgressError> {
        Self::with_lookup_and_options(policy, Arc::new(SystemLookup), options)
    }

    /// A client that finds addresses in another way. They are judged by the policy all the same.
    ///
    /// # Errors
    /// [`EgressError::Setup`] when TLS cannot be set up.
    pub fn with_lookup(policy: EgressPolicy, lookup: Arc<dyn Lookup>) -> Result<Self, EgressError> {
        Self::with_lookup_and_options(policy, lookup, &EgressOptions::default())
    }

    /// Both: another way to find addresses, and options.
    ///
    /// # Errors
    /// Those of [`Egress::with_options`].
    pub fn with_lookup_and_options(
        policy: EgressPolicy,
        lookup: Arc<dyn Lookup>,
        options: &EgressOptions,
    ) -> Result<Self, EgressError> {
        let trusted = match &options.trusted_pem {
            Some(pem) => reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(setup)?,
            None => Vec::new(),
        };
        // Hosts that are fetched from once differ from request to request, so idle connections would only pile up.
        let kept = if options.keep_alive { 4 } else { 0 };
        let clients = Arc::new(Clients::new(lookup, trusted, kept));
        let egress = Self { clients, policy, has_credentials: false };
        // A client that cannot be set up has to fail at the start and not at the first call.
        egress.clients.client(egress.screen(443, false))?;
        Ok(egress)
    }

    /// The same for one purpose.
    #[must_use]
    pub fn for_purpose(&self, purpose: Purpose) -> Self {
        Self { policy: self.policy.for_purpose(purpose), ..self.clone() }
    }

    /// The same in the name of a tenant.
    #[must_use]
    pub fn for_tenant(&self, name: &str) -> Self {
        Self { policy: self.policy.for_tenant(name), ..self.clone() }
    }

    /// The same for requests that carry credentials: by http they go only where the policy lists the address.
    #[must_use]
    pub fn with_credentials(&self) -> Self {
        Self { has_credentials: true, ..self.clone() }
    }

    /// The policy that it is kept within.
    pub fn policy(&self) -> &EgressPolicy {
        &self.policy
    }

    pub(crate) fn screen(&self, port: u16, bare: bool) -> Screen {
        Screen { policy: self.policy.clone(), port, bare }
    }

    /// Fetches `url`, following up to five redirects.
    ///
    /// # Errors
    /// Any [`EgressError`] but [`EgressError::BadStatus`], which [`Response::success`] makes.
    pub async fn get(&self, url: &str, limits: Limits) -> Result<Response, EgressError> {
        let request = Outgoing { method: Method::GET, headers: Vec::new(), body: None, follow: true };
        self.send(request, url, limits).await
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
        let headers = vec![header(CONTENT_TYPE.as_str(), content_type)?];
        let request = Outgoing { method: Method::POST, headers, body: Some(body), follow: true };
        self.send(request, url, limits).await
    }

    /// Sends a request and answers what comes back, redirects included: they are not followed.
    ///
    /// # Errors
    /// Those of [`Egress::get`]; [`EgressError::InvalidUrl`] also for a method or a header that HTTP does not know.
    pub async fn request(&self, request: Request<'_>, limits: Limits) -> Result<Response, EgressError> {
        let url = request.url;
        self.send(outgoing(request)?, url, limits).await
    }

    /// Sends a request and answers the status of what comes back, of which nothing but the head is read.
    ///
    /// # Errors
    /// Those of [`Egress::request`].
    pub async fn status(&self, request: Request<'_>, timeout: Duration) -> Result<u16, EgressError> {
        let url = parse(request.url)?;
        let host = host(&url);
        let request = outgoing(request)?;
        let answer = tokio::time::timeout(timeout, self.hop(&request, &url)).await;
        let answer = answer.unwrap_or(Err(EgressError::Timeout { host, limit: timeout }))?;
        Ok(answer.status().as_u16())
    }

    async fn send(&self, request: Outgoing, url: &str, limits: Limits) -> Result<Response, EgressError> {
        let url = parse(url)?;
        let host = host(&url);
        tokio::time::timeout(limits.timeout, self.follow(request, url, limits.max_bytes))
            .await
            .unwrap_or(Err(EgressError::Timeout { host, limit: limits.timeout }))
    }

    async fn follow(
        &self,
        request: Outgoing,
        mut url: Url,
        max_bytes: usize,
    ) -> Result<Response, EgressError> {
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.hop(&request, &url).await?;
            let next = if request.follow {
                redirection(&request.method, answer.status(), answer.headers(), &url)?
            } else {
                None
            };
            match next {
                Some(next) => url = next,
                None => return read(answer, &url, max_bytes).await,
            }
        }
        Err(refused(&url, format!("there are more than {MAX_REDIRECTS} in a row")))
    }

    /// One request and the head of its answer.
    async fn hop(&self, request: &Outgoing, url: &Url) -> Result<reqwest::Response, EgressError> {
        let host = host(url);
        // Names are judged when they are resolved; literals are not resolved.
        let bare = self.has_credentials && url.scheme() == "http";
        let screen = self.screen(url.port_or_known_default().unwrap_or_default(), bare);
        if let Some(address) = literal(url) {
            screen.check(address).map_err(|denial| EgressError::Denied { host: host.clone(), denial })?;
        }
        let client = self.clients.client(screen)?;
        let mut builder = client.request(request.method.clone(), url.clone());
        for (name, value) in &request.headers {
            builder = builder.header(name, value.clone());
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        builder.send().await.map_err(|error| EgressError::of_client(&host, &error))
    }
}

/// A request as it goes out; redirects are not followed.
fn outgoing(request: Request<'_>) -> Result<Outgoing, EgressError> {
    let method = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| EgressError::InvalidUrl("the method is no method of HTTP".into()))?;
    let mut headers = Vec::with_capacity(request.headers.len());
    for (name, value) in &request.headers {
        headers.push(header(name, value)?);
    }
    let body = Some(request.body).filter(|body| !body.is_empty());
    Ok(Outgoing { method, headers, body, follow: false })
}

/// A header whose value no debugger shows.
fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), EgressError> {
    let name: HeaderName =
        name.parse().map_err(|_| EgressError::InvalidUrl("a header's name is none".into()))?;
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| EgressError::InvalidUrl(format!("the value of the header `{name}` is none")))?;
    value.set_sensitive(name != CONTENT_TYPE);
    Ok((name, value))
}

/// Reads a URL that may be asked for: `http` or `https`, with a host and without credentials.
pub(crate) fn parse(text: &str) -> Result<Url, EgressError> {
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

pub(crate) fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// The address, when the host is one. The URL parser has brought unusual spellings
/// (`http://2130706433/`, `http://0x7f.1/`) into the usual form.
pub(crate) fn literal(url: &Url) -> Option<IpAddr> {
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
