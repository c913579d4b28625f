//! From a request to an answer: routing, faults, signatures and nonces; what an answer has in common with all others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use poem::{Request, Response, http::Method, http::StatusCode};
use serde_json::Value;

use crate::{
    FakeAcmeOptions, account,
    authority::Authority,
    authorization, certificate,
    connection::Connections,
    jws::{Jwk, Jws},
    knobs::{Fault, Knobs, RetryAfter},
    log::{Endpoint, Log},
    order,
    problem::Problem,
    renewal, revocation,
    state::{State, Status},
};

/// More than any honest request has.
const BODY_LIMIT: usize = 256 * 1024;

pub(crate) struct Service {
    pub(crate) base: String,
    pub(crate) options: FakeAcmeOptions,
    pub(crate) authority: Authority,
    pub(crate) knobs: Arc<Knobs>,
    pub(crate) log: Arc<Log>,
    pub(crate) state: Mutex<State>,
    pub(crate) connections: Arc<Connections>,
}

impl Service {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn url(&self, object: &str, id: u64) -> String {
        format!("{}/{object}/{id}", self.base)
    }
}

/// Where a request goes to, with the numbers of its path.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Directory,
    NewNonce,
    NewAccount,
    Account(u64),
    Orders(u64),
    NewOrder,
    Order(u64),
    Finalize(u64),
    Authorization(u64),
    Challenge(u64),
    Certificate(u64, u8),
    RevokeCertificate,
    KeyChange,
    RenewalInfo(String),
}

impl Target {
    fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let target = match parts.as_slice() {
            ["directory"] => Self::Directory,
            ["new-nonce"] => Self::NewNonce,
            ["new-account"] => Self::NewAccount,
            ["account", id] => Self::Account(id.parse().ok()?),
            ["account", id, "orders"] => Self::Orders(id.parse().ok()?),
            ["new-order"] => Self::NewOrder,
            ["order", id] => Self::Order(id.parse().ok()?),
            ["order", id, "finalize"] => Self::Finalize(id.parse().ok()?),
            ["authorization", id] => Self::Authorization(id.parse().ok()?),
            ["challenge", id] => Self::Challenge(id.parse().ok()?),
            ["certificate", id] => Self::Certificate(id.parse().ok()?, 0),
            ["certificate", id, "alternate", n] => Self::Certificate(id.parse().ok()?, n.parse().ok()?),
            ["revoke-certificate"] => Self::RevokeCertificate,
            ["key-change"] => Self::KeyChange,
            ["renewal-info", id] => Self::RenewalInfo((*id).to_owned()),
            _ => return None,
        };
        Some(target)
    }

    fn endpoint(&self) -> Endpoint {
        match self {
            Self::Directory => Endpoint::Directory,
            Self::NewNonce => Endpoint::NewNonce,
            Self::NewAccount => Endpoint::NewAccount,
            Self::Account(_) => Endpoint::Account,
            Self::Orders(_) => Endpoint::Orders,
            Self::NewOrder => Endpoint::NewOrder,
            Self::Order(_) => Endpoint::Order,
            Self::Finalize(_) => Endpoint::Finalize,
            Self::Authorization(_) => Endpoint::Authorization,
            Self::Challenge(_) => Endpoint::Challenge,
            Self::Certificate(..) => Endpoint::Certificate,
            Self::RevokeCertificate => Endpoint::RevokeCertificate,
            Self::KeyChange => Endpoint::KeyChange,
            Self::RenewalInfo(_) => Endpoint::RenewalInfo,
        }
    }

    fn is_unsigned(&self) -> bool {
        matches!(self, Self::Directory | Self::NewNonce | Self::RenewalInfo(_))
    }

    fn takes_key(&self) -> bool {
        matches!(self, Self::NewAccount | Self::RevokeCertificate)
    }

    fn takes_account(&self) -> bool {
        !matches!(self, Self::NewAccount)
    }
}

/// Who signed a request.
#[derive(Clone)]
pub(crate) enum Signer {
    /// An account (`kid`).
    Account(u64),
    /// A bare key (`jwk`), which only newAccount and revokeCert take.
    Key(Jwk),
}

/// A request whose signature is good.
pub(crate) struct Signed {
    pub(crate) url: String,
    pub(crate) signer: Signer,
    /// None is POST-as-GET.
    pub(crate) payload: Option<Value>,
}

impl Signed {
    /// The account; refuses a bare key, which `Target::takes_key` has let pass for others.
    pub(crate) fn account(&self) -> Result<u64, Problem> {
        match self.signer {
            Signer::Account(id) => Ok(id),
            Signer::Key(_) => Err(Problem::malformed("an account has to sign this")),
        }
    }
}

/// An answer before the headers that all have.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) retry_after: Option<RetryAfter>,
    /// The path that the Retry-After is about when it is not that of the request.
    pub(crate) blocks: Option<String>,
    /// Whole values of Link headers.
    pub(crate) links: Vec<String>,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { body: body.to_string(), ..Self::text(status, "application/json", "") }
    }

    pub(crate) fn text(status: u16, content_type: &'static str, body: &str) -> Self {
        let body = body.to_owned();
        let (location, retry_after, blocks, links) = (None, None, None, Vec::new());
        Self { status, location, retry_after, blocks, links, content_type, body }
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        let links = problem.terms.iter().map(|url| format!("<{url}>;rel=\"terms-of-service\"")).collect();
        Self {
            location: problem.location,
            retry_after: problem.retry_after,
            links,
            body: problem.body.to_string(),
            ..Self::text(problem.status, "application/problem+json", "")
        }
    }
}

pub(crate) fn endpoint(service: Arc<Service>) -> impl poem::Endpoint<Output = Response> {
    poem::endpoint::make(move |request| {
        let service = Arc::clone(&service);
        async move { handle(service, request).await }
    })
}

async fn handle(service: Arc<Service>, request: Request) -> Response {
    let client = request.remote_addr().as_socket_addr().copied();
    let cut = || {
        if let Some(client) = client {
            service.connections.cut(client);
        }
        // Never arrives: the connection does not carry anything any more.
        Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).finish()
    };
    let path = request.uri().path().to_owned();
    let Some(target) = Target::parse(&path) else { return finish(&service, Problem::not_found().into()) };
    let number = service.log.arrived(target.endpoint(), request.method().as_str(), &path);
    let behaviour = service.knobs.behaviour();
    if behaviour.down {
        return cut();
    }
    tokio::time::sleep(behaviour.delay).await;
    let broken = behaviour.broken.iter().find(|(broken, _)| *broken == path);
    let broken = broken.map(|(_, problem)| Fault::Problem(problem.clone()));
    let fault = service.knobs.take_fault(target.endpoint()).or(broken);
    match &fault {
        Some(Fault::DropBefore) => return cut(),
        Some(Fault::Html { status, retry_after }) => {
            if let Some(pause) = retry_after {
                service.log.block(&path, None, *pause);
            }
            service.log.answered(number, *status);
            return html(*status, *retry_after);
        }
        Some(Fault::Redirect(location)) => {
            service.log.answered(number, 302);
            return Response::builder().status(StatusCode::FOUND).header("location", location).finish();
        }
        Some(Fault::Delay(time)) => tokio::time::sleep(*time).await,
        Some(Fault::Problem(_) | Fault::DropAfter) | None => {}
    }
    let refusal = match &fault {
        Some(Fault::Problem(problem)) => Some(problem.clone()),
        _ => None,
    };
    let endpoint = target.endpoint();
    let (mut reply, account) = answer(&service, number, target, (request, refusal)).await;
    if let (Some(rewrite), Ok(mut body)) = (behaviour.rewrite, serde_json::from_str(&reply.body)) {
        rewrite(endpoint, &mut body);
        reply.body = body.to_string();
    }
    if matches!(fault, Some(Fault::DropAfter)) {
        return cut();
    }
    if let Some(pause) = reply.retry_after {
        service.log.block(reply.blocks.as_ref().unwrap_or(&path), account, pause);
    }
    service.log.answered(number, reply.status);
    finish(&service, reply)
}

/// The reply, and the URL of the account that signed the request.
async fn answer(
    service: &Arc<Service>,
    number: usize,
    target: Target,
    (mut request, refusal): (Request, Option<Problem>),
) -> (Reply, Option<String>) {
    let method = request.method().clone();
    if request.header("user-agent").is_none_or(str::is_empty) {
        // RFC 8555 §6.1
        return (Problem::malformed("a request has a User-Agent").into(), None);
    }
    if target.is_unsigned() {
        let reply = match (refusal, method) {
            (Some(problem), _) => problem.into(),
            (None, Method::HEAD) => unsigned(service, &target, true),
            (None, Method::GET) => unsigned(service, &target, false),
            (None, _) => Problem::new(405, "malformed", "GET or HEAD").into(),
        };
        return (reply, None);
    }
    if method != Method::POST {
        return (Problem::new(405, "malformed", "POST, signed (RFC 8555 §6.3)").into(), None);
    }
    let json = request.header("content-type") == Some("application/jose+json");
    let url = format!("{}{}", service.base, request.uri().path());
    let body = request.take_body().into_bytes_limit(BODY_LIMIT).await;
    let Ok(body) = body else { return (Problem::malformed("the body is too big or broken").into(), None) };
    if !json {
        let problem = Problem::new(415, "malformed", "the Content-Type is application/jose+json");
        return (problem.into(), None);
    }
    let signed = match check(service, &target, &url, &body) {
        Ok(signed) => signed,
        Err(problem) => return (problem.into(), None),
    };
    let account = match &signed.signer {
        Signer::Account(id) => Some(service.url("account", *id)),
        Signer::Key(_) => None,
    };
    if let Some(account) = &account {
        service.log.signed_by(number, account.clone());
    }
    let reply = match refusal {
        Some(problem) => Err(problem),
        None => dispatch(service, target, &signed),
    };
    (reply.unwrap_or_else(Reply::from), account)
}

/// Form, key, signature, address and nonce (RFC 8555 §6.2, §6.4, §6.5).
fn check(service: &Service, target: &Target, url: &str, body: &[u8]) -> Result<Signed, Problem> {
    let body = serde_json::from_slice(body).map_err(|_| Problem::malformed("the body is not JSON"))?;
    let jws = Jws::parse(&body)?;
    let (signer, key) = match (jws.text("kid"), jws.header.get("jwk")) {
        (None, Some(jwk)) if target.takes_key() => {
            let key = Jwk::parse(jwk)?;
            (Signer::Key(key.clone()), key)
        }
        (Some(kid), None) if target.takes_account() => {
            let unknown = || Problem::new(400, "accountDoesNotExist", "there is no such account");
            let id = kid.strip_prefix(&format!("{}/account/", service.base));
            let id = id.and_then(|id| id.parse().ok()).ok_or_else(unknown)?;
            let state = service.state();
            let account = state.accounts.get(&id).ok_or_else(unknown)?;
            if account.status != Status::Valid {
                return Err(Problem::new(401, "unauthorized", "the account is not valid any more"));
            }
            (Signer::Account(id), account.jwk.clone())
        }
        _ => return Err(Problem::malformed("either kid or jwk, whichever this resource takes")),
    };
    jws.verify(&key)?;
    if jws.text("url") != Some(url) {
        return Err(Problem::unauthorized("the url header is not this resource's URL"));
    }
    let known = jws.text("nonce").is_some_and(|nonce| service.state().use_nonce(nonce));
    if !known || service.knobs.rejects_nonce() {
        return Err(Problem::new(400, "badNonce", "the nonce is unknown, used or too old"));
    }
    Ok(Signed { url: url.to_owned(), signer, payload: jws.json()? })
}

fn unsigned(service: &Service, target: &Target, head: bool) -> Reply {
    match target {
        Target::Directory => Reply::json(200, &crate::directory::show(service)),
        Target::RenewalInfo(id) => renewal::information(service, id).unwrap_or_else(Reply::from),
        // newNonce is the only other one without a signature; its GET has no content (RFC 8555 §7.2).
        _ => Reply::text(if head { 200 } else { 204 }, "text/plain", ""),
    }
}

fn dispatch(service: &Arc<Service>, target: Target, signed: &Signed) -> Result<Reply, Problem> {
    match target {
        Target::NewAccount => account::create(service, signed),
        Target::Account(id) => account::change(service, signed, id),
        Target::Orders(id) => account::orders(service, signed, id),
        Target::KeyChange => account::change_key(service, signed),
        Target::NewOrder => order::create(service, signed),
        Target::Order(id) => order::read(service, signed, id),
        Target::Finalize(id) => certificate::finalize(service, signed, id),
        Target::Authorization(id) => authorization::read(service, signed, id),
        Target::Challenge(id) => authorization::challenge(service, signed, id),
        Target::Certificate(id, chain) => certificate::download(service, signed, (id, chain)),
        Target::RevokeCertificate => revocation::revoke(service, signed),
        Target::Directory | Target::NewNonce | Target::RenewalInfo(_) => Err(Problem::not_found()),
    }
}

fn finish(service: &Service, reply: Reply) -> Response {
    let mut response = Response::builder()
        .status(StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .content_type(reply.content_type)
        .header("cache-control", "no-store")
        .header("replay-nonce", service.state().new_nonce())
        .header("link", format!("<{}/directory>;rel=\"index\"", service.base));
    if let Some(location) = &reply.location {
        response = response.header("location", location);
    }
    if let Some(retry_after) = reply.retry_after {
        response = response.header("retry-after", retry_after.header());
    }
    for link in &reply.links {
        response = response.header("link", link);
    }
    response.body(reply.body)
}

fn html(status: u16, retry_after: Option<RetryAfter>) -> Response {
    let mut response = Response::builder()
        .status(StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE))
        .content_type("text/html");
    if let Some(retry_after) = retry_after {
        response = response.header("retry-after", retry_after.header());
    }
    response
        .body("<html><head><title>Sorry</title></head><body><h1>Please come back later</h1></body></html>")
}
