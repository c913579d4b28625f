//! The HTTP client under `instant-acme`: its requests go the way of ours.
//!
//! It gets the directory that is at hand and nonces from the pool, so that an account can be taken up without asking
//! anything. Errors leave as [`AcmeError`]s, with status and `Retry-After`. It is given the parts of an order that it uses, since
//! it refuses an order for the form of any other; the last answer is kept as it was sent.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::BodyExt;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};

use crate::AcmeError;
use crate::budget::Budget;
use crate::error::said;
use crate::server::{Reply, Server};
use crate::wire;

/// The last answer of a server.
pub(crate) type LastReply = Arc<Mutex<Option<Reply>>>;

/// For one call.
pub(crate) struct Shim {
    pub(crate) server: Arc<Server>,
    pub(crate) last: LastReply,
    pub(crate) budget: Arc<Budget>,
}

/// Takes what was kept.
pub(crate) fn take(last: &LastReply) -> Result<Reply, AcmeError> {
    let reply = last.lock().unwrap_or_else(PoisonError::into_inner).take();
    reply.ok_or_else(|| AcmeError::protocol("there was no answer"))
}

impl HttpClient for Shim {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let (server, last, budget) =
            (Arc::clone(&self.server), Arc::clone(&self.last), Arc::clone(&self.budget));
        Box::pin(async move { answer(&server, &last, &budget, request).await.map_err(Error::Other) })
    }
}

type Problem = Box<dyn StdError + Send + Sync>;

async fn answer(
    server: &Server,
    last: &LastReply,
    budget: &Budget,
    request: Request<BodyWrapper<Bytes>>,
) -> Result<BytesResponse, Problem> {
    let (parts, body) = request.into_parts();
    match parts.method {
        Method::GET => {
            let directory = server.directory_body().await?;
            response(StatusCode::OK, &[], directory.to_vec())
        }
        Method::HEAD => {
            let nonce = server.nonce().await?;
            response(StatusCode::OK, &[("replay-nonce", nonce)], Vec::new())
        }
        _ => {
            let body = body.collect().await?.to_bytes();
            budget.request()?;
            post(server, last, budget, (&parts.uri, body.to_vec())).await
        }
    }
}

async fn post(
    server: &Server,
    last: &LastReply,
    budget: &Budget,
    (url, body): (&Uri, Vec<u8>),
) -> Result<BytesResponse, Problem> {
    match server.send(&url.to_string(), body).await {
        Ok(reply) => {
            budget.answer(reply.body.len())?;
            let status = StatusCode::from_u16(reply.status)?;
            let location: Vec<(&str, String)> =
                reply.location.iter().map(|location| ("location", location.clone())).collect();
            // The nonce stays in the pool: with one of its own an order of `instant-acme` would use it a second time.
            let answer = response(status, &location, wire::plain_order(&reply.body));
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply);
            answer
        }
        // `instant-acme` signs anew.
        Err(error) if error.is_problem("badNonce") => {
            let body = r#"{"type":"urn:ietf:params:acme:error:badNonce","detail":"the nonce was used"}"#;
            response(StatusCode::BAD_REQUEST, &[], body.as_bytes().to_vec())
        }
        Err(error) => Err(Box::new(error)),
    }
}

fn response(
    status: StatusCode,
    headers: &[(&'static str, String)],
    body: Vec<u8>,
) -> Result<BytesResponse, Problem> {
    let mut response = http::Response::new(());
    *response.status_mut() = status;
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, HeaderValue::from_str(value)?);
    }
    *response.headers_mut() = map;
    let (parts, ()) = response.into_parts();
    Ok(BytesResponse { parts, body: Box::new(Bytes::from(body)) })
}

/// What `instant-acme` made of an error.
pub(crate) fn unwrapped(error: Error) -> AcmeError {
    match error {
        Error::Other(inner) => match inner.downcast::<AcmeError>() {
            Ok(error) => *error,
            Err(other) => AcmeError::protocol(other.to_string()),
        },
        Error::Api(problem) => {
            let kind = problem.r#type.unwrap_or_default();
            let problem = crate::Problem {
                kind: said(kind.rsplit(':').next().unwrap_or_default()),
                detail: said(&problem.detail.unwrap_or_default()),
                status: problem.status,
                ..crate::Problem::default()
            };
            AcmeError::Problem {
                status: problem.status.unwrap_or(400),
                problem: Box::new(problem),
                retry_after: None,
            }
        }
        other => AcmeError::protocol(other.to_string()),
    }
}
