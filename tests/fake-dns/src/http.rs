//! The HTTP side of a vendor: requests in, answers out, and failures on demand.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use poem::http::StatusCode;
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{Response, Server};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::zones::Zones;

const LONGEST_BODY: usize = 1024 * 1024;

/// What is particular about a vendor.
pub trait FrontEnd: Send + Sync + 'static {
    /// The answer to a request, credentials and form checked as the vendor does it.
    fn answer(&self, zones: &Zones, request: &Request) -> Reply;

    /// What the vendor says along with a status that is no success.
    fn refusal(&self, status: u16) -> Reply;

    /// Whether a request changes records; one that only reads or fetches a token does not.
    fn changes(&self, request: &Request) -> bool {
        request.method != "GET"
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// In capitals.
    pub method: String,
    /// The path as it was sent, escapes included.
    pub path: String,
    /// The query as it was sent, escapes included.
    pub raw_query: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The parts of the path between the slashes, without escapes.
    pub fn segments(&self) -> Vec<String> {
        self.path.trim_matches('/').split('/').map(unescaped).collect()
    }

    /// A parameter of the query, without escapes.
    pub fn query(&self, name: &str) -> Option<String> {
        self.parameters().into_iter().find(|(present, _)| present == name).map(|(_, value)| value)
    }

    /// All parameters of the query, without escapes.
    pub fn parameters(&self) -> Vec<(String, String)> {
        parameters(&self.raw_query)
    }

    /// The parameters of a body that is a form.
    pub fn form(&self) -> BTreeMap<String, String> {
        parameters(&String::from_utf8_lossy(&self.body)).into_iter().collect()
    }

    /// A header; `name` in lower case.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The token of `Authorization: <scheme> <token>`.
    pub fn token(&self, scheme: &str) -> &str {
        self.header("authorization").strip_prefix(scheme).map_or("", str::trim_start)
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

fn parameters(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescaped(&name.replace('+', " ")), unescaped(&value.replace('+', " ")))
        })
        .collect()
}

fn unescaped(text: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some(octet) = rest.bytes().next() {
        let escaped = rest.get(1..3).filter(|_| octet == b'%');
        if let Some(value) = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            octets.push(value);
            rest = rest.get(3..).unwrap_or_default();
        } else {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            octets.extend_from_slice(rest.as_bytes().get(..length).unwrap_or_default());
            rest = rest.get(length..).unwrap_or_default();
        }
    }
    String::from_utf8_lossy(&octets).into_owned()
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status of HTTP.
    pub status: u16,
    /// Headers beside the content type.
    pub headers: Vec<(String, String)>,
    /// The content type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Reply {
    /// JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self { body: body.to_string(), ..Self::text(status, "application/json", "") }
    }

    /// Any text.
    pub fn text(status: u16, content_type: &'static str, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), content_type, body: body.into() }
    }

    /// Without content.
    pub fn empty(status: u16) -> Self {
        Self::text(status, "application/json", "")
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// How one request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The next request, whatever it is, is answered with this status and nothing is done; `Retry-After: 7` goes with 429.
    Status(u16),
    /// The next request, whatever it is, is refused with a message that repeats all of it.
    Echo,
    /// The next request that changes records is answered with this status and nothing is done.
    ChangeStatus(u16),
    /// The next request that changes records is carried out, and its answer comes so late that nobody waits for it.
    ChangeWithoutAnswer,
    /// The next request that changes records is carried out and answered, and then somebody who has read the zone before it
    /// writes what they read.
    ChangeOverwritten,
    /// The next request that changes records comes after somebody else's with the same content.
    ChangeMadeBefore,
}

pub(crate) struct Api {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    front_end: Arc<dyn FrontEnd>,
    zones: Zones,
    faults: Mutex<VecDeque<Fault>>,
    requests: Mutex<Vec<String>>,
}

impl Api {
    pub(crate) async fn start(front_end: Arc<dyn FrontEnd>, zones: Zones) -> Self {
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a free port");
        let address = *acceptor.local_addr()[0].as_socket_addr().expect("a bound socket has an address");
        let shared =
            Arc::new(Shared { front_end, zones, faults: Mutex::default(), requests: Mutex::default() });
        let served = Arc::clone(&shared);
        let endpoint = poem::endpoint::make(move |request| {
            let shared = Arc::clone(&served);
            async move { handle(&shared, request).await }
        });
        let task = tokio::spawn(async move {
            let _ = Server::new_with_acceptor(acceptor).run(endpoint).await;
        });
        Self { address, shared, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn fail(&self, fault: Fault) {
        lock(&self.shared.faults).push_back(fault);
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        lock(&self.shared.requests).clone()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn handle(shared: &Shared, mut request: poem::Request) -> Response {
    let body = request.take_body().into_bytes_limit(LONGEST_BODY).await.unwrap_or_default();
    let headers = request.headers().iter();
    let request = Request {
        method: request.method().as_str().to_owned(),
        path: request.uri().path().to_owned(),
        raw_query: request.uri().query().unwrap_or_default().to_owned(),
        headers: headers
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect(),
        body: body.to_vec(),
    };
    lock(&shared.requests).push(format!("{} {}?{}", request.method, request.path, request.raw_query));
    let changes = shared.front_end.changes(&request);
    let fault = {
        let mut faults = lock(&shared.faults);
        let met = faults
            .front()
            .filter(|fault| changes || matches!(fault, Fault::Status(_) | Fault::Echo))
            .copied();
        if met.is_some() {
            faults.pop_front();
        }
        met
    };
    let reply = match fault {
        Some(Fault::Status(status) | Fault::ChangeStatus(status)) => {
            let refusal = shared.front_end.refusal(status);
            if status == 429 { refusal.header("retry-after", "7") } else { refusal }
        }
        Some(Fault::Echo) => {
            let body = String::from_utf8_lossy(&request.body);
            let message = format!("bad request: {} {body} {:?}", request.raw_query, request.headers);
            Reply::json(400, &serde_json::json!({ "message": message }))
        }
        Some(Fault::ChangeMadeBefore) => {
            shared.front_end.answer(&shared.zones, &request);
            shared.front_end.answer(&shared.zones, &request)
        }
        Some(Fault::ChangeOverwritten) => {
            let read = shared.zones.lock().zones.clone();
            let reply = shared.front_end.answer(&shared.zones, &request);
            shared.zones.lock().zones = read;
            reply
        }
        _ => shared.front_end.answer(&shared.zones, &request),
    };
    if fault == Some(Fault::ChangeWithoutAnswer) {
        // The client gives up long before, which ends this task.
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
    let mut response = Response::builder()
        .status(StatusCode::from_u16(reply.status).expect("vendors answer with statuses"))
        .content_type(reply.content_type);
    for (name, value) in &reply.headers {
        response = response.header(name.as_str(), value);
    }
    response.body(reply.body)
}
